"""What only opsets before 7 mean."""

from gossamer.frontends.onnx.call import Call, from_front
from gossamer.ir.ops import Reshape
from gossamer.ir.types import Value


def pair(call: Call) -> tuple[Value, Value]:
    """The operands of an operator of two, the second ready for numpy's broadcasting.

    Before opset 7 attribute `axis` says which axis of x the first one of y belongs to; the axes behind are repeated.
    """
    x, y = call.value(0), call.value(1)
    if call.opset >= 7 or not call.attr_int("broadcast", 0) or call.attribute("axis") is None:
        return x, y
    behind = x.type.rank - from_front(call.attr_int("axis", 0), x.type.rank) - y.type.rank
    return x, call.step(Reshape(y, (*y.shape, *(1,) * behind))) if behind > 0 else y
