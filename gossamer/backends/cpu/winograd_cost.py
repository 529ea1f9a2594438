"""Which signatures the CPU can run by Winograd's algorithm, and what they cost so."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gossamer.backends.base import LayerCosts
from gossamer.backends.cpu.cost import layer_costs, predicted_s
from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.ir.layer import Layer
from gossamer.ir.schedule import Schedule
from gossamer.ir.winograd import LARGEST_TILE

FLOAT_BITS = 32


def runs_winograd(layer: Layer, m: int) -> bool:
    """As `algorithms.winograd_obstacle` says of nodes: square kernel, stride 1, one group, floats, small tiles."""
    plain = (layer.stride_h, layer.stride_w, layer.dilation_h, layer.dilation_w, layer.groups) == (1, 1, 1, 1, 1)
    floats = layer.weight_bits == layer.activation_bits == FLOAT_BITS
    return layer.kind == "conv" and layer.kh == layer.kw > 1 and plain and floats and m + layer.kh - 1 <= LARGEST_TILE


def costs_as(
    layers: Sequence[Layer], algorithms: Sequence[Schedule | None], hardware: Sequence[CpuHardware]
) -> LayerCosts:
    """Latency by `predicted_s`; energy follows it, as every core counts as busy for the whole layer."""
    machines = list(hardware) * (len(layers) if len(hardware) == 1 else 1)
    costs = layer_costs(layers, machines)
    latency, energy = costs.latency_s.copy(), costs.energy_j.copy()
    for place, algorithm in enumerate(algorithms):
        if algorithm is not None and algorithm.winograd_m is not None:
            machine = machines[place]
            latency[place] = predicted_s(layers[place], machine, algorithm.winograd_m)
            energy[place] += (latency[place] - costs.latency_s[place]) * machine.cores * machine.core_power_w
    return replace(costs, latency_s=latency, energy_j=np.maximum(energy, 0))
