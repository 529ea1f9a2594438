"""Speed of the systolic layer-cost model: (layer, mapping, hardware) points per second, one thread.

    python benchmarks/layer_costs.py

Rows are the 21 layers of ResNet-18 and 52 of MobileNetV2 on chips drawn at random from the search values. A point is
one candidate mapping of one row; all are decided on for every row, those of equal tiles together (ladders.py).
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
import sys
from time import perf_counter

import numpy as np

from gossamer.backends.systolic.columns import HardwareColumns, LayerColumns
from gossamer.backends.systolic.hardware import SystolicHardware
from gossamer.backends.systolic.mapping import CANDIDATES
from gossamer.backends.systolic.model import price
from gossamer.ir.layer import Layer

TARGET_POINTS_PER_S = 200_000
ROWS = 20_000


def conv(size: int, ic: int, oc: int, k: int, stride: int = 1, groups: int = 1) -> Layer:
    """A padded int8 convolution."""
    out = size // stride
    bits = {"weight_bits": 8, "activation_bits": 8, "output_bits": 8}
    return Layer("conv", 1, ic, size, size, oc, out, out, k, k, stride, stride, groups=groups, **bits)


def resnet18() -> list[Layer]:
    layers = [conv(224, 3, 64, 7, 2)]
    for size, ic, oc in ((56, 64, 64), (56, 64, 128), (28, 128, 256), (14, 256, 512)):
        stride = 1 if ic == oc else 2
        layers += [conv(size, ic, oc, 3, stride), *[conv(size // stride, oc, oc, 3)] * 3]
        layers += [conv(size, ic, oc, 1, stride)] if stride == 2 else []
    return [*layers, conv(1, 512, 1000, 1)]


def mobilenet_v2() -> list[Layer]:
    layers, size, ic = [conv(224, 3, 32, 3, 2)], 112, 32
    table = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    for expand, oc, repeats, first in table:
        for index in range(repeats):
            stride, wide = first if index == 0 else 1, ic * expand
            layers += [conv(size, ic, wide, 1)] if expand > 1 else []
            layers += [conv(size, wide, wide, 3, stride, wide), conv(size // stride, wide, oc, 1)]
            size, ic = size // stride, oc
    return [*layers, conv(size, 320, 1280, 1), conv(1, 1280, 1000, 1)]


def measure(repeats: int = 5) -> dict[str, float]:
    """Rows/s and points/s, the median of some repeats."""
    rng = np.random.default_rng(0)
    layers = LayerColumns.of(resnet18() + mobilenet_v2())
    searched = [info for info in SystolicHardware.parameters() if info.search]
    values = {info.name: [info.search[i] for i in rng.integers(0, len(info.search), ROWS)] for info in searched}
    rows, chips = layers.take(np.arange(ROWS) % len(layers)), HardwareColumns.of_values(values)
    price(rows.take(slice(0, 512)), chips.take(slice(0, 512)))
    times: list[float] = []
    for _ in range(repeats):
        start = perf_counter()
        price(rows, chips)
        times.append(perf_counter() - start)
    rate = ROWS / float(np.median(times))
    return {"rows_per_s": rate, "points_per_s": rate * CANDIDATES, "target_points_per_s": TARGET_POINTS_PER_S}


if __name__ == "__main__":
    result = measure()
    if "--json" in sys.argv:
        print(json.dumps(result))
    else:
        rows, points = result["rows_per_s"], result["points_per_s"]
        print(f"layer costs: {rows:,.0f} rows/s x {CANDIDATES} mappings = {points:,.0f} points/s")
        print(f"target:      {TARGET_POINTS_PER_S:,} points/s")
