"""Scalar functions of loop-nest bodies as TVM expressions; elementary functions as polynomials so that they vectorise.

LLVM turns `exp` of a vector into one library call per lane; the polynomials here (Cephes single precision; erf from
Abramowitz & Stegun 7.1.26) stay in registers. Errors: exp, tanh, sigmoid 2e-7 relative, erf 2e-7 absolute.
"""

from collections.abc import Callable
from math import copysign, inf
from typing import Any, TypeAlias

from gossamer.codegen.tvm.adapter import same, tirx

Scalar: TypeAlias = Any
"""A TVM expression."""


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


def cast(value: Scalar, dtype: str) -> Scalar:
    """Convert by truncation; anything but 0 is true."""
    if kind(value) == dtype:
        return value
    if dtype == "bool":
        return _true(kind(value), value)
    return tirx.Cast(dtype, value)


def call(function: str, args: list[Scalar], dtype: str) -> Scalar:
    """Apply a function of `gossamer.ir.nest.Function` to arguments that all have type `dtype`.

    Arguments that the function's text repeats are computed once: texts of functions of functions would grow without
    end, and with them the time it takes to compile them.
    """
    if function not in _REPEATING or not dtype.startswith("float"):
        return _TABLE[function](dtype, *args)
    held = [(tirx.Var("t", dtype), arg) for arg in args if not _short(arg)]
    names = iter(held)
    value = _TABLE[function](dtype, *(arg if _short(arg) else next(names)[0] for arg in args))
    for name, arg in reversed(held):
        value = tirx.Let(name, arg, value)
    return value


def _short(x: Scalar) -> bool:
    """Whether an expression may be written down many times."""
    return isinstance(x, (tirx.Var, tirx.IntImm, tirx.FloatImm))


def kind(value: Scalar) -> str:
    """TVM's name of an expression's element type."""
    return str(value.dtype if hasattr(value, "dtype") else value.ty.dtype)


def maximum(x: Scalar, y: Scalar) -> Scalar:
    """The larger; NaN where either is: the machine's own instruction gives its second operand where one is NaN."""
    return tirx.Select(_or_nan(tirx.LT(x, y), y), y, x) if _is_float(x) else tirx.max(x, y)


def minimum(x: Scalar, y: Scalar) -> Scalar:
    """The smaller; NaN where either is."""
    return tirx.Select(_or_nan(tirx.LT(y, x), y), y, x) if _is_float(x) else tirx.min(x, y)


def _or_nan(condition: Scalar, y: Scalar) -> Scalar:
    return condition if _constant(y) is not None else tirx.Or(condition, tirx.GT(*_magnitude(y)))


def _is_float(x: Scalar) -> bool:
    return kind(x).startswith("float")


def _magnitude(x: Scalar) -> tuple[Scalar, Scalar]:
    """The bits of |x| and of infinity as integers: those of NaN are larger.

    Comparing floats would not tell NaN: tvm takes x = x for true, and not (x <= y) for y < x, whatever x is.
    """
    bits = _bits(kind(x))
    dtype, infinity = f"int{bits}", {16: 0x7C00, 32: 0x7F800000, 64: 0x7FF0000000000000}[bits]
    magnitude = tirx.bitwise_and(tirx.reinterpret(dtype, x), number((1 << (bits - 1)) - 1, dtype))
    return magnitude, number(infinity, dtype)


def _exp(d: str, x: Scalar) -> Scalar:
    if d != "float32":
        return tirx.exp(x)
    c = _constants(d)
    bounded = maximum(minimum(x, c(89.0)), c(-104.0))
    n = tirx.floor(bounded * c(1.44269504088896341) + c(0.5))
    r = bounded - n * c(0.693359375) - n * c(-2.12194440e-4)
    poly = c(1.9875691500e-4)
    for k in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1):
        poly = poly * r + c(k)
    whole = tirx.Cast("int32", n)
    half = tirx.shift_right(whole, tirx.const(1, "int32"))
    return (poly * r * r + r + c(1.0)) * _power_of_two(half) * _power_of_two(whole - half)


