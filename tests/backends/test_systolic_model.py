"""The cost model: stalls, traffic, energy, area, what fits, and that more memory never costs cycles."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gossamer.backends.systolic import backend
from gossamer.backends.systolic.columns import HardwareColumns, LayerColumns
from gossamer.backends.systolic.hardware import DATAFLOWS, SystolicHardware
from gossamer.backends.systolic.mapping import CANDIDATES, MAPPINGS, NONE, VECTOR
from gossamer.backends.systolic.model import price
from gossamer.backends.systolic.schedules import layer_mappings
from gossamer.ir.layer import Layer

INT8 = {"weight_bits": 8, "activation_bits": 8, "output_bits": 8}
CONV = Layer("conv", 1, 32, 28, 28, 64, 28, 28, 3, 3, **INT8)
DEPTHWISE = Layer("conv", 1, 32, 28, 28, 32, 28, 28, 3, 3, groups=32, **INT8)
POOL = Layer("pool", 1, 32, 28, 28, 32, 14, 14, 2, 2, 2, 2, **INT8)
SEARCHED = {info.name: info.search for info in SystolicHardware.parameters() if info.search}
MEMORIES = ("ifmap_sram_bytes", "filter_sram_bytes", "ofmap_sram_bytes", "dram_bytes_per_s")

chips = st.builds(
    SystolicHardware,
    **{name: st.sampled_from(values) for name, values in SEARCHED.items() if name != "pe_bits"},
    pe_bits=st.just(8),
)


@st.composite
def layers(draw):
    """A padded convolution (dense, grouped or depthwise) or a product."""
    bits = {name: draw(st.sampled_from((2, 4, 8))) for name in INT8}
    ic, oc = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    if draw(st.booleans()):
        return Layer("gemm", draw(st.integers(1, 80)), ic * 7, 1, 1, oc * 5, 1, 1, **bits)
    groups = draw(st.sampled_from((1, 2, 8, 0)))
    groups, ic, oc = (ic, ic, ic) if groups == 0 else (groups, ic * groups, oc * groups)
    oh, ow, k, stride = (
        draw(st.integers(1, 40)),
        draw(st.integers(1, 40)),
        draw(st.sampled_from((1, 3, 5))),
        draw(st.integers(1, 2)),
    )
    n = draw(st.integers(1, 2))
    return Layer("conv", n, ic, oh * stride, ow * stride, oc, oh, ow, k, k, stride, stride, groups=groups, **bits)


def cost(layer, **values):
    return backend.cost([layer], [SystolicHardware(**values)])


@settings(max_examples=150, deadline=None)
@given(layers(), chips, st.sampled_from(MEMORIES), st.sampled_from((2, 3, 16)))
def test_more_memory_never_costs_cycles(layer, chip, name, factor):
    more = replace(chip, **{name: getattr(chip, name) * factor})
    costs = backend.cost([layer, layer], [chip, more])
    assert costs.latency_s[1] <= costs.latency_s[0]
    assert costs.fits[1] or not costs.fits[0]


@settings(max_examples=150, deadline=None)
@given(layers(), chips)
def test_invariants_of_a_row(layer, chip):
    costs = backend.cost([layer], [chip])
    if not costs.fits[0]:
        assert np.isinf(costs.latency_s[0]) and np.isinf(costs.energy_j[0]) and costs.mapping[0] == NONE
        return
    cycles = costs.compute_cycles[0] + costs.stall_cycles[0]
    assert costs.stall_cycles[0] >= 0
    assert costs.latency_s[0] == cycles / chip.clock_hz
    assert cycles >= np.floor(costs.dram_bytes[0] * chip.clock_hz / chip.dram_bytes_per_s)
    touched = min(layer.ih * layer.iw, layer.n * layer.oh * layer.ow)  # a 1x1 kernel with stride skips inputs
    least = (layer.weight_elements * layer.weight_bits + layer.output_elements * layer.output_bits) / 8
    assert costs.dram_bytes[0] >= least + layer.ic * touched * layer.activation_bits / 8 * (1 - 1e-9)
    assert costs.utilization[0] == pytest.approx(layer.macs / (cycles * chip.rows * chip.cols))
    assert 0 < costs.utilization[0] <= 1


@settings(max_examples=100, deadline=None)
@given(layers(), chips, st.sampled_from(("oc", "oh", "ic")))
def test_bigger_layers_never_take_less_time(layer, chip, what):
    if layer.kind == "gemm" and what == "oh" or layer.groups > 1 and what != "oh":
        return
    changes = {"oc": {"oc": 2 * layer.oc}, "ic": {"ic": 2 * layer.ic}, "oh": {"ih": 2 * layer.ih, "oh": 2 * layer.oh}}[
        what
    ]
    costs = backend.cost([layer, replace(layer, **changes)], [chip, chip])
    assert costs.latency_s[1] >= costs.latency_s[0]
    # not so for energy: latency decides the mapping, and the larger layer may get one that moves less


def test_untiled_layer_without_memory_limits_takes_scalesims_cycles():
    plenty = dict.fromkeys(MEMORIES[:3], 32 << 20) | {"dram_bytes_per_s": 2e12, "clock_hz": 1e6}
    for dataflow in DATAFLOWS:
        costs = cost(CONV, dataflow=dataflow, **plenty)
        assert costs.stall_cycles[0] <= 1
        assert costs.dram_bytes[0] == CONV.input_elements + CONV.weight_elements + CONV.output_elements


def test_a_dram_bound_layer_takes_the_time_of_its_traffic():
    slow = cost(CONV, dram_bytes_per_s=1e7)
    seconds = slow.dram_bytes[0] / 1e7
    assert seconds <= slow.latency_s[0] <= seconds * 1.1


def test_depthwise_is_one_narrow_product_a_group():
    costs = backend.cost([DEPTHWISE, CONV], [SystolicHardware(rows=16, cols=16)])
    assert costs.compute_cycles[0] == 32 * (28 * 28 + 2 * 16 + 16 - 2)
    assert costs.utilization[0] < 9 / 256 < costs.utilization[1]


def test_fewer_bits_move_fewer_bytes_and_less_energy():
    narrow = replace(CONV, weight_bits=4, activation_bits=4, output_bits=4)
    costs = backend.cost([CONV, narrow], [SystolicHardware()])
    assert costs.dram_bytes[1] == costs.dram_bytes[0] / 2
    assert costs.energy_j[1] < costs.energy_j[0]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(layers(), chips, st.sampled_from(tuple(INT8)))
def test_fewer_bits_never_take_longer_nor_more_of_anything_under_one_mapping(layer, chip, name):
    narrow = replace(layer, **{name: getattr(layer, name) // 2})
    rows, columns = LayerColumns.of([layer, narrow]), HardwareColumns.of([chip])
    free = price(rows, columns)
    assert free.fits[1] or not free.fits[0]
    assert free.latency_s[1] <= free.latency_s[0]
    if free.fits[0]:
        fixed = price(rows, columns, np.full(2, free.mapping[0]))
        assert fixed.fits[1]
        for column in (fixed.latency_s, fixed.energy_j, fixed.dram_bytes, fixed.sram_bytes):
            assert column[1] <= column[0]
    # free, energy may rise: latency decides, and fewer bits may let a mapping fit that is faster and moves more


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 600), st.integers(1, 300), chips)
def test_listed_tiles_fit_the_srams(m, k, n, chip):
    layer = Layer("gemm", m, k, 1, 1, n, 1, 1, weight_bits=4, activation_bits=8, output_bits=8)
    for mapping in layer_mappings(layer, chip):
        tm, tk, tn = (mapping.schedule.tile_of(axis)[0] for axis in ("n", "ic", "oc"))
        cuts_m, cuts_k, cuts_n = -(-m // tm), -(-k // tk), -(-n // tn)
        held = 1 if chip.dataflow == "os" and cuts_k == 1 else 4  # bytes of a sum that waits for more terms
        assert tm * tk * (2 if cuts_m * cuts_k > 1 else 1) <= chip.ifmap_sram_bytes
        assert tk * tn / 2 * (2 if cuts_n * cuts_k > 1 else 1) <= chip.filter_sram_bytes
        assert tm * tn * held * (2 if cuts_m * cuts_n > 1 else 1) <= chip.ofmap_sram_bytes


def test_operands_wider_than_the_pes_do_not_fit():
    costs = backend.cost(
        [CONV, replace(CONV, weight_bits=4), replace(CONV, activation_bits=16)], [SystolicHardware(pe_bits=8)]
    )
    assert costs.fits.tolist() == [True, True, False]
    assert costs.mappings[costs.mapping[2]] == "none"


def test_weightless_layers_use_the_vector_lanes():
    costs = cost(POOL, cols=4, dram_bytes_per_s=1e12)
    assert costs.mapping[0] == VECTOR
    assert costs.compute_cycles[0] == 32 * 14 * 14 * 4 / 4
    assert cost(replace(POOL, kind="move", kh=1, kw=1)).compute_cycles[0] == 0


def test_area_grows_with_everything_that_takes_room():
    base = backend.area_mm2(SystolicHardware())
    for change in ({"rows": 32}, {"cols": 32}, {"pe_bits": 16}, {"ifmap_sram_bytes": 1 << 20}):
        assert backend.area_mm2(SystolicHardware(**change)) > base
    assert backend.area_mm2(SystolicHardware(technology="7nm")) < base / 5


def test_technology_figures_have_a_source_each():
    from gossamer.backends.systolic.technology import TABLE

    for technology in TABLE:
        cited = dict(technology.sources)
        numbers = [name for name, kind in type(technology).__annotations__.items() if kind in (float, "float")]
        assert sorted(cited) == sorted(numbers)
        assert all(cited.values())


def test_columns_in_bulk_equal_rows_one_by_one():
    rng = np.random.default_rng(0)
    size = 700  # more than one block
    values = {name: [found[i] for i in rng.integers(0, len(found), size)] for name, found in SEARCHED.items()}
    rows = LayerColumns.of([CONV, DEPTHWISE, POOL, replace(CONV, kh=1, kw=1, oc=20)]).take(np.arange(size) % 4)
    hardware = HardwareColumns.of_values(values)
    together = price(rows, hardware)
    for i in range(0, size, 37):
        alone = price(rows.take([i]), hardware.take([i]))
        assert alone.latency_s[0] == together.latency_s[i]
        assert alone.energy_j[0] == together.energy_j[i]
        assert alone.mapping[0] == together.mapping[i]


def test_columns_take_concatenate_and_default():
    chips = HardwareColumns.of_values({"rows": [8, 16], "dataflow": ["os", "is"]})
    assert len(chips) == 2 and chips.cols.tolist() == [16, 16]
    assert HardwareColumns.concatenate([chips, chips.take([0])]).rows.tolist() == [8, 16, 8]
    assert HardwareColumns.of([SystolicHardware()]).dataflow.tolist() == [0]
    with pytest.raises(ValueError, match="3 layers and 2 chips"):
        price(LayerColumns.of([CONV] * 3), chips)


def test_a_mapping_chosen_beforehand_is_priced():
    rows, chips = LayerColumns.of([CONV]), HardwareColumns.of([SystolicHardware()])
    free = price(rows, chips)
    every = [price(rows, chips, np.array([i])) for i in range(CANDIDATES)]
    legal = [i for i, costs in enumerate(every) if costs.fits[0]]
    assert len(legal) > 10
    assert min(every[i].latency_s[0] for i in legal) == free.latency_s[0]
    assert all(every[i].mapping[0] == i for i in legal)
    assert len(set(MAPPINGS)) == len(MAPPINGS)
