"""Sorting and the k largest."""

from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.ops import TopK


@operator("topk")
def topk(call: Call) -> Result:
    x = call.value("self")
    return call.emit_all(TopK(x, int(call["k"]), call.axis("dim", x.type.rank), bool(call["largest"])))


@operator("sort")
def sort(call: Call) -> Result:
    """All elements of the axis in order; equal ones keep theirs."""
    x = call.value("self")
    axis = call.axis("dim", x.type.rank)
    return call.emit_all(TopK(x, x.shape[axis], axis, bool(call["descending"])))