def _constants(dtype: str) -> Callable[[float], Scalar]:
    return lambda value: tirx.const(value, dtype)


def _power_of_two(n: Scalar) -> Scalar:
    return tirx.reinterpret("float32", tirx.shift_left(n + tirx.const(127, "int32"), tirx.const(23, "int32")))


def _sigmoid(d: str, x: Scalar) -> Scalar:
    one = tirx.const(1.0, d)
    return one / (one + _exp(d, tirx.const(0.0, d) - x))


def _tanh(d: str, x: Scalar) -> Scalar:
    if d != "float32":
        return tirx.tanh(x)
    c = _constants(d)
    z = x * x
    poly = c(-5.70498872745e-3)
    for k in (2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1):
        poly = poly * z + c(k)
    far = c(1.0) - c(2.0) / (_exp(d, x * c(2.0)) + c(1.0))
    return tirx.Select(tirx.LT(tirx.max(x, c(0.0) - x), c(0.625)), x + x * z * poly, far)


def _erf(d: str, x: Scalar) -> Scalar:
    c = _constants(d)
    size = tirx.max(x, c(0.0) - x)
    t = c(1.0) / (c(1.0) + c(0.3275911) * size)
    poly = c(1.061405429)
    for k in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        poly = poly * t + c(k)
    value = c(1.0) - poly * t * _exp(d, c(0.0) - size * size)
    return tirx.Select(tirx.LT(x, c(0.0)), c(0.0) - value, value)


def _rounding(function: Callable[[Scalar], Scalar]) -> Callable[[str, Scalar], Scalar]:
    return lambda d, x: function(x) if d.startswith("float") else x


def _compare(function: Callable[[Scalar, Scalar], Scalar]) -> Callable[[str, Scalar, Scalar], Scalar]:
    def compared(d: str, x: Scalar, y: Scalar) -> Scalar:
        itself = d.startswith("float") and function is not tirx.LT and same(x, y)
        return _as_number(d, tirx.LE(*_magnitude(x)) if itself else function(x, y))

    return compared


def _as_number(d: str, condition: Scalar) -> Scalar:
    return condition if d == "bool" else tirx.Select(condition, number(1, d), number(0, d))


def _true(d: str, x: Scalar) -> Scalar:
    """Whether a number is not 0; of a condition made a number, the condition: nests of them take tvm very long."""
    if d == "bool":
        return x
    if isinstance(x, tirx.Cast) and kind(x.value) == "bool":
        return x.value
    chosen = isinstance(x, tirx.Select) and [_constant(x.true_value), _constant(x.false_value)] == [1, 0]
    return x.condition if chosen else tirx.NE(x, number(0, d))


def _constant(x: Scalar) -> float | None:
    return x.value if isinstance(x, (tirx.IntImm, tirx.FloatImm)) else None


def _sign(d: str, x: Scalar) -> Scalar:
    zero = number(0, d)
    # What is neither above nor below 0 is 0 or NaN: itself.
    return tirx.Select(tirx.GT(x, zero), number(1, d), tirx.Select(tirx.LT(x, zero), number(-1, d), x))


def _pow(d: str, x: Scalar, y: Scalar) -> Scalar:
    if d.startswith("float") and isinstance(y, tirx.FloatImm) and float(y.value) in (2.0, 3.0):
        return x * x if float(y.value) == 2.0 else x * x * x
    return (
        tirx.pow(x, y)
        if d.startswith("float")
        else tirx.Cast(d, tirx.pow(tirx.Cast("float64", x), tirx.Cast("float64", y)))
    )


def _div(d: str, x: Scalar, y: Scalar) -> Scalar:
    """Division; of integers towards zero, by 0 and by -1 without the instruction, whose fault ends the process."""
    if d.startswith("float"):
        return _by_zero(d, x, y) if _constant(y) == 0 else x / y
    zero, one = number(0, d), number(1, d)
    trap = tirx.EQ(y, zero) if d.startswith("uint") else tirx.Or(tirx.EQ(y, zero), tirx.EQ(y, number(-1, d)))
    other = zero if d.startswith("uint") else tirx.Select(tirx.EQ(y, zero), zero, zero - x)
    return tirx.Select(trap, other, tirx.truncdiv(x, tirx.Select(trap, one, y)))


