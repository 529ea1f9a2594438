"""Comparisons, logic and bits, and what chooses by them."""

from math import inf
from typing import get_args

from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.op import Op
from gossamer.ir.ops import Abs, And, Bitwise, Equal, Less, LessEqual, Not, Or, Where
from gossamer.ir.ops.bitwise import BitFunction
from gossamer.ir.types import BOOL, Value

_BITS: dict[str, BitFunction] = {
    "bitwise_and": "and", "bitwise_or": "or", "bitwise_xor": "xor", "__and__": "and", "__or__": "or", "__xor__": "xor",
    "bitwise_left_shift": "shl", "bitwise_right_shift": "shr", "__lshift__": "shl", "__rshift__": "shr",
}  # fmt: skip
assert set(_BITS.values()) <= set(get_args(BitFunction))


@operator("eq", "ne", "lt", "le", "gt", "ge")
def comparison(call: Call) -> Result:
    x, y = call.common("self", "other")
    if x.dtype == BOOL and call.operator in ("eq", "ne"):
        return call.emit(_logic(call, "xor" if call.operator == "ne" else "eq", x, y))
    if call.operator == "ne":
        return call.emit(Not(call.step(Equal(x, y))))
    kind = {"eq": Equal, "lt": Less, "gt": Less, "le": LessEqual, "ge": LessEqual}[call.operator]
    return call.emit(kind(y, x) if call.operator in ("gt", "ge") else kind(x, y))


@operator("isnan", "isinf", "isfinite")
def classified(call: Call) -> Result:
    """NaN is the one number that does not equal itself."""
    x = call.value("self")
    if call.operator == "isnan":
        return call.emit(Not(call.step(Equal(x, x))))
    size = call.step(Abs(x))
    infinite = call.number(inf, x)
    return call.emit(Equal(size, infinite) if call.operator == "isinf" else Less(size, infinite))


@operator("logical_and", "logical_or", "logical_xor")
def logical(call: Call) -> Result:
    x, y = (call.operand(name, BOOL) for name in ("self", "other"))
    return call.emit(_logic(call, call.operator.removeprefix("logical_"), x, y))


@operator("logical_not")
def logical_not(call: Call) -> Result:
    return call.emit(Not(call.operand("self", BOOL)))


@operator(*_BITS)
def bits(call: Call) -> Result:
    x, y = call.operand("self"), call.operand("other")
    function = _BITS[call.operator]
    return call.emit(_logic(call, function, x, y) if x.dtype == BOOL else Bitwise(x, y, function))


@operator("bitwise_not")
def bitwise_not(call: Call) -> Result:
    x = call.operand("self")
    if x.dtype == BOOL:
        return call.emit(Not(x))
    ones = -1 if x.dtype.kind == "i" else x.dtype.high
    return call.emit(Bitwise(x, call.number(ones, x), "xor"))


@operator("where.self", "where.ScalarSelf", "where.ScalarOther", "where.Scalar")
def where(call: Call) -> Result:
    return call.emit(Where(call.operand("condition", BOOL), call.operand("self"), call.operand("other")))


@operator("masked_fill")
def masked_fill(call: Call) -> Result:
    return call.emit(Where(call.operand("mask", BOOL), call.operand("value"), call.operand("self")))


def _logic(call: Call, function: str, x: Value, y: Value) -> Op:
    """On bools; equality is what exclusive or is not."""
    if function in ("and", "or"):
        return (And if function == "and" else Or)(x, y)
    return Equal(x, y) if function == "eq" else Not(call.step(Equal(x, y)))
