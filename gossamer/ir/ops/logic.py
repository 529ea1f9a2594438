"""Logic of bools, and the choice between two tensors; elementwise with numpy's broadcasting.

Exclusive or of bools is `Not(Equal(x, y))`.
"""

from dataclasses import dataclass

from gossamer.ir.errors import IRError
from gossamer.ir.nest import Function, Kernel, Nest, apply, single
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import broadcast, need_same_dtype, need_unquantized
from gossamer.ir.ops.nests import axes_of, combined, load_broadcast, mapped
from gossamer.ir.types import BOOL, TensorType, Value


@dataclass(frozen=True)
class And(Op, name="math.and"):
    """x and y, both bool."""

    x: Value
    y: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _logical(self.x, self.y)

    def kernel(self) -> Kernel:
        return _logic("and", self.x, self.y)


@dataclass(frozen=True)
class Or(Op, name="math.or"):
    """x or y, both bool."""

    x: Value
    y: Value

    def infer(self) -> tuple[TensorType, ...]:
        return _logical(self.x, self.y)

    def kernel(self) -> Kernel:
        return _logic("or", self.x, self.y)


@dataclass(frozen=True)
class Not(Op, name="math.not"):
    """not x, a bool."""

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        _need_bool("x", self.x)
        return (self.x.type,)

    def kernel(self) -> Kernel:
        return mapped(self.x, lambda x: apply("not", x))


@dataclass(frozen=True)
class Where(Op, name="math.where"):
    """x where the condition (bool) holds, else y; all three broadcast to one shape. x and y have one element type."""

    condition: Value
    x: Value
    y: Value

    def infer(self) -> tuple[TensorType, ...]:
        _need_bool("the condition", self.condition)
        need_unquantized("x", self.x)
        need_unquantized("y", self.y)
        need_same_dtype("x and y", self.x, self.y)
        return (TensorType(self.x.dtype, self._shape()),)

    def _shape(self) -> tuple[int, ...]:
        values = broadcast(self.x.shape, self.y.shape)
        return broadcast(self.condition.shape, values, "the condition and x with y")

    def kernel(self) -> Kernel:
        axes, dtype = axes_of(self._shape()), self.x.dtype
        loads = (load_broadcast(k, v.shape, axes) for k, v in enumerate((self.condition, self.x, self.y)))
        # Nothing is computed on x and y, so they stay in their own type.
        return single(3, Nest(axes, apply("where", *loads), dtype, dtype))


def _need_bool(name: str, value: Value) -> None:
    if value.dtype != BOOL:
        raise IRError(f"{name} is {value.dtype}, needed bool: compare it, or cast it to bool")


def _logical(x: Value, y: Value) -> tuple[TensorType, ...]:
    _need_bool("x", x)
    _need_bool("y", y)
    return (TensorType(BOOL, broadcast(x.shape, y.shape)),)


def _logic(function: Function, x: Value, y: Value) -> Kernel:
    return combined(broadcast(x.shape, y.shape), x, y, lambda a, b: apply(function, a, b))
