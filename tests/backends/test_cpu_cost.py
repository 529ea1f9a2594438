"""The roofline: what it must get right whatever its constants are."""

from dataclasses import replace

import numpy as np

from gossamer.backends.base import LayerCosts
from gossamer.backends.cpu.cost import layer_costs, predicted_s
from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.ir.layer import Layer

CONV = Layer("conv", n=1, ic=64, ih=56, iw=56, oc=64, oh=56, ow=56, kh=3, kw=3)
CPU = CpuHardware(cores=2, clock_hz=3e9)


def priced(layer: Layer, **changes: float) -> float:
    return float(layer_costs([layer], [replace(CPU, **changes)]).latency_s[0])


def test_one_hardware_serves_all_layers_and_rows_answer_in_order():
    wide = Layer("conv", n=1, ic=64, ih=56, iw=56, oc=128, oh=56, ow=56, kh=3, kw=3)
    costs = layer_costs([CONV, wide], [CPU])
    assert isinstance(costs, LayerCosts) and costs.fits.all()
    assert costs.latency_s[1] > 1.8 * costs.latency_s[0]
    assert costs.latency_s[0] == layer_costs([CONV], [CPU]).latency_s[0]


def test_more_of_anything_never_hurts():
    base = priced(CONV)
    for name, value in (
        ("cores", 4),
        ("clock_hz", 4e9),
        ("fma_units", 4),
        ("vector_bits", 1024),
        ("l2_bytes", 1 << 24),
        ("l3_bytes_per_s", 1e12),
    ):
        assert priced(CONV, **{name: value}) <= base, name


def test_arithmetic_of_a_convolution_is_near_its_peak_share():
    macs = CONV.macs
    ideal = macs / CPU.peak_macs_per_s
    assert ideal < priced(CONV) < 2 * ideal
    assert 0.5 < float(layer_costs([CONV], [CPU]).utilization[0]) <= 1


def test_eight_bits_pay_only_where_there_are_dot_products():
    narrow = Layer(
        "conv",
        n=1,
        ic=64,
        ih=56,
        iw=56,
        oc=64,
        oh=56,
        ow=56,
        kh=3,
        kw=3,
        weight_bits=8,
        activation_bits=8,
        output_bits=8,
    )
    assert priced(narrow, int8_dot=4) < 0.5 * priced(CONV)
    assert priced(narrow, int8_dot=1) > 0.8 * priced(CONV)


def test_part_of_a_vector_costs_a_whole_one():
    odd = Layer("conv", n=1, ic=64, ih=56, iw=56, oc=17, oh=56, ow=56, kh=3, kw=3)
    even = Layer("conv", n=1, ic=64, ih=56, iw=56, oc=32, oh=56, ow=56, kh=3, kw=3)
    assert priced(odd) == priced(even)


def test_winograd_pays_on_large_images_and_not_on_small_ones():
    small = Layer("conv", n=1, ic=512, ih=7, iw=7, oc=512, oh=7, ow=7, kh=3, kw=3)
    assert predicted_s(CONV, CPU, 4) < predicted_s(CONV, CPU)
    assert predicted_s(small, CPU, 4) > predicted_s(small, CPU)


def test_every_kind_of_layer_has_a_price():
    for kind in ("conv", "gemm", "pool", "eltwise", "reduce", "move", "other"):
        costs = layer_costs([Layer(kind, n=1, ic=8, ih=4, iw=4, oc=8, oh=4, ow=4)], [CPU])
        assert np.isfinite(costs.latency_s[0]) and costs.latency_s[0] > 0
