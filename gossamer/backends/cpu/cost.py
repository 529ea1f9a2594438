"""What a layer costs on a CPU, in closed form: a roofline with stated efficiencies, one row per (layer, hardware).

    latency = max(arithmetic, last-level-cache traffic, memory traffic) + launch

arithmetic: lanes are filled in whole vectors of channels, products start at `fma_units` per cycle and core, at the
efficiency of the layer's kind below. Weights that exceed the cores' second-level caches come from the last level (or
memory) in every run; activations larger than them do too. Depthwise and pooling are bound by their loads.

The efficiencies are medians of (ideal / measured) time over the layers of ResNet-18 and MobileNetV2 on one AVX-512
machine with two threads (`benchmarks/cpu.py` prints them anew): a prediction for another machine is a guess of that
quality. Energy is power times time plus memory traffic: every core counts as busy for the whole layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.base import LayerCosts
from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.terms import LAUNCH_S
from gossamer.backends.cpu.winograd_plan import winograd_s
from gossamer.ir.layer import Layer

Floats = NDArray[np.float64]

DENSE, POINTWISE, WINDOW, VECTOR = 0.72, 0.50, 0.14, 0.06
"""Share of peak arithmetic reached by shared-weight sums with a window, by those without (1x1, gemm), by depthwise and
pooling windows, and by element-wise code and reductions."""


@dataclass(frozen=True)
class _Columns:
    """Layers as columns of float64."""

    n: Floats
    ic: Floats
    oc: Floats
    oh: Floats
    ow: Floats
    kh: Floats
    kw: Floats
    groups: Floats
    weight_bits: Floats
    activation_bits: Floats
    inputs: Floats
    outputs: Floats
    output_bits: Floats
    weights: Floats
    dense: NDArray[np.bool_]
    window: NDArray[np.bool_]


def layer_costs(layers: Sequence[Layer], hardware: Sequence[CpuHardware]) -> LayerCosts:
    """Price layers[i] on hardware[i]; one hardware serves all layers."""
    machines = list(hardware) * (len(layers) if len(hardware) == 1 else 1)
    c, rows = _columns(layers), len(layers)
    cores, clock, lanes, units, dot, l2, l3, l3_rate, dram_rate, power, dram_energy = _machine_columns(machines)
    cycles = _cycles(c, lanes * _packing(c, dot), units) / cores
    weight_bytes, activation_bytes = (
        c.weights * c.weight_bits / 8,
        (c.inputs * c.activation_bits + c.outputs * c.output_bits) / 8,
    )
    beyond_l2 = np.where(weight_bytes > l2 * cores / 2, weight_bytes, 0) + np.where(
        activation_bytes > l2 * cores / 2, activation_bytes, 0
    )
    beyond_l3 = np.where(weight_bytes + activation_bytes > l3, weight_bytes + activation_bytes, 0)
    arithmetic_s = cycles / clock
    traffic_s = np.maximum(beyond_l2 / l3_rate, beyond_l3 / dram_rate)
    latency = np.maximum(arithmetic_s, traffic_s) + LAUNCH_S
    ideal = _work(c) / (cores * clock * lanes * units)
    return LayerCosts(
        latency_s=latency,
        energy_j=latency * cores * power + beyond_l3 * dram_energy,
        compute_cycles=np.ceil(cycles).astype(np.int64),
        stall_cycles=np.ceil(np.maximum(latency - arithmetic_s, 0) * clock).astype(np.int64),
        sram_bytes=weight_bytes + activation_bytes,
        dram_bytes=beyond_l3.astype(np.float64),
        utilization=np.clip(ideal / latency, 0, 1),
        fits=np.ones(rows, np.bool_),
        mapping=np.zeros(rows, np.int64),
        mappings=("direct",),
    )


def predicted_s(layer: Layer, hardware: CpuHardware, winograd_m: int | None = None) -> float:
    """Expected seconds of one layer; with `winograd_m`, of its F(m x m, r x r) form."""
    if winograd_m is not None and layer.kind == "conv":
        return winograd_s(layer, winograd_m, hardware)
    return float(layer_costs([layer], [hardware]).latency_s[0])


def _cycles(c: _Columns, lanes: Floats, units: Floats) -> Floats:
    """Core cycles of the arithmetic, all cores' together."""
    vectors = np.ceil(c.oc / lanes) * c.n * c.oh * c.ow
    taps = c.kh * c.kw
    dense = vectors * taps * c.ic / c.groups / (units * np.where(taps > 1, DENSE, POINTWISE))
    window = vectors * taps / (units * WINDOW)
    plain = np.maximum(c.inputs, c.outputs) / lanes / (units * VECTOR)
    return np.where(c.dense, dense, np.where(c.window, window, plain))


def _work(c: _Columns) -> Floats:
    """Multiply-accumulates; elements of layers that have none."""
    macs = c.n * c.oc * c.oh * c.ow * c.kh * c.kw * c.ic / c.groups
    return np.where(c.dense | c.window, macs, np.maximum(c.inputs, c.outputs))


def _packing(c: _Columns, dot: Floats) -> Floats:
    """Products per 32-bit lane: the dot product's where both sides have at most 8 bits and channels are summed over."""
    narrow = (c.weight_bits <= 8) & (c.activation_bits <= 8) & c.dense
    return np.where(narrow, dot, 1.0)


def _columns(layers: Sequence[Layer]) -> _Columns:
    def column(get: str) -> Floats:
        return np.array([getattr(layer, get) for layer in layers], np.float64)

    kinds = np.array([layer.kind for layer in layers])
    depthwise = np.array([layer.depthwise for layer in layers], np.bool_)
    has_macs = (kinds == "conv") | (kinds == "gemm")
    names = (
        "n",
        "ic",
        "oc",
        "oh",
        "ow",
        "kh",
        "kw",
        "groups",
        "weight_bits",
        "activation_bits",
        "input_elements",
        "output_elements",
        "output_bits",
        "weight_elements",
    )
    return _Columns(
        *(column(name) for name in names), dense=has_macs & ~depthwise, window=depthwise | (kinds == "pool")
    )


def _machine_columns(machines: Sequence[CpuHardware]) -> NDArray[np.float64]:
    rows = [
        (
            h.cores, h.clock_hz, h.lanes, h.fma_units, h.int8_dot, h.l2_bytes, h.l3_bytes, h.l3_bytes_per_s,
            h.dram_bytes_per_s, h.core_power_w, h.dram_j_per_byte,
        )
        for h in machines
    ]  # fmt: skip
    return np.array(rows, np.float64).T.reshape(11, -1)
