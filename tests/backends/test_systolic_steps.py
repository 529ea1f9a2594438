"""The closed form of latency and traffic against a walk through every tile of a layer, one after the other."""

from itertools import product
from math import ceil

import numpy as np
import pytest

from gossamer.backends.systolic import backend
from gossamer.backends.systolic.columns import HardwareColumns, LayerColumns
from gossamer.backends.systolic.cycles import array_cycles
from gossamer.backends.systolic.hardware import DATAFLOWS, SystolicHardware
from gossamer.backends.systolic.model import price
from gossamer.backends.systolic.schedules import layer_mappings
from gossamer.ir.layer import Layer

EVEN = Layer("gemm", 128, 256, 1, 1, 64, 1, 1, weight_bits=8, activation_bits=8, output_bits=8)
RAGGED = Layer("gemm", 125, 250, 1, 1, 99, 1, 1, weight_bits=8, activation_bits=4, output_bits=8)


def walk(layer, chip, schedule):
    """Cycles and DRAM bytes of a gemm: load the next tiles and store the last output while the current ones compute."""
    whole = {"n": layer.n, "oc": layer.oc, "ic": layer.ic}
    tile = {axis: schedule.tile_of(axis)[0] for axis in whole}
    code = float(DATAFLOWS.index(chip.dataflow))
    held, steps = {"a": None, "f": None}, []
    for at in product(*(range(ceil(whole[axis] / tile[axis])) for axis in schedule.order)):
        where = dict(zip(schedule.order, at, strict=True))
        size = {axis: min(tile[axis], whole[axis] - where[axis] * tile[axis]) for axis in whole}
        load = 0.0
        for name, axes, bits in (("a", ("n", "ic"), layer.activation_bits), ("f", ("ic", "oc"), layer.weight_bits)):
            wanted = tuple(where[axis] for axis in axes)
            if held[name] != wanted:
                held[name], load = wanted, load + size[axes[0]] * size[axes[1]] * bits / 8
        done = (where["ic"] + 1) * tile["ic"] >= layer.ic
        store = size["n"] * size["oc"] * layer.output_bits / 8 if done else 0.0
        dims = (np.float64(size[axis]) for axis in ("n", "oc", "ic"))
        steps.append((load, float(array_cycles(code, *dims, chip.rows, chip.cols)), store))
    rate = chip.clock_hz / chip.dram_bytes_per_s
    cycles = steps[0][0] * rate
    for i, (_, compute, _) in enumerate(steps):
        ahead = steps[i + 1][0] if i + 1 < len(steps) else 0.0
        behind = steps[i - 1][2] if i else 0.0
        cycles += max(compute, (ahead + behind) * rate)
    return cycles + steps[-1][2] * rate, sum(load + store for load, _, store in steps), len(steps)


@pytest.mark.slow
@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("bandwidth", [2e8, 1.6e9, 2e10])
@pytest.mark.parametrize("layer", [EVEN, RAGGED], ids=["even", "ragged"])
def test_every_mapping_against_a_walk_through_its_tiles(layer, bandwidth, dataflow):
    chip = SystolicHardware(dataflow=dataflow, dram_bytes_per_s=bandwidth)
    mappings = layer_mappings(layer, chip)
    assert len(mappings) > 10
    wanted = np.array([m.candidate for m in mappings])
    rows = LayerColumns.of([layer]).take(np.zeros(len(wanted), dtype=int))
    costs = price(rows, HardwareColumns.of([chip]), wanted)
    slack = 1e-6 if layer is EVEN else 0.2  # tiles of unequal size are averaged
    for i, mapping in enumerate(mappings):
        cycles, moved, steps = walk(layer, chip, mapping.schedule)
        modelled = costs.compute_cycles[i] + costs.stall_cycles[i]
        assert modelled == mapping.cycles
        kept = steps == 1 or moved == pytest.approx(costs.dram_bytes[i])
        # one channel tile under the order `mn`: the walk finds the weights still there, the order `nm` prices that
        assert kept or moved < costs.dram_bytes[i]
        if kept:
            assert cycles == pytest.approx(modelled, rel=slack + 1.5 / steps)
            assert cycles <= modelled * (1 + slack) + 1


def test_the_default_is_the_fastest_listed():
    chip = SystolicHardware()
    mappings = layer_mappings(EVEN, chip)
    assert mappings[0].cycles == min(m.cycles for m in mappings)
    assert backend.cost([EVEN], [chip]).mapping[0] == mappings[0].candidate
