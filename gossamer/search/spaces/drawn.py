"""Networks written layer by layer, with weights drawn from a seed: how the families here write their modules.

    net = DrawnNetwork((3, 32, 32), seed=0)
    x = net.batch_norm(net.conv(net.image, "stem", 16, kernel=3), "stem.bn")
    module = net.finish("tiny", net.linear(net.mean(x, "mean"), "classifier", 10))

A weight is drawn when it is first read, from the seed and its own name: the order of layers changes nothing, and who
only looks at the graph draws none. Normal of variance 2 / fan-in (He et al. 2015); biases 0; batch norms the identity.
"""

from collections.abc import Callable
from zlib import crc32

import numpy as np

from gossamer.ir.build import GraphBuilder
from gossamer.ir.graph import Array, Module, Params
from gossamer.ir.op import Op
from gossamer.ir.ops.activations import Relu
from gossamer.ir.ops.math import Add, Mul
from gossamer.ir.ops.nn import BatchNorm, Conv2d, Gemm
from gossamer.ir.ops.pooling import AvgPool2d
from gossamer.ir.ops.reductions import ReduceMean
from gossamer.ir.ops.structure import Param
from gossamer.ir.types import F32, TensorType, Value
from gossamer.search.lower import INPUT, OUTPUT


class DrawnNetwork:
    """A module under construction; every method appends to it. Slots become labels, and the names of values."""

    def __init__(self, input_shape: tuple[int, int, int], seed: int = 0) -> None:
        self._builder = GraphBuilder()
        self._seed = seed
        self._params: dict[str, Callable[[], Array]] = {}
        self.image = self._builder.input(INPUT, TensorType(F32, (1, *input_shape)))

    def add(self, op: Op, slot: str) -> Value:
        """Any op of one result."""
        return self._builder.add(op, slot, label=slot)

    def conv(self, x: Value, slot: str, oc: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> Value:
        """A square kernel without bias, padded by kernel // 2: the size stays, or is divided by the stride."""
        weight = self._normal(f"{slot}.weight", (oc, x.shape[1] // groups, kernel, kernel))
        return self.add(Conv2d(x, weight, None, (stride, stride), (kernel // 2,) * 4, (1, 1), groups), slot)

    def dilated(self, x: Value, slot: str, kernel: int, stride: int, dilation: int) -> Value:
        """A depthwise convolution with holes, padded so that the size stays, or is divided by the stride."""
        weight = self._normal(f"{slot}.weight", (x.shape[1], 1, kernel, kernel))
        pads = (dilation * (kernel // 2),) * 4
        return self.add(Conv2d(x, weight, None, (stride, stride), pads, (dilation, dilation), x.shape[1]), slot)

    def batch_norm(self, x: Value, slot: str) -> Value:
        c = x.shape[1]
        scale, variance = (self._constant(f"{slot}.{what}", (c,), 1.0) for what in ("scale", "variance"))
        bias, mean = (self._constant(f"{slot}.{what}", (c,), 0.0) for what in ("bias", "mean"))
        return self.add(BatchNorm(x, scale, bias, mean, variance), slot)

    def relu(self, x: Value, slot: str) -> Value:
        return self.add(Relu(x), slot)

    def plus(self, x: Value, y: Value, slot: str) -> Value:
        return self.add(Add(x, y), slot)

    def zeroed(self, x: Value, slot: str) -> Value:
        """0 times x."""
        return self.add(Mul(x, self._constant(f"{slot}.zero", (1,), 0.0)), slot)

    def avg_pool(self, x: Value, slot: str, kernel: int, stride: int, pad: int) -> Value:
        """Padding does not count in the mean."""
        return self.add(AvgPool2d(x, (kernel, kernel), (stride, stride), (pad,) * 4), slot)

    def mean(self, x: Value, slot: str) -> Value:
        """Over the image: [1, C]."""
        return self.add(ReduceMean(x, (2, 3), False), slot)

    def linear(self, x: Value, slot: str, oc: int) -> Value:
        """With bias; its result is the network's output."""
        weight = self._normal(f"{slot}.weight", (oc, x.shape[1]))
        bias = self._constant(f"{slot}.bias", (oc,), 0.0)
        return self._builder.add(Gemm(x, weight, bias, True), OUTPUT, label=slot)

    def finish(self, name: str, *outputs: Value) -> Module:
        return Module(name, self._builder.finish(outputs), Params(self._params))

    def _normal(self, name: str, shape: tuple[int, ...]) -> Value:
        deviation = np.sqrt(2 / np.prod(shape[1:]))

        def draw() -> Array:
            rng = np.random.default_rng((self._seed, crc32(name.encode())))
            return rng.normal(0, deviation, shape).astype(np.float32)

        return self._param(name, shape, draw)

    def _constant(self, name: str, shape: tuple[int, ...], value: float) -> Value:
        return self._param(name, shape, lambda: np.full(shape, value, np.float32))

    def _param(self, name: str, shape: tuple[int, ...], source: Callable[[], Array]) -> Value:
        self._params[name] = source
        return self._builder.add(Param(name, TensorType(F32, shape)), name)
