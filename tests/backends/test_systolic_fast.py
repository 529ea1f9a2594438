"""What makes the cost model fast changes no number: steps left out, blocks, their order, and the columnar door."""

from dataclasses import asdict, fields

import numpy as np
import pytest

from gossamer.backends.base import LayerCosts
from gossamer.backends.columnar import ColumnarBackend
from gossamer.backends.systolic import backend
from gossamer.backends.systolic.columns import HardwareColumns, LayerColumns
from gossamer.backends.systolic.hardware import SystolicHardware
from gossamer.backends.systolic.model import BLOCK, price

SEARCHED = {info.name: info.search for info in SystolicHardware.parameters() if info.search}
ROWS = 3 * BLOCK


def random_rows(seed: int) -> tuple[LayerColumns, HardwareColumns]:
    """Layers of every kind, small and middling, on chips of the search values."""
    rng = np.random.default_rng(seed)
    values = {f.name: rng.integers(1, 40, ROWS).astype(float) for f in fields(LayerColumns)}
    values["kind"] = rng.choice([0.0, 1, 2, 3, 4, 5, 6], ROWS, p=[0.4, 0.35, 0.05, 0.05, 0.05, 0.05, 0.05])
    values["n"] = rng.integers(1, 4, ROWS).astype(float)
    for names, numbers in (
        (("kh", "kw"), [1.0, 3, 5]),
        (("stride_h", "stride_w", "dilation_h", "dilation_w", "operands"), [1.0, 2]),
        (("weight_bits", "activation_bits", "output_bits"), [2.0, 4, 6, 8, 16]),
        (("groups",), [1.0, 2, 4]),
    ):
        values |= {name: rng.choice(numbers, ROWS) for name in names}
    for name in ("ic", "oc"):
        values[name] *= values["groups"]
    chips = {name: rng.choice(choices, ROWS).tolist() for name, choices in SEARCHED.items()}
    return LayerColumns(**values), HardwareColumns.of_values(chips)


def assert_same(found: LayerCosts, expected: LayerCosts) -> None:
    for f in fields(LayerCosts):
        assert np.array_equal(getattr(found, f.name), getattr(expected, f.name)), f.name


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_steps_left_out_change_nothing(seed):
    layers, chips = random_rows(seed)
    every = np.full(len(layers), -1)  # free to choose, but no step is left out where mappings are asked for
    assert_same(price(layers, chips), price(layers, chips, every))


def test_rows_do_not_depend_on_their_company():
    layers, chips = random_rows(3)
    together, order = price(layers, chips), np.random.default_rng(0).permutation(ROWS)
    mixed = price(layers.take(order), chips.take(order))
    assert np.array_equal(mixed.energy_j, together.energy_j[order])
    for row in range(0, ROWS, 37):
        alone = price(layers.take([row]), chips.take([row]))
        for f in fields(LayerCosts):
            if f.name != "mappings":
                assert getattr(alone, f.name)[0] == getattr(together, f.name)[row], f.name


def test_the_columnar_door_gives_the_same_numbers():
    assert isinstance(backend, ColumnarBackend)
    layers, chips = random_rows(4)
    columns = {f.name: getattr(layers, f.name) for f in fields(layers)}
    hardware = {name: getattr(chips, name) for name in SEARCHED}  # technology left out: the default
    assert_same(backend.cost_columns(columns, hardware), price(layers, chips))
    areas = backend.area_columns(hardware)
    for row in range(0, ROWS, 97):
        words = {"dataflow": ("ws", "os", "is")[int(hardware["dataflow"][row])]}
        chip = SystolicHardware(**{n: type(v)(hardware[n][row]) if n != "dataflow" else words[n]
                                   for n, v in asdict(SystolicHardware()).items() if n in hardware})  # fmt: skip
        assert backend.area_mm2(chip) == areas[row]
