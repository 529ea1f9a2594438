"""Conv and ConvTranspose over 1 to 3 spatial axes; the IR's 2-D convolution does those over one, on a single row."""

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.operators.windows import Window, row, window_of
from gossamer.frontends.onnx.table import Result, operator
from gossamer.ir.errors import FrontendError
from gossamer.ir.op import Op
from gossamer.ir.ops import Conv2d, Reshape
from gossamer.ir.types import Value


@operator("Conv")
def conv(call: Call) -> Result:
    x, weight = call.value(0), call.value(1)
    window = window_of(call, x, weight.shape[2:])
    if call.attr_ints("kernel_shape", window.kernel) != window.kernel:
        raise FrontendError(f"its kernel_shape is malformed: the weight has shape {list(weight.shape)}")
    if window.axes > 1:
        return call.emit(_convolution(call, x, weight, window))
    flat, kernel = call.step(Reshape(x, row(x))), call.step(Reshape(weight, row(weight)))
    found = call.step(_convolution(call, flat, kernel, window.in_row()))
    return call.emit(Reshape(found, (*found.shape[:2], found.shape[3])))


def _convolution(call: Call, x: Value, weight: Value, window: Window) -> Op:
    groups = call.attr_int("group", 1)
    return Conv2d(x, weight, call.optional(2), window.strides, window.pads, window.dilations, groups)
