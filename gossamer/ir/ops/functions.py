"""Elementwise functions of one operand; math.py has those of two. Quantised values are to be cast to f32 first.

`Neg`, `Abs` and `Sign` take integers too, the rest floats only.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gossamer.ir.nest import Function, Kernel, apply
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import need_arithmetic, need_float
from gossamer.ir.ops.nests import mapped
from gossamer.ir.types import TensorType, Value


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
class Sin(Op, name="math.sin"):
    """Sine of an angle in radians. Floats only."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _unary(self.x, need_float)

    def kernel(self) -> Kernel:
        return _unary_kernel("sin", self.x)


@dataclass(frozen=True)
class Cos(Op, name="math.cos"):
    """Cosine of an angle in radians. Floats only."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _unary(self.x, need_float)

    def kernel(self) -> Kernel:
        return _unary_kernel("cos", self.x)


@dataclass(frozen=True)
class Atan(Op, name="math.atan"):
    """Angle in radians, between -pi/2 and pi/2, whose tangent is x. Floats only."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _unary(self.x, need_float)

    def kernel(self) -> Kernel:
        return _unary_kernel("atan", self.x)


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


def _unary(x: Value, need: Callable[[str, Value], None] = need_arithmetic) -> tuple[TensorType, ...]:
    need("x", x)
    return (x.type,)


def _unary_kernel(function: Function, x: Value) -> Kernel:
    return mapped(x, lambda a: apply(function, a))
