"""Sorting and the k largest."""

from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.ops import Reshape, Slice, TopK


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


@operator("median.dim")
def median(call: Call) -> Result:
    """The middle element in order, of an even number the lower of the two, and its index."""
    x = call.value("self")
    axis = call.axis("dim", x.type.rank)
    middle = (x.shape[axis] - 1) // 2
    starts = tuple(middle if i == axis else 0 for i in range(x.type.rank))
    stops = tuple(middle + 1 if i == axis else e for i, e in enumerate(x.shape))
    both = call.steps(TopK(x, middle + 1, axis, largest=False))
    picked = [call.step(Slice(part, starts, stops, (1,) * x.type.rank)) for part in both]
    return tuple(call.step(Reshape(part, call.shape)) for part in picked)
