"""Elementwise arithmetic: two operands with numpy's broadcasting, or one. Quantised values are to be cast to f32 first.

Binary ops need one element type on both sides. `Div` of integers truncates; `Pow` and the functions of analysis need
floats.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gossamer.ir.nest import Function, Kernel, apply
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import broadcast, need_arithmetic, need_float, need_same_dtype
from gossamer.ir.ops.nests import combined, mapped
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


@dataclass(frozen=True)
class Neg(Op, name="math.neg"):
    """-x."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _unary(self.x)

    def kernel(self) -> Kernel:
        return _unary_kernel("neg", self.x)


@dataclass(frozen=True)
class Abs(Op, name="math.abs"):
    """|x|."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _unary(self.x)

    def kernel(self) -> Kernel:
        return _unary_kernel("abs", self.x)


@dataclass(frozen=True)
class Sign(Op, name="math.sign"):
    """-1, 0 or 1."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _unary(self.x)

    def kernel(self) -> Kernel:
        return _unary_kernel("sign", self.x)


@dataclass(frozen=True)
class Exp(Op, name="math.exp"):
    """e^x. Floats only."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _unary(self.x, need_float)

    def kernel(self) -> Kernel:
        return _unary_kernel("exp", self.x)


@dataclass(frozen=True)
class Log(Op, name="math.log"):
    """Natural logarithm. Floats only."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _unary(self.x, need_float)

    def kernel(self) -> Kernel:
        return _unary_kernel("log", self.x)


@dataclass(frozen=True)
class Sqrt(Op, name="math.sqrt"):
    """Square root. Floats only."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _unary(self.x, need_float)

    def kernel(self) -> Kernel:
        return _unary_kernel("sqrt", self.x)


@dataclass(frozen=True)
class Erf(Op, name="math.erf"):
    """Error function. Floats only."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _unary(self.x, need_float)

    def kernel(self) -> Kernel:
        return _unary_kernel("erf", self.x)


@dataclass(frozen=True)
class Floor(Op, name="math.floor"):
    """Largest whole number <= x. Floats only."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _unary(self.x, need_float)

    def kernel(self) -> Kernel:
        return _unary_kernel("floor", self.x)


@dataclass(frozen=True)
class Ceil(Op, name="math.ceil"):
    """Smallest whole number >= x. Floats only."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _unary(self.x, need_float)

    def kernel(self) -> Kernel:
        return _unary_kernel("ceil", self.x)


@dataclass(frozen=True)
class Round(Op, name="math.round"):
    """Nearest whole number, halves to the even one. Floats only."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _unary(self.x, need_float)

    def kernel(self) -> Kernel:
        return _unary_kernel("round", self.x)


def _binary(x: Value, y: Value, need: Callable[[str, Value], None] = need_arithmetic) -> tuple[TensorType, ...]:
    need("x", x)
    need("y", y)
    need_same_dtype("x and y", x, y)
    return (TensorType(x.dtype, broadcast(x.shape, y.shape)),)


def _unary(x: Value, need: Callable[[str, Value], None] = need_arithmetic) -> tuple[TensorType, ...]:
    need("x", x)
    return (x.type,)


def _binary_kernel(function: Function, x: Value, y: Value) -> Kernel:
    return combined(broadcast(x.shape, y.shape), x, y, lambda a, b: apply(function, a, b))


def _unary_kernel(function: Function, x: Value) -> Kernel:
    return mapped(x, lambda a: apply(function, a))