def _shl(d: str, x: Scalar, y: Scalar) -> Scalar:
    """Shifting by fewer than no places, or by all bits, is undefined to the machine; nothing is left then."""
    return tirx.Select(_shifts(d, y), tirx.shift_left(x, _places(d, y)), number(0, d))


def _shr(d: str, x: Scalar, y: Scalar) -> Scalar:
    shifted = tirx.shift_right(x, _places(d, y))
    return shifted if d.startswith("int") else tirx.Select(_shifts(d, y), shifted, number(0, d))


def _shifts(d: str, y: Scalar) -> Scalar:
    signed, places = _signed(d, y)
    return tirx.And(tirx.LE(number(0, signed), places), tirx.LT(places, number(_bits(d), signed)))


def _places(d: str, y: Scalar) -> Scalar:
    signed, places = _signed(d, y)
    return cast(tirx.Select(_shifts(d, y), places, number(_bits(d) - 1, signed)), d)


def _signed(d: str, y: Scalar) -> tuple[str, Scalar]:
    """A number as a signed one of its width: unsigned, tvm would make a difference of it that it refuses to compute."""
    signed = d.removeprefix("u")
    return signed, cast(y, signed)


def _not(d: str, x: Scalar) -> Scalar:
    # Not of a comparison would become the opposite comparison, which NaN makes false too.
    return tirx.Select(_true(d, x), number(0, d), number(1, d))


def _bits(d: str) -> int:
    return int("".join(filter(str.isdigit, d)))


def _by_zero(d: str, x: Scalar, y: Scalar) -> Scalar:
    """x / 0, which tvm refuses to write down."""
    value, infinite = _constant(x), copysign(inf, y.value)
    return x * number(infinite, d) if value is None else number(value * infinite, d)


_REPEATING = {"exp", "sigmoid", "tanh", "erf", "maximum", "minimum", "sign", "abs"}
"""Functions of floats whose text repeats an argument."""

_TABLE: dict[str, Callable[..., Scalar]] = {
    "add": lambda d, x, y: x + y, "sub": lambda d, x, y: x - y, "mul": lambda d, x, y: x * y,
    "div": _div,
    "maximum": lambda d, x, y: maximum(x, y), "minimum": lambda d, x, y: minimum(x, y),
    "pow": _pow, "neg": lambda d, x: number(0, d) - x, "abs": lambda d, x: tirx.max(x, number(0, d) - x),
    "exp": _exp, "log": lambda d, x: tirx.log(x), "sqrt": lambda d, x: tirx.sqrt(x), "tanh": _tanh, "erf": _erf,
    "sigmoid": _sigmoid, "round": _rounding(tirx.nearbyint),
    "floor": _rounding(tirx.floor), "ceil": _rounding(tirx.ceil),
    "sign": _sign, "atan": lambda d, x: tirx.atan(x), "sin": lambda d, x: tirx.sin(x), "cos": lambda d, x: tirx.cos(x),
    "lt": _compare(tirx.LT), "le": _compare(tirx.LE), "eq": _compare(tirx.EQ),
    "and": lambda d, x, y: _as_number(d, tirx.And(_true(d, x), _true(d, y))),
    "or": lambda d, x, y: _as_number(d, tirx.Or(_true(d, x), _true(d, y))),
    "not": _not,
    "where": lambda d, c, x, y: tirx.Select(_true(d, c), x, y),
    "bit_and": lambda d, x, y: tirx.bitwise_and(x, y), "bit_or": lambda d, x, y: tirx.bitwise_or(x, y),
    "bit_xor": lambda d, x, y: tirx.bitwise_xor(x, y), "shl": _shl, "shr": _shr,
}  # fmt: skip
