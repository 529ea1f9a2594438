"""ONNX as a library of arrays for loop nests; see `gossamer.codegen.array_nests`. An array is the name of a tensor."""

from collections.abc import Sequence

import numpy as np

from gossamer.codegen.onnx.types import carrier
from gossamer.codegen.onnx.writer import Writer
from gossamer.ir.graph import Array
from gossamer.ir.nest import Function, Reduction
from gossamer.ir.types import F32, F64, I32, I64, DType

_CALLS: dict[Function, str] = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "maximum": "Max", "minimum": "Min", "pow": "Pow",
    "neg": "Neg", "abs": "Abs", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "tanh": "Tanh", "erf": "Erf",
    "sigmoid": "Sigmoid", "floor": "Floor", "ceil": "Ceil", "round": "Round", "sign": "Sign", "sin": "Sin",
    "cos": "Cos", "atan": "Atan", "lt": "Less", "le": "LessOrEqual", "eq": "Equal", "and": "And", "or": "Or",
    "not": "Not", "where": "Where", "bit_and": "BitwiseAnd", "bit_or": "BitwiseOr", "bit_xor": "BitwiseXor",
}  # fmt: skip
_REDUCTIONS: dict[Reduction, str] = {"sum": "ReduceSum", "prod": "ReduceProd", "max": "ReduceMax", "min": "ReduceMin"}


class OnnxArrays:
    """Writes operators whose results are called after the tensor `near`, which they lead to."""

    def __init__(self, writer: Writer, near: str) -> None:
        self._writer, self._near = writer, near

    def _step(self, kind: str, *inputs: str, **attributes: object) -> str:
        return self._writer.step(kind, inputs, self._near, **attributes)

    def constant(self, array: Array, dtype: DType) -> str:
        held = np.asarray(array)
        if dtype.integer:  # infinities become the largest numbers
            held = np.clip(held, dtype.low, dtype.high)
        kind = dtype.numpy
        return self._writer.constant(held.astype(kind), self._near, carrier(dtype))

    def convert(self, x: str, old: DType, new: DType) -> str:
        return x if carrier(old) == carrier(new) else self._step("Cast", x, to=carrier(new))

    def call(self, function: Function, args: Sequence[str], dtype: DType) -> str:
        wide = _computed_in(dtype)
        if wide == dtype or function in ("and", "or", "not"):
            return self._called(function, args, dtype)
        conditions = int(function == "where")
        widened = [a if i < conditions else self.convert(a, dtype, wide) for i, a in enumerate(args)]
        found = self._called(function, widened, wide)
        return found if function in ("lt", "le", "eq") else self.convert(found, wide, dtype)

    def _called(self, function: Function, args: Sequence[str], dtype: DType) -> str:
        if function in ("floor", "ceil", "round") and not dtype.floating:
            return args[0]
        if function == "div" and not dtype.floating:
            return self._whole_quotient(*args, dtype=dtype)
        if function in ("shl", "shr"):
            return self._shifted(function, *args, dtype=dtype)
        if function == "pow" and not dtype.floating:
            return self._step("Pow", *args)
        return self._step(_CALLS[function], *args)

    def _whole_quotient(self, x: str, y: str, dtype: DType) -> str:
        """Rounded towards 0; by 0 it is 0, which runtimes must not be asked."""
        zero, one = (self.constant(np.asarray(n), dtype) for n in (0, 1))
        bad = self._step("Equal", y, zero)
        return self._step("Where", bad, zero, self._step("Div", x, self._step("Where", bad, one, y)))

    def _shifted(self, function: Function, x: str, y: str, dtype: DType) -> str:
        """By way of powers of two: ONNX shifts unsigned integers only, and shifts right fill with the sign."""
        two, zero, ones = (self.constant(np.asarray(n), dtype) for n in (2, 0, -1 if dtype.kind == "i" else 0))
        power = self._step("Pow", two, y)
        if function == "shl":
            return self._step("Mul", x, power)
        if dtype.kind != "i":
            return self._step("Div", x, power)
        negative = self._step("Less", x, zero)  # -1 - x turns every bit round
        folded = self._step("Where", negative, self._step("Sub", ones, x), x)
        found = self._step("Div", folded, power)
        return self._step("Where", negative, self._step("Sub", ones, found), found)

    def reshape(self, x: str, shape: tuple[int, ...]) -> str:
        return self._step("Reshape", x, self._writer.ints(shape, self._near), allowzero=1)

    def transpose(self, x: str, perm: tuple[int, ...]) -> str:
        return self._step("Transpose", x, perm=perm)

    def expand(self, x: str, shape: tuple[int, ...]) -> str:
        return self._step("Expand", x, self._writer.ints(shape, self._near))

    def joined(self, x: str, y: str) -> str:
        return self._step("Concat", x, y, axis=0)

    def taken(self, x: str, positions: str) -> str:
        return self._step("Gather", x, positions, axis=0)

    def reduced(self, x: str, how: Reduction, axes: tuple[int, ...], dtype: DType) -> str:
        wide = _computed_in(dtype)
        whole = self.convert(x, dtype, wide)
        found = self._step(_REDUCTIONS[how], whole, self._writer.ints(axes, self._near), keepdims=0)
        return self.convert(found, wide, dtype)

    def contracted(self, equation: str, x: str, y: str) -> str:
        return self._step("Einsum", x, y, equation=equation)


def _computed_in(dtype: DType) -> DType:
    """A type that runtimes have kernels for and that holds every number of `dtype`."""
    if dtype in (F32, F64, I32, I64):
        return dtype
    if dtype.floating:
        return F32
    return I64 if dtype.bits > 32 or (dtype.kind == "u" and dtype.bits == 32) else I32
