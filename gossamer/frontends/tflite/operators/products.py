"""CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED: in integers where the file has integers.

Weights are OHWI (depthwise 1HWO) in the file and OIHW in the IR. Integer weights under a float input are read back as
floats; LiteRT rounds the input of such a layer to 8 bits at run time, so it is that much less exact.
"""

from dataclasses import replace
from math import prod

import numpy as np
from tflite import Conv2DOptions, DepthwiseConv2DOptions, FullyConnectedOptions

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.quantised import bias_type
from gossamer.frontends.tflite.call import Call
from gossamer.frontends.tflite.operators.ending import finished
from gossamer.frontends.tflite.operators.windows import window_of
from gossamer.frontends.tflite.scope import Placed, transposed
from gossamer.frontends.tflite.table import operator
from gossamer.ir.centred import centred
from gossamer.ir.errors import FrontendError
from gossamer.ir.ops import Cast, Conv2d, ConvTranspose, Gemm, Reshape, Transpose
from gossamer.ir.types import F32, TensorType, Value

OIHW = (0, 3, 1, 2)
OIHW_OF_DEPTHWISE = (3, 0, 1, 2)


@operator("CONV_2D")
def conv(call: Call) -> Placed:
    options = call.options(Conv2DOptions)
    x = call.image(0)
    return _convolution(call, options, x, weight_of(call, OIHW, x))


@operator("DEPTHWISE_CONV_2D")
def depthwise(call: Call) -> Placed:
    options = call.options(DepthwiseConv2DOptions)
    x = call.image(0)
    return _convolution(call, options, x, weight_of(call, OIHW_OF_DEPTHWISE, x))


def _convolution(
    call: Call, options: Conv2DOptions | DepthwiseConv2DOptions, x: Value, weight: Value
) -> Placed:
    channels = weight.shape[1]
    if not channels or x.shape[1] % channels:
        raise FrontendError(f"it is malformed: its weight has {channels} channels and its input {x.shape[1]}")
    dilations = (options.DilationHFactor(), options.DilationWFactor())
    window = window_of(options, x, (weight.shape[2], weight.shape[3]), dilations)
    groups = x.shape[1] // channels
    op = Conv2d(x, weight, None, window.strides, window.pads, dilations, groups)
    return finished(call, replace(op, bias=bias_of(call, op, 2)), options.FusedActivationFunction(), nchw=True)


@operator("FULLY_CONNECTED")
def fully_connected(call: Call) -> Placed:
    """x is flattened to rows as long as the weight's [OC, IC]; `keep_num_dims` says that the result is not."""
    options = call.options(FullyConnectedOptions)
    if options.WeightsFormat():
        raise Unsupported("its weights are shuffled for one processor; convert the network without that")
    x = call.plain(0)
    weight = weight_of(call, (0, 1), x)
    columns = weight.shape[1]
    if x.shape[-1:] != (columns,) or x.type.rank != 2:
        if not columns or prod(x.shape) % columns:
            raise FrontendError(f"it is malformed: its weight has {columns} columns and its input {list(x.shape)}")
        flat = call.step(Reshape(x, (prod(x.shape) // columns, columns)), "rows")
    else:
        flat = x
    op = Gemm(flat, weight, None, transpose_b=True)
    op = replace(op, bias=bias_of(call, op, 2))
    if not options.KeepNumDims() or x.type.rank == 2:
        return finished(call, op, options.FusedActivationFunction(), nchw=False)
    raise Unsupported("it keeps the number of axes of its input, which is not supported; convert it with a reshape")


def weight_of(call: Call, perm: tuple[int, ...], x: Value) -> Value:
    """The weight with its axes as the IR has them, in the arithmetic of x; symmetric, for the products of the IR."""
    tensor = call.tensor(1)
    if tensor.type.rank != len(perm):
        raise FrontendError(f"it is malformed: its weight has shape {list(tensor.type.shape)}")
    if tensor.data is None:
        weight = call.plain(1)
        weight = weight if perm == (0, 1) else call.step(Transpose(weight, perm), "weight")
    else:
        kind, load = centred(transposed(tensor.type, perm), lambda: np.transpose(tensor.array(), perm))
        weight = call.param("weight", kind, load)
    if x.dtype.floating and weight.dtype != x.dtype:
        weight = call.step(Cast(weight, TensorType(F32, weight.shape)), "weight.real")
    return weight


def bias_of(call: Call, product: Conv2d | Gemm | ConvTranspose, index: int) -> Value | None:
    """Operand `index`. In integers it has the accumulator's own scale, as in the file."""
    if not call.has(index):
        return None
    tensor, kind = call.tensor(index), product.infer()[0]
    if tensor.data is None:
        return call.plain(index)
    if kind.quant is None:
        return call.param("bias", tensor.type, tensor.array)
    wanted = bias_type(kind, tensor.type.shape)
    return call.param("bias", wanted, lambda: tensor.array().astype(wanted.dtype.numpy))
