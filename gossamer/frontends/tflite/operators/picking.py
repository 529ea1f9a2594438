"""GATHER, ARG_MAX, ARG_MIN, BATCH_MATMUL: operators that see the file's own layout."""

from collections.abc import Callable

import numpy as np
from tflite import ActivationFunctionType as Activation
from tflite import BatchMatMulOptions, GatherOptions

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.tflite.call import Call, from_front
from gossamer.frontends.tflite.operators.ending import finished, real
from gossamer.frontends.tflite.scope import Placed
from gossamer.frontends.tflite.table import operator
from gossamer.ir.op import Op
from gossamer.ir.ops import ArgMax, ArgMin, Gather, MatMul, Transpose
from gossamer.ir.types import Value

_EXTREMES: dict[str, Callable[..., Op]] = {"ARG_MAX": ArgMax, "ARG_MIN": ArgMin}


@operator("GATHER")
def gather(call: Call) -> Placed:
    options = call.options(GatherOptions)
    if options.BatchDims():
        raise Unsupported("it gathers per batch, which is not supported")
    x = call.plain(0)
    return Placed(call.emit(Gather(x, call.plain(1), from_front(options.Axis(), x.type.rank))))


@operator(*_EXTREMES)
def extreme(call: Call) -> Placed:
    """The type of the result says whether its numbers have 32 bits or 64."""
    x = call.plain(0)
    axis = from_front(int(np.ravel(call.constant(1))[0]), x.type.rank)
    return finished(call, _EXTREMES[call.operator.name](real(call, x), axis, False), Activation.NONE, nchw=False)


@operator("BATCH_MATMUL")
def batch_matmul(call: Call) -> Placed:
    options = call.options(BatchMatMulOptions)
    x = _adjoint(call, real(call, call.plain(0)), options.AdjX())
    y = _adjoint(call, real(call, call.plain(1)), options.AdjY())
    return finished(call, MatMul(x, y), Activation.NONE, nchw=False)


def _adjoint(call: Call, x: Value, swapped: bool) -> Value:
    rank = x.type.rank
    return call.step(Transpose(x, (*range(rank - 2), rank - 1, rank - 2))) if swapped else x
