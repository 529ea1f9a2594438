"""Pools; of integers too. Padding never counts."""

from tflite import Pool2DOptions

from gossamer.frontends.tflite.call import Call
from gossamer.frontends.tflite.operators.ending import finished
from gossamer.frontends.tflite.operators.windows import window_of
from gossamer.frontends.tflite.scope import Placed
from gossamer.frontends.tflite.table import operator
from gossamer.ir.ops import AvgPool2d, MaxPool2d


@operator("AVERAGE_POOL_2D")
def average_pool(call: Call) -> Placed:
    options = call.options(Pool2DOptions)
    x = call.image(0)
    kernel = (options.FilterHeight(), options.FilterWidth())
    window = window_of(options, x, kernel)
    op = AvgPool2d(x, kernel, window.strides, window.pads)
    return finished(call, op, options.FusedActivationFunction(), nchw=True)


@operator("MAX_POOL_2D")
def max_pool(call: Call) -> Placed:
    options = call.options(Pool2DOptions)
    x = call.image(0)
    kernel = (options.FilterHeight(), options.FilterWidth())
    window = window_of(options, x, kernel)
    op = MaxPool2d(x, kernel, window.strides, window.pads)
    return finished(call, op, options.FusedActivationFunction(), nchw=True)
