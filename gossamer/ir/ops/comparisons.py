"""Comparisons: elementwise with numpy's broadcasting, bool results. x and y have one plain element type.

A comparison with NaN is false, so `Not(Equal(x, x))` says where x is NaN.
"""

from dataclasses import dataclass

from gossamer.ir.nest import Function, Kernel, apply
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import broadcast, need_same_dtype, need_unquantized
from gossamer.ir.ops.nests import combined
from gossamer.ir.types import BOOL, TensorType, Value


@dataclass(frozen=True)
class Less(Op, name="math.less"):
    """x < y. On bool, false < true."""

    x: Value
    y: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _compared(self.x, self.y)

    def kernel(self) -> Kernel:
        return _comparison("lt", self.x, self.y)


@dataclass(frozen=True)
class LessEqual(Op, name="math.less_equal"):
    """x <= y."""

    x: Value
    y: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _compared(self.x, self.y)

    def kernel(self) -> Kernel:
        return _comparison("le", self.x, self.y)


@dataclass(frozen=True)
class Equal(Op, name="math.equal"):
    """x = y."""

    x: Value
    y: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _compared(self.x, self.y)

    def kernel(self) -> Kernel:
        return _comparison("eq", self.x, self.y)


def _compared(x: Value, y: Value) -> tuple[TensorType, ...]:
    need_unquantized("x", x)
    need_unquantized("y", y)
    need_same_dtype("x and y", x, y)
    return (TensorType(BOOL, broadcast(x.shape, y.shape)),)


def _comparison(function: Function, x: Value, y: Value) -> Kernel:
    return combined(broadcast(x.shape, y.shape), x, y, lambda a, b: apply(function, a, b), BOOL)
