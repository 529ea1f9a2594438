"""Comparisons, logic, choice, and the bits of integers."""

from collections.abc import Callable
from math import inf

import numpy as np

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.operators.legacy import pair
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import constant_of
from gossamer.ir.op import Op
from gossamer.ir.ops import Abs, And, Bitwise, Equal, Less, LessEqual, Not, Or, Where
from gossamer.ir.ops.bitwise import BitFunction

_BINARY: dict[str, Callable[..., Op]] = {
    "Equal": Equal,
    "Less": Less,
    "LessOrEqual": LessEqual,
    "Greater": lambda x, y: Less(y, x),
    "GreaterOrEqual": lambda x, y: LessEqual(y, x),
    "And": And,
    "Or": Or,
}
_BITS: dict[str, BitFunction] = {"BitwiseAnd": "and", "BitwiseOr": "or", "BitwiseXor": "xor"}


@operator(*_BINARY)
def binary(call: Call) -> Result:
    return call.emit(_BINARY[call.node.op_type](*pair(call)))


@operator("Xor")
def exclusive_or(call: Call) -> Result:
    """One of two booleans holds where they differ."""
    return call.emit(Not(call.step(Equal(*pair(call)))))


@operator("Not")
def negation(call: Call) -> Result:
    return call.emit(Not(call.value(0)))


@operator("Where")
def where(call: Call) -> Result:
    return call.emit(Where(call.value(0), call.value(1), call.value(2)))


@operator("IsNaN")
def is_nan(call: Call) -> Result:
    """NaN is what does not equal itself."""
    x = call.value(0)
    return call.emit(Not(call.step(Equal(x, x))))


@operator("IsInf")
def is_inf(call: Call) -> Result:
    x = call.value(0)
    below, above = call.attr_int("detect_negative", 1), call.attr_int("detect_positive", 1)
    if not below and not above:
        return constant_of(np.zeros(x.shape, np.bool_))
    found = call.step(Abs(x)) if below and above else x
    return call.emit(Equal(found, call.number(inf if above else -inf, x)))


@operator(*_BITS)
def bitwise(call: Call) -> Result:
    return call.emit(Bitwise(call.value(0), call.value(1), _BITS[call.node.op_type]))


@operator("BitwiseNot")
def bitwise_not(call: Call) -> Result:
    """x xor all ones."""
    x = call.value(0)
    return call.emit(Bitwise(x, call.number(-1 if x.dtype.kind == "i" else x.dtype.high, x), "xor"))


@operator("BitShift")
def bit_shift(call: Call) -> Result:
    left = call.attr_text("direction", "") == "LEFT"
    return call.emit(Bitwise(call.value(0), call.value(1), "shl" if left else "shr"))
