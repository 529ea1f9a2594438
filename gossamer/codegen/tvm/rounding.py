"""Numbers as storing them leaves them: bf16 and 8-bit floats are kept in f32, rounded half to even as ml_dtypes does.

A narrow float of m mantissa bits keeps the upper m of the 23 of f32; below its smallest normal number it is a multiple
of a fixed step. Beyond its largest number it is infinite, or NaN where the type has no infinity (f8e4m3).
"""

from dataclasses import dataclass
from math import inf, nan

from gossamer.codegen.tvm.adapter import once, tirx
from gossamer.codegen.tvm.forms import storage_dtype
from gossamer.codegen.tvm.numbers import Scalar, number
from gossamer.codegen.tvm.scalar import cast
from gossamer.ir.types import DType


@dataclass(frozen=True)
class Narrow:
    """Mantissa bits, smallest normal number, largest number, and what is beyond it."""

    mantissa: int
    normal: float
    largest: float
    beyond: float


_NARROW = {
    "bf": Narrow(7, 2.0**-126, 3.3895313892515355e38, inf),
    "f8e4m3": Narrow(3, 2.0**-6, 448.0, nan),
    "f8e5m2": Narrow(2, 2.0**-14, 57344.0, inf),
}


def stored(value: Scalar, dtype: DType) -> Scalar:
    """The value converted to the type, in the type of its memory."""
    kept = cast(value, storage_dtype(dtype))
    if dtype.kind not in _NARROW:
        return kept
    return _rounded(once(kept), _NARROW[dtype.kind])


def _rounded(x: Scalar, to: Narrow) -> Scalar:
    size = tirx.max(x, number(0.0, "float32") - x)
    value = _cut(x, 23 - to.mantissa)
    if to.mantissa < 7:  # f32's own smallest normal number is bf16's: nothing to do below it
        step = number(to.normal * 2.0**-to.mantissa, "float32")
        below = tirx.LT(size, number(to.normal, "float32"))
        value = tirx.Select(below, tirx.nearbyint(x / step) * step, value)
    end = tirx.Select(tirx.LT(x, number(0.0, "float32")), number(-to.beyond, "float32"), number(to.beyond, "float32"))
    size = tirx.max(value, number(0.0, "float32") - value)
    return _or_nan(x, tirx.Select(tirx.LT(number(to.largest, "float32"), size), end, value))


def _cut(x: Scalar, bits: int) -> Scalar:
    """The number without its last mantissa bits, rounded half to even."""
    whole = tirx.reinterpret("uint32", x)
    odd = tirx.bitwise_and(tirx.shift_right(whole, number(bits, "uint32")), number(1, "uint32"))
    up = whole + odd + number((1 << (bits - 1)) - 1, "uint32")
    mask = number((1 << 32) - (1 << bits), "uint32")
    return tirx.reinterpret("float32", tirx.bitwise_and(up, mask))


def _or_nan(x: Scalar, value: Scalar) -> Scalar:
    """The value, or x where that is NaN, whose bits must not be rounded."""
    magnitude = tirx.bitwise_and(tirx.reinterpret("uint32", x), number(0x7FFFFFFF, "uint32"))
    return tirx.Select(tirx.GT(magnitude, number(0x7F800000, "uint32")), x, value)
