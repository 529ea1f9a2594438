"""Scalar functions of loop-nest bodies as tvm expressions."""

from collections.abc import Callable
from math import copysign, inf

from gossamer.codegen.tvm.adapter import once, same, tirx
from gossamer.codegen.tvm.elementary import erf, exp, sigmoid, tanh
from gossamer.codegen.tvm.numbers import Scalar, bits_of, constant, kind, magnitude, maximum, minimum, number


def cast(value: Scalar, dtype: str) -> Scalar:
    """Convert by truncation; anything but 0 is true."""
    own = kind(value)
    if own == dtype:
        return value
    if dtype == "bool":
        return _true(own, value)
    if own.startswith("uint") and dtype.startswith("int") and bits_of(dtype) <= bits_of(own):
        # TVM takes what comes of a cast from unsigned for positive and drops tests of its sign: reads would go astray.
        return tirx.reinterpret(dtype, cast(value, f"u{dtype}"))
    return tirx.Cast(dtype, value)


def call(function: str, args: list[Scalar], dtype: str, wraps: bool = False) -> Scalar:
    """Apply a function of `gossamer.ir.nest.Function` to arguments that all have type `dtype`.

    Integers that overflow give what the machine makes of it, which its compiler takes for impossible; with `wraps` they
    give what is left modulo all numbers of the type.

    Arguments that the function's text repeats are computed once: texts of functions of functions would grow without
    end, and with them the time it takes to compile them.
    """
    if wraps and function in _OVERFLOWING and dtype.startswith("int"):
        unsigned = f"u{dtype}"
        return tirx.reinterpret(dtype, _TABLE[function](unsigned, *(tirx.reinterpret(unsigned, a) for a in args)))
    if function not in _REPEATING or not dtype.startswith("float"):
        return _TABLE[function](dtype, *args)
    return _TABLE[function](dtype, *(arg if _short(arg) else once(arg) for arg in args))


def _short(x: Scalar) -> bool:
    """Whether an expression may be written down many times."""
    return isinstance(x, (tirx.Var, tirx.IntImm, tirx.FloatImm))


def _rounding(function: Callable[[Scalar], Scalar]) -> Callable[[str, Scalar], Scalar]:
    return lambda d, x: function(x) if d.startswith("float") else x


def _compare(function: Callable[[Scalar, Scalar], Scalar]) -> Callable[[str, Scalar, Scalar], Scalar]:
    def compared(d: str, x: Scalar, y: Scalar) -> Scalar:
        itself = d.startswith("float") and function is not tirx.LT and same(x, y)
        return _as_number(d, tirx.LE(*magnitude(x)) if itself else function(x, y))

    return compared


def _as_number(d: str, condition: Scalar) -> Scalar:
    return condition if d == "bool" else tirx.Select(condition, number(1, d), number(0, d))


def _true(d: str, x: Scalar) -> Scalar:
    """Whether a number is not 0; of a condition made a number, the condition: nests of them take tvm very long."""
    if d == "bool":
        return x
    if isinstance(x, tirx.Cast) and kind(x.value) == "bool":
        return x.value
    chosen = isinstance(x, tirx.Select) and [constant(x.true_value), constant(x.false_value)] == [1, 0]
    return x.condition if chosen else tirx.NE(x, number(0, d))


def _sub(d: str, x: Scalar, y: Scalar) -> Scalar:
    # TVM takes an unsigned 0 - y for 0; the complement of y and one more is -y modulo all numbers of the type.
    return x + (tirx.bitwise_not(y) + number(1, d)) if d.startswith("uint") else x - y


def _neg(d: str, x: Scalar) -> Scalar:
    return _sub(d, number(0, d), x)


def _abs(d: str, x: Scalar) -> Scalar:
    return x if d.startswith("uint") else tirx.max(x, number(0, d) - x)


def _sign(d: str, x: Scalar) -> Scalar:
    zero = number(0, d)
    if d.startswith("uint"):
        return tirx.min(x, number(1, d))
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
        return _by_zero(d, x, y) if constant(y) == 0 else x / y
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
    return tirx.And(tirx.LE(number(0, signed), places), tirx.LT(places, number(bits_of(d), signed)))


def _places(d: str, y: Scalar) -> Scalar:
    signed, places = _signed(d, y)
    return cast(tirx.Select(_shifts(d, y), places, number(bits_of(d) - 1, signed)), d)


def _signed(d: str, y: Scalar) -> tuple[str, Scalar]:
    """A number as a signed one of its width: unsigned, tvm would make a difference of it that it refuses to compute."""
    signed = d.removeprefix("u")
    return signed, cast(y, signed)


def _not(d: str, x: Scalar) -> Scalar:
    # Not of a comparison would become the opposite comparison, which NaN makes false too.
    return tirx.Select(_true(d, x), number(0, d), number(1, d))


def _by_zero(d: str, x: Scalar, y: Scalar) -> Scalar:
    """x / 0, which tvm refuses to write down."""
    value, infinite = constant(x), copysign(inf, y.value)
    return x * number(infinite, d) if value is None else number(value * infinite, d)


_REPEATING = {"exp", "sigmoid", "tanh", "erf", "maximum", "minimum", "sign", "abs"}
"""Functions of floats whose text repeats an argument."""

_OVERFLOWING = {"add", "sub", "mul", "neg"}
"""Functions of integers whose result may need more bits."""

_TABLE: dict[str, Callable[..., Scalar]] = {
    "add": lambda d, x, y: x + y, "sub": _sub, "mul": lambda d, x, y: x * y,
    "div": _div,
    "maximum": lambda d, x, y: maximum(x, y), "minimum": lambda d, x, y: minimum(x, y),
    "pow": _pow, "neg": _neg, "abs": _abs,
    "exp": exp, "log": lambda d, x: tirx.log(x), "sqrt": lambda d, x: tirx.sqrt(x), "tanh": tanh, "erf": erf,
    "sigmoid": sigmoid, "round": _rounding(tirx.nearbyint),
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
