"""Bits of integers, elementwise with numpy's broadcasting. The complement of x is x xor -1 (all ones)."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from gossamer.ir.errors import IRError
from gossamer.ir.nest import Function, Kernel, apply
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import broadcast, need_same_dtype, need_unquantized
from gossamer.ir.ops.nests import combined
from gossamer.ir.types import TensorType, Value

BitFunction: TypeAlias = Literal["and", "or", "xor", "shl", "shr"]

_SCALAR: dict[BitFunction, Function] = {
    "and": "bit_and",
    "or": "bit_or",
    "xor": "bit_xor",
    "shl": "shl",
    "shr": "shr",
}


@dataclass(frozen=True)
class Bitwise(Op, name="math.bitwise"):
    """x `function` y on the bits of integers of one type; shl and shr shift x by y places.

    Shifting right fills with zeros, in signed types with the sign. Shifting by all bits or more (or by fewer than no
    places) leaves nothing else.
    """

    x: Value
    y: Value
    function: BitFunction

    def infer(self) -> tuple[TensorType, ...]:
        if self.function not in _SCALAR:
            raise IRError(f"function is '{self.function}', needed one of {', '.join(_SCALAR)}")
        for name, value in (("x", self.x), ("y", self.y)):
            need_unquantized(name, value)
            if not value.dtype.integer:
                raise IRError(f"{name} is {value.dtype}, needed an integer type: cast first, or use math.and on bool")
        need_same_dtype("x and y", self.x, self.y)
        return (TensorType(self.x.dtype, broadcast(self.x.shape, self.y.shape)),)

    def kernel(self) -> Kernel:
        function = _SCALAR[self.function]
        return combined(
            broadcast(self.x.shape, self.y.shape), self.x, self.y, lambda a, b: apply(function, a, b)
        )
