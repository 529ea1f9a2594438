"""Pools over windows and over the whole image."""

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.ops import AvgPool2d, MaxPool2d, ReduceMax, ReduceMean
from gossamer.ir.types import Value


@operator("max_pool2d", "max_pool2d_with_indices")
def max_pool2d(call: Call) -> Result:
    x, kernel = call.value("self"), call.pair("kernel_size")
    rows, columns = call.pair("padding", (0, 0))
    strides, dilations = call.pair("stride", kernel), call.pair("dilation", (1, 1))
    pads, ceil = (rows, columns, rows, columns), bool(call["ceil_mode"])
    return call.emit(MaxPool2d(x, kernel, strides, pads, dilations, ceil))


@operator("avg_pool2d")
def avg_pool2d(call: Call) -> Result:
    if call.has("divisor_override"):
        raise Unsupported("its divisor_override is not supported")
    x, kernel = call.value("self"), call.pair("kernel_size")
    rows, columns = call.pair("padding", (0, 0))
    pads, counted = (rows, columns, rows, columns), bool(call["count_include_pad"])
    return call.emit(AvgPool2d(x, kernel, call.pair("stride", kernel), pads, bool(call["ceil_mode"]), counted))


@operator("adaptive_avg_pool2d", "_adaptive_avg_pool2d")
def adaptive_avg_pool2d(call: Call) -> Result:
    x, size = call.value("self"), call.pair("output_size")
    if size == (1, 1):
        return call.emit(ReduceMean(x, (2, 3)))
    kernel = _kernel(x, size)
    return call.emit(AvgPool2d(x, kernel, kernel)) if kernel != (1, 1) else x


@operator("adaptive_max_pool2d")
def adaptive_max_pool2d(call: Call) -> Result:
    x, size = call.value("self"), call.pair("output_size")
    if size == (1, 1):
        return call.emit(ReduceMax(x, (2, 3)))
    kernel = _kernel(x, size)
    return call.emit(MaxPool2d(x, kernel, kernel)) if kernel != (1, 1) else x


def _kernel(x: Value, size: tuple[int, int]) -> tuple[int, int]:
    """The window that divides x evenly."""
    height, width = x.shape[-2:]
    if height % size[0] or width % size[1]:
        raise Unsupported(f"it pools {height}x{width} to {size[0]}x{size[1]}, which are not equal windows")
    return (height // size[0], width // size[1])
