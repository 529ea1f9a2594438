"""Conv and ConvTranspose over 1 to 3 spatial axes; a convolution over one is the IR's 2-D one on a single row."""

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.operators.windows import Numbers, Window, auto_pad, halves, row, window_of
from gossamer.frontends.onnx.table import Result, operator
from gossamer.ir.errors import FrontendError
from gossamer.ir.op import Op
from gossamer.ir.ops import Conv2d, Conv3d, ConvTranspose, Reshape
from gossamer.ir.types import Value


@operator("Conv")
def conv(call: Call) -> Result:
    return call.emit(convolved(call))


def convolved(call: Call) -> Op:
    """The last op of a convolution with the node's operands and attributes."""
    x, weight, window = _operands(call)
    if window.axes > 1:
        return _convolution(call, x, weight, window)
    flat, kernel = call.step(Reshape(x, row(x))), call.step(Reshape(weight, row(weight)))
    found = call.step(_convolution(call, flat, kernel, window.in_row()))
    return Reshape(found, (*found.shape[:2], found.shape[3]))


@operator("ConvTranspose")
def conv_transpose(call: Call) -> Result:
    x, weight, window = _operands(call)
    more = call.attr_ints("output_padding", (0,) * window.axes)
    pads = _cut(call, x, window, more)
    groups = call.attr_int("group", 1)
    return call.emit(
        ConvTranspose(x, weight, call.optional(2), window.strides, pads, window.dilations, more, groups)
    )


def _operands(call: Call) -> tuple[Value, Value, Window]:
    x, weight = call.value(0), call.value(1)
    window = window_of(call, x, weight.shape[2:])
    if call.attr_ints("kernel_shape", window.kernel) != window.kernel:
        raise FrontendError(f"its kernel_shape is malformed: the weight has shape {list(weight.shape)}")
    return x, weight, window


def _convolution(call: Call, x: Value, weight: Value, window: Window) -> Op:
    kind = Conv2d if window.axes == 2 else Conv3d
    groups = call.attr_int("group", 1)
    return kind(x, weight, call.optional(2), window.strides, window.pads, window.dilations, groups)


def _cut(call: Call, x: Value, window: Window, more: Numbers) -> Numbers:
    """What is cut off the full result: the pads, or what makes it `output_shape`, or (SAME) input * stride."""
    mode, wanted = auto_pad(call), call.attr_ints("output_shape")[-window.axes :]
    if not wanted and not mode.startswith("SAME"):
        return window.pads
    if len(more) != window.axes or (wanted and len(wanted) != window.axes):
        raise FrontendError(f"its output_shape or output_padding is malformed: {window.axes} numbers are needed")
    extents = x.shape[2:]
    wanted = wanted or tuple(e * s for e, s in zip(extents, window.strides))
    full = ((e - 1) * s + r + m for e, s, r, m in zip(extents, window.strides, window.reach, more))
    # Where more is wanted than there is, zeros follow at the end.
    each = [halves(mode, f - w) if f >= w else (0, f - w) for f, w in zip(full, wanted)]
    return (*(before for before, _ in each), *(after for _, after in each))
