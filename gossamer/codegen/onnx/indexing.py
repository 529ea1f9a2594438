"""How gathers, scatters, order and running sums are written in ONNX.

ONNX wants indices within their axis, where the IR takes the nearest end: a runtime may refuse what lies outside.
"""

from typing import Any

from onnx import TensorProto

from gossamer.codegen.onnx.table import Emit, emits
from gossamer.ir import ops
from gossamer.ir.types import F32, F64, I32, I64

_ORDERED = (F32, F64, I32, I64)
"""Element types that runtimes sort and add up."""


@emits(ops.Gather, ops.GatherElements)
def gather(call: Emit[Any]) -> None:
    kind = "Gather" if isinstance(call.op, ops.Gather) else "GatherElements"
    call.node(kind, [call.x, _indices(call)], axis=call.op.axis)


@emits(ops.GatherND)
def gather_nd(call: Emit[ops.GatherND]) -> None:
    call.node("GatherND", [call.x, _indices(call)], batch_dims=call.op.batch_dims)


@emits(ops.ScatterElements)
def scatter_elements(call: Emit[ops.ScatterElements]) -> None:
    inputs = [call.x, _indices(call), call.inputs[2]]
    call.node("ScatterElements", inputs, axis=call.op.axis, reduction=call.op.reduction)


@emits(ops.ScatterND)
def scatter_nd(call: Emit[ops.ScatterND]) -> None:
    call.node("ScatterND", [call.x, _indices(call), call.inputs[2]], reduction=call.op.reduction)


@emits(ops.TopK)
def top_k(call: Emit[ops.TopK]) -> bool | None:
    if call.type.dtype not in _ORDERED:
        return False
    call.node("TopK", [call.x, call.ints(call.op.k)], axis=call.op.axis, largest=int(call.op.largest), sorted=1)
    return None


@emits(ops.ArgMax, ops.ArgMin)
def arg(call: Emit[Any]) -> bool | None:
    op = call.op
    if call.type.dtype not in _ORDERED:
        return False
    kind = "ArgMax" if isinstance(op, ops.ArgMax) else "ArgMin"
    call.node(kind, call.inputs, axis=op.axis, keepdims=int(op.keepdims), select_last_index=int(op.last))
    return None


@emits(ops.CumSum)
def cum_sum(call: Emit[ops.CumSum]) -> bool | None:
    op = call.op
    if call.type.dtype not in _ORDERED:
        return False
    call.node("CumSum", [call.x, call.whole(op.axis)], exclusive=int(op.exclusive), reverse=int(op.reverse))
    return None


def _indices(call: Emit[Any]) -> str:
    """The indices in a type that ONNX takes."""
    value = call.op.operands[1]
    return call.inputs[1] if value.dtype in (I32, I64) else call.step("Cast", [call.inputs[1]], to=TensorProto.INT64)
