"""Changes of element type."""

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import Constant, constant_of, dtype_of, narrow
from gossamer.frontends.problems import Unsupported
from gossamer.ir.ops import Bitwise, Cast, Maximum, Minimum
from gossamer.ir.types import I32, DType, TensorType, Value

_LARGEST = {"f8e4m3": 448.0, "f8e5m2": 57344.0}


@operator("Cast")
def cast(call: Call) -> Result:
    return _as(call, dtype_of(call.attr_int("to", 0), "its result"))


@operator("CastLike")
def cast_like(call: Call) -> Result:
    """A constant, such as the -infinity of a mask, stays one: only the type of the second operand is asked for."""
    item, dtype = call.item(0), call.item(1).type.dtype
    if isinstance(item, Constant) and item.type.elements == 1 and dtype.floating and dtype.bits > 8:
        return constant_of(narrow(item.load(), dtype))
    return _as(call, dtype)


@operator("BitCast")
def bit_cast(call: Call) -> Result:
    """Only between signed and unsigned integers as wide, which keep their bits when they are cast."""
    x, dtype = call.value(0), dtype_of(call.attr_int("to", 0), "its result")
    if dtype == x.dtype:
        return x
    if not (x.dtype.integer and dtype.integer and x.dtype.bits == dtype.bits):
        raise Unsupported(f"it reads the bits of {x.dtype} as {dtype}, and the IR has no bits of floats")
    return call.emit(Cast(x, TensorType(dtype, x.shape)))


def _as(call: Call, dtype: DType) -> Value | Constant:
    x = call.value(0)
    if dtype == x.dtype:
        return x
    if dtype.kind in _LARGEST and call.attr_int("saturate", 1):
        x = _saturated(call, x, _LARGEST[dtype.kind])
    if dtype.integer and dtype.bits < 8 and not _holds(dtype, x.dtype):
        x = _wrapped(call, x, dtype)
    return call.emit(Cast(x, TensorType(dtype, x.shape)))


def _holds(wide: DType, dtype: DType) -> bool:
    """Does an integer type hold all numbers of another type?"""
    return dtype.integer and wide.low <= dtype.low and dtype.high <= wide.high


def _wrapped(call: Call, x: Value, dtype: DType) -> Value:
    """The low bits of x as whole numbers in i32, those of a signed type moved up and down again for their sign."""
    numbers = x if x.dtype == I32 else call.step(Cast(x, TensorType(I32, x.shape)))
    if dtype.kind == "u":
        return call.step(Bitwise(numbers, call.number(dtype.high, numbers, "bits"), "and"))
    places = call.number(32 - dtype.bits, numbers, "places")
    return call.step(Bitwise(call.step(Bitwise(numbers, places, "shl")), places, "shr"))


def _saturated(call: Call, x: Value, largest: float) -> Value:
    """Within -largest .. largest, NaN left as it is."""
    below = call.step(Minimum(x, call.number(largest, x, "largest")))
    return call.step(Maximum(below, call.number(-largest, x, "least")))
