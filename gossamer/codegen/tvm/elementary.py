"""Elementary functions as polynomials, so that they vectorise. NaN goes through all of them.

LLVM turns `exp` of a vector into one library call per lane; the polynomials here (Cephes single precision; erf from
Abramowitz & Stegun 7.1.26) stay in registers. Errors: exp, tanh, sigmoid 2e-7 relative, erf 2e-7 absolute.
"""

from collections.abc import Callable

from gossamer.codegen.tvm.adapter import tirx
from gossamer.codegen.tvm.numbers import Scalar, maximum, minimum


def exp(d: str, x: Scalar) -> Scalar:
    """e^x."""
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


def sigmoid(d: str, x: Scalar) -> Scalar:
    """1 / (1 + e^-x)."""
    one = tirx.const(1.0, d)
    return one / (one + exp(d, tirx.const(0.0, d) - x))


def tanh(d: str, x: Scalar) -> Scalar:
    """Hyperbolic tangent."""
    if d != "float32":
        return tirx.tanh(x)
    c = _constants(d)
    z = x * x
    poly = c(-5.70498872745e-3)
    for k in (2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1):
        poly = poly * z + c(k)
    far = c(1.0) - c(2.0) / (exp(d, x * c(2.0)) + c(1.0))
    return tirx.Select(tirx.LT(tirx.max(x, c(0.0) - x), c(0.625)), x + x * z * poly, far)


def erf(d: str, x: Scalar) -> Scalar:
    """Error function."""
    c = _constants(d)
    size = tirx.max(x, c(0.0) - x)
    t = c(1.0) / (c(1.0) + c(0.3275911) * size)
    poly = c(1.061405429)
    for k in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        poly = poly * t + c(k)
    value = c(1.0) - poly * t * exp(d, c(0.0) - size * size)
    return tirx.Select(tirx.LT(x, c(0.0)), c(0.0) - value, value)
