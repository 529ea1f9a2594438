"""Pools over windows and over the whole image."""

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.operators.windows import window_of
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.problems import Unsupported
from gossamer.ir.ops import AvgPool2d, MaxPool2d, ReduceMax, ReduceMean
from gossamer.ir.types import Value


@operator("MaxPool")
def max_pool(call: Call) -> Result:
    if any(call.node.output[1:]):
        raise Unsupported("its second output (the indices) is not supported")
    x = call.value(0)
    window = window_of(call, x, call.attr_ints("kernel_shape"))
    ceil = bool(call.attr_int("ceil_mode", 0))
    return call.emit(MaxPool2d(x, window.kernel, window.strides, window.pads, window.dilations, ceil))


@operator("AveragePool")
def average_pool(call: Call) -> Result:
    x = call.value(0)
    window = window_of(call, x, call.attr_ints("kernel_shape"))
    if window.dilations != (1, 1):
        raise Unsupported("it averages over a dilated window")
    ceil, counted = bool(call.attr_int("ceil_mode", 0)), bool(call.attr_int("count_include_pad", 0))
    return call.emit(AvgPool2d(x, window.kernel, window.strides, window.pads, ceil, counted))


@operator("GlobalAveragePool")
def global_average_pool(call: Call) -> Result:
    x = call.value(0)
    return call.emit(ReduceMean(x, _spatial(x)))


@operator("GlobalMaxPool")
def global_max_pool(call: Call) -> Result:
    x = call.value(0)
    return call.emit(ReduceMax(x, _spatial(x)))


def _spatial(x: Value) -> tuple[int, ...]:
    return tuple(range(2, x.type.rank))
