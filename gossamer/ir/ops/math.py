"""Elementwise arithmetic of two operands, with numpy's broadcasting; functions.py has those of one.

Both need one element type; quantised values are to be cast to f32 first. `Div` of integers truncates; `Pow` needs
floats.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gossamer.ir.nest import Function, Kernel, apply
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import broadcast, need_arithmetic, need_float, need_same_dtype
from gossamer.ir.ops.nests import combined
from gossamer.ir.types import TensorType, Value


@dataclass(frozen=True)
class Add(Op, name="math.add"):
    """x + y."""

    x: Value
    y: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _binary(self.x, self.y)

    def kernel(self) -> Kernel:
        return _binary_kernel("add", self.x, self.y)


@dataclass(frozen=True)
class Sub(Op, name="math.sub"):
    """x - y."""

    x: Value
    y: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _binary(self.x, self.y)

    def kernel(self) -> Kernel:
        return _binary_kernel("sub", self.x, self.y)


@dataclass(frozen=True)
class Mul(Op, name="math.mul"):
    """x * y."""

    x: Value
    y: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _binary(self.x, self.y)

    def kernel(self) -> Kernel:
        return _binary_kernel("mul", self.x, self.y)


@dataclass(frozen=True)
class Div(Op, name="math.div"):
    """x / y; on integers rounded towards 0."""

    x: Value
    y: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _binary(self.x, self.y)

    def kernel(self) -> Kernel:
        return _binary_kernel("div", self.x, self.y)


@dataclass(frozen=True)
class Maximum(Op, name="math.maximum"):
    """The larger of x and y."""

    x: Value
    y: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _binary(self.x, self.y)

    def kernel(self) -> Kernel:
        return _binary_kernel("maximum", self.x, self.y)


@dataclass(frozen=True)
class Minimum(Op, name="math.minimum"):
    """The smaller of x and y."""

    x: Value
    y: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _binary(self.x, self.y)

    def kernel(self) -> Kernel:
        return _binary_kernel("minimum", self.x, self.y)


@dataclass(frozen=True)
class Pow(Op, name="math.pow"):
    """x to the power y. Floats only."""

    x: Value
    y: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _binary(self.x, self.y, need_float)

    def kernel(self) -> Kernel:
        return _binary_kernel("pow", self.x, self.y)


def _binary(x: Value, y: Value, need: Callable[[str, Value], None] = need_arithmetic) -> tuple[TensorType, ...]:
    need("x", x)
    need("y", y)
    need_same_dtype("x and y", x, y)
    return (TensorType(x.dtype, broadcast(x.shape, y.shape)),)


def _binary_kernel(function: Function, x: Value, y: Value) -> Kernel:
    return combined(broadcast(x.shape, y.shape), x, y, lambda a, b: apply(function, a, b))
