"""Convolutions and transposed convolutions over 1 to 3 spatial axes; 1-D ones are the IR's 2-D ones on a single row."""

from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.operators.windows import Numbers, in_row, row
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.op import Op
from gossamer.ir.ops import Conv2d, Conv3d, ConvTranspose, Reshape
from gossamer.ir.types import Value


@operator("conv1d.default", "conv2d.default", "conv3d.default", "convolution")
def conv(call: Call) -> Result:
    if call.operator == "convolution" and call["transposed"]:
        return _transposed(call, call.value("weight").type.rank - 2)
    pads = call.spread("padding", call.value("weight").type.rank - 2)
    return _conv(call, (*pads, *pads))


@operator("conv1d.padding", "conv2d.padding", "conv3d.padding")
def conv_named_padding(call: Call) -> Result:
    """Padding "same" puts the odd pixel after, "valid" is none."""
    kernel = call.value("weight").shape[2:]
    if call["padding"] == "valid":
        return _conv(call, (0,) * 2 * len(kernel))
    totals = [(k - 1) * d for k, d in zip(kernel, call.spread("dilation", len(kernel), (1,) * len(kernel)))]
    return _conv(call, (*(t // 2 for t in totals), *(t - t // 2 for t in totals)))


@operator("conv_transpose1d", "conv_transpose2d.input", "conv_transpose3d.input")
def conv_transpose(call: Call) -> Result:
    return _transposed(call, call.value("weight").type.rank - 2)


def _conv(call: Call, pads: Numbers) -> Value:
    x, weight, bias, groups = call.value("input"), call.value("weight"), call.optional("bias"), int(call["groups"])
    axes = weight.type.rank - 2
    strides, dilations = (call.spread(name, axes, (1,) * axes) for name in ("stride", "dilation"))
    if x.type.rank == axes + 1:
        x = call.step(Reshape(x, (1, *x.shape)))
    if axes == 1:
        flat, kernel = call.step(Reshape(x, row(x))), call.step(Reshape(weight, row(weight)))
        found: Op = Conv2d(flat, kernel, bias, (1, *strides), in_row(pads), (1, *dilations), groups)
    else:
        found = (Conv2d if axes == 2 else Conv3d)(x, weight, bias, strides, pads, dilations, groups)
    if axes == 1 or len(call.shape) == axes + 1:
        return call.emit(Reshape(call.step(found), call.shape))
    return call.emit(found)


def _transposed(call: Call, axes: int) -> Value:
    x, weight, bias = call.value("input"), call.value("weight"), call.optional("bias")
    pads, more = (call.spread(name, axes, (0,) * axes) for name in ("padding", "output_padding"))
    strides, dilations = (call.spread(name, axes, (1,) * axes) for name in ("stride", "dilation"))
    if x.type.rank == axes + 1:
        x = call.step(Reshape(x, (1, *x.shape)))
    found = ConvTranspose(x, weight, bias, strides, (*pads, *pads), dilations, more, int(call["groups"]))
    if len(call.shape) == axes + 1:
        return call.emit(Reshape(call.step(found), call.shape))
    return call.emit(found)
