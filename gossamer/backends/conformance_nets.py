"""Two small networks for the suite: one f32, one int8, each with a residual, a depthwise convolution and a classifier.

Both are what a frontend or the quantise pass would give, before fusion. Seeded, so every run sees the same weights.
"""

from functools import cache

import numpy as np

from gossamer.ir.build import GraphBuilder
from gossamer.ir.graph import Array, Module, Params
from gossamer.ir.ops.activations import Relu
from gossamer.ir.ops.math import Add
from gossamer.ir.ops.nn import Conv2d, Gemm
from gossamer.ir.ops.pooling import MaxPool2d
from gossamer.ir.ops.quant import Cast
from gossamer.ir.ops.reductions import ReduceMean
from gossamer.ir.ops.structure import Param
from gossamer.ir.ops.tensor import Reshape
from gossamer.ir.types import F32, I8, I32, U8, Quant, TensorType, Value

CHANNELS, SIZE, CLASSES = 8, 12, 5
SCALE = 0.05
"""Scale of the int8 network's activations (u8, zero point 0) and, over ten, of its weights."""


@cache
def networks() -> tuple[Module, ...]:
    """The f32 and the int8 network, without hardware."""
    return float_network(), int8_network()


def sample_inputs(module: Module, seed: int = 0) -> dict[str, Array]:
    """Random inputs of the right types: [0, 1) for floats, the whole range for integers."""
    rng = np.random.default_rng(seed)
    found: dict[str, Array] = {}
    for value in module.graph.inputs:
        if value.dtype.integer:
            found[value.name] = rng.integers(value.dtype.low, value.dtype.high + 1, value.shape).astype(
                value.dtype.numpy
            )
        else:
            found[value.name] = rng.random(value.shape).astype(np.float32)
    return found


class _Net(GraphBuilder):
    """A builder that makes parameters up as it goes."""

    def __init__(self) -> None:
        super().__init__()
        self.arrays: dict[str, Array] = {}
        self._rng = np.random.default_rng(1)

    def floats(self, name: str, *shape: int) -> Value:
        fan_in = int(np.prod(shape[1:])) or 1
        self.arrays[name] = (self._rng.standard_normal(shape) / np.sqrt(fan_in)).astype(np.float32)
        return self.add(Param(name, TensorType(F32, shape)), name)

    def int8s(self, name: str, *shape: int) -> Value:
        self.arrays[name] = self._rng.integers(-60, 61, shape).astype(np.int8)
        return self.add(Param(name, TensorType(I8, shape, Quant((SCALE / 10,)))), name)

    def int32s(self, name: str, channels: int) -> Value:
        self.arrays[name] = self._rng.integers(-500, 500, (channels,)).astype(np.int32)
        return self.add(Param(name, TensorType(I32, (channels,), Quant((SCALE * SCALE / 10,)))), name)


def float_network() -> Module:
    """conv - relu - depthwise - relu - add - max pool - mean - gemm."""
    b = _Net()
    x = b.input("x", TensorType(F32, (1, 3, SIZE, SIZE)))
    stem = b.add(
        Conv2d(x, b.floats("w0", CHANNELS, 3, 3, 3), b.floats("b0", CHANNELS), pads=(1, 1, 1, 1)), label="stem"
    )
    left = b.add(Relu(stem), label="stem.relu")
    deep = Conv2d(left, b.floats("w1", CHANNELS, 1, 3, 3), pads=(1, 1, 1, 1), groups=CHANNELS)
    right = b.add(Relu(b.add(deep, label="depthwise")), label="depthwise.relu")
    pooled = b.add(MaxPool2d(b.add(Add(left, right), label="residual"), (2, 2), (2, 2), (0, 0, 0, 0)), label="pool")
    flat = b.add(Reshape(b.add(ReduceMean(pooled, (2, 3)), label="mean"), (1, CHANNELS)), label="flat")
    y = b.add(Gemm(flat, b.floats("w2", CHANNELS, CLASSES), b.floats("b2", CLASSES)), "y", label="classifier")
    return Module("conformance_f32", b.finish((y,)), Params(b.arrays))


def int8_network() -> Module:
    """The same shape in u8 activations and i8 weights, with the casts that the quantise pass puts between."""
    b = _Net()

    def real(value: Value) -> Value:
        return b.add(Cast(value, TensorType(F32, value.shape)))

    def quantised(value: Value) -> Value:
        return b.add(Cast(value, TensorType(U8, value.shape, Quant((SCALE,)))))

    x = b.input("x", TensorType(U8, (1, 3, SIZE, SIZE), Quant((SCALE,))))
    stem = Conv2d(x, b.int8s("w0", CHANNELS, 3, 3, 3), b.int32s("b0", CHANNELS), pads=(1, 1, 1, 1))
    left = quantised(b.add(Relu(real(b.add(stem, label="stem"))), label="stem.relu"))
    deep = Conv2d(left, b.int8s("w1", CHANNELS, 1, 3, 3), pads=(1, 1, 1, 1), groups=CHANNELS)
    right = quantised(b.add(Relu(real(b.add(deep, label="depthwise"))), label="depthwise.relu"))
    total = quantised(b.add(Add(real(left), real(right)), label="residual"))
    mean = quantised(
        b.add(
            ReduceMean(real(b.add(MaxPool2d(total, (2, 2), (2, 2), (0, 0, 0, 0)), label="pool")), (2, 3)), label="mean"
        )
    )
    flat = b.add(Reshape(mean, (1, CHANNELS)), label="flat")
    logits = b.add(Gemm(flat, b.int8s("w2", CHANNELS, CLASSES)), label="classifier")
    y = b.add(Cast(logits, TensorType(F32, logits.shape)), "y")
    return Module("conformance_int8", b.finish((y,)), Params(b.arrays))
