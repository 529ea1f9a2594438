"""MEAN, SUM, REDUCE_MAX, REDUCE_MIN; integers through real numbers."""

from collections.abc import Callable

from tflite import ActivationFunctionType as Activation
from tflite import ReducerOptions

from gossamer.frontends.tflite.call import Call, from_front
from gossamer.frontends.tflite.operators.ending import finished, real
from gossamer.frontends.tflite.scope import TO_NHWC, Placed
from gossamer.frontends.tflite.table import operator
from gossamer.ir.op import Op
from gossamer.ir.ops import ReduceMax, ReduceMean, ReduceMin, ReduceSum

_KINDS: dict[str, Callable[..., Op]] = {
    "MEAN": ReduceMean, "SUM": ReduceSum, "REDUCE_MAX": ReduceMax, "REDUCE_MIN": ReduceMin,
}  # fmt: skip


@operator(*_KINDS)
def reduction(call: Call) -> Placed:
    """An image stays NCHW where its axes stay, or where rows and columns are what goes."""
    keep = bool(call.options(ReducerOptions).KeepDims())
    rank = call.tensor(0).type.rank
    axes = {from_front(a, rank) for a in call.whole(1)} or set(range(rank))
    nchw = call.computed_nchw(0) and (keep or {1, 2} <= axes)
    x = real(call, call.in_layout(0, nchw))
    places = sorted(TO_NHWC[a] if nchw else a for a in axes)
    return finished(call, _KINDS[call.operator.name](x, tuple(places), keep), Activation.NONE, nchw and keep)
