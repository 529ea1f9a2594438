"""What a library of arrays has to offer to run loop nests (`gossamer.codegen.array_nests`): torch, ONNX.

For ops that the library has no operator of its own for. Such libraries compute with real numbers where the IR has
quantised integers; `on_reals` is the op they run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from gossamer.ir.graph import Array
from gossamer.ir.nest import Function, Reduction
from gossamer.ir.op import Op
from gossamer.ir.types import F32, DType, TensorType, Value

T = TypeVar("T")


class Arrays(Protocol[T]):
    """What a library of arrays has to offer; T is its array, whose element type the caller knows."""

    def constant(self, array: Array, dtype: DType) -> T: ...

    def convert(self, x: T, old: DType, new: DType) -> T:
        """Floats to integers by truncation; anything but 0 is true."""
        ...

    def call(self, function: Function, args: Sequence[T], dtype: DType) -> T:
        """A scalar function on arguments of type `dtype` that broadcast; comparisons give bools.

        `and`, `or`, `not` take bools, `where` a bool and two of `dtype`.
        """
        ...

    def reshape(self, x: T, shape: tuple[int, ...]) -> T: ...

    def transpose(self, x: T, perm: tuple[int, ...]) -> T: ...

    def expand(self, x: T, shape: tuple[int, ...]) -> T:
        """numpy's broadcast_to."""
        ...

    def joined(self, x: T, y: T) -> T:
        """Two vectors one after the other."""
        ...

    def taken(self, x: T, positions: T) -> T:
        """x[positions] of a vector x; positions are i64 within it, of any shape."""
        ...

    def reduced(self, x: T, how: Reduction, axes: tuple[int, ...], dtype: DType) -> T:
        """Over axes, which are dropped; x and the result have type `dtype`."""
        ...

    def contracted(self, equation: str, x: T, y: T) -> T:
        """einsum: "ab,bc->ac"."""
        ...


@dataclass(frozen=True)
class Held(Generic[T]):
    """An array with its IR type."""

    array: T
    shape: tuple[int, ...]
    dtype: DType


def on_reals(op: Op) -> Op:
    """The op on the real numbers that quantised operands stand for, where a library computes with those."""
    swap = {v: Value(v.name, TensorType(F32, v.shape)) for v in op.operands if v.type.quant is not None}
    return op.with_operands(swap)
