"""Numbers of loop-nest bodies as tvm expressions: constants, their types, and an order that lets NaN through."""

from typing import Any, TypeAlias

from gossamer.codegen.tvm.adapter import tirx

Scalar: TypeAlias = Any
"""A tvm expression."""


def number(value: float, dtype: str) -> Scalar:
    """A constant; infinities become the largest value of integer types."""
    if dtype.startswith(("int", "uint")):
        limit = (
            value
            if abs(value) != float("inf")
            else tirx.max_value(dtype).value
            if value > 0
            else tirx.min_value(dtype).value
        )
        return tirx.const(int(limit), dtype)
    return tirx.const(bool(value), dtype) if dtype == "bool" else tirx.const(float(value), dtype)


def kind(value: Scalar) -> str:
    """TVM's name of an expression's element type."""
    return str(value.dtype if hasattr(value, "dtype") else value.ty.dtype)


def constant(x: Scalar) -> float | None:
    """The number that an expression is, if it is one."""
    return x.value if isinstance(x, (tirx.IntImm, tirx.FloatImm)) else None


def bits_of(d: str) -> int:
    """Bits of a type by its name."""
    return int("".join(filter(str.isdigit, d)))


def is_float(x: Scalar) -> bool:
    """Whether it is of a float type."""
    return kind(x).startswith("float")


def maximum(x: Scalar, y: Scalar) -> Scalar:
    """The larger; NaN where either is: the machine's own instruction gives its second operand where one is NaN."""
    return tirx.Select(_or_nan(tirx.LT(x, y), y), y, x) if is_float(x) else tirx.max(x, y)


def minimum(x: Scalar, y: Scalar) -> Scalar:
    """The smaller; NaN where either is."""
    return tirx.Select(_or_nan(tirx.LT(y, x), y), y, x) if is_float(x) else tirx.min(x, y)


def _or_nan(condition: Scalar, y: Scalar) -> Scalar:
    return condition if constant(y) is not None else tirx.Or(condition, tirx.GT(*magnitude(y)))


def magnitude(x: Scalar) -> tuple[Scalar, Scalar]:
    """The bits of |x| and of infinity as integers: those of NaN are larger.

    Comparing floats would not tell NaN: tvm takes x = x for true, and not (x <= y) for y < x, whatever x is.
    """
    bits = bits_of(kind(x))
    dtype, infinity = f"int{bits}", {16: 0x7C00, 32: 0x7F800000, 64: 0x7FF0000000000000}[bits]
    without_sign = tirx.bitwise_and(tirx.reinterpret(dtype, x), number((1 << (bits - 1)) - 1, dtype))
    return without_sign, number(infinity, dtype)
