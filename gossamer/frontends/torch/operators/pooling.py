"""Pools over windows of 1 to 3 spatial axes. What the IR has is the 2-D pool: a 1-D one works on a single row, and a
3-D one is a pool over height and width after which depth is pooled by itself.
"""

from collections.abc import Callable
from math import prod

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.operators.windows import Numbers
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.op import Op
from gossamer.ir.ops import AvgPool2d, MaxPool2d, Mul, Reshape
from gossamer.ir.types import Value


@operator(
    "max_pool1d", "max_pool2d", "max_pool3d", "max_pool2d_with_indices", "max_pool3d_with_indices",
    "max_pool1d_with_indices",
)  # fmt: skip
def max_pool(call: Call) -> Result:
    axes = _axes(call.operator)
    kernel, strides, pads = _windows(call, axes)
    dilations, ceil = call.spread("dilation", axes, (1,) * axes), bool(call["ceil_mode"])

    def pool(x: Value, kernel: Numbers, strides: Numbers, pads: Numbers, dilations: Numbers) -> Op:
        return MaxPool2d(x, kernel, strides, (*pads, *pads), dilations, ceil)

    return pooled(call, call.value("self"), pool, kernel, strides, pads, dilations)


@operator("avg_pool1d", "avg_pool2d", "avg_pool3d")
def avg_pool(call: Call) -> Result:
    axes, counted, ceil = _axes(call.operator), bool(call["count_include_pad"]), bool(call["ceil_mode"])
    kernel, strides, pads = _windows(call, axes)
    divisor = call["divisor_override"] if axes > 1 else None
    if divisor is not None and ceil:
        raise Unsupported("its divisor_override is not supported together with ceil_mode")

    def pool(x: Value, kernel: Numbers, strides: Numbers, pads: Numbers) -> Op:
        return AvgPool2d(x, kernel, strides, (*pads, *pads), ceil, counted or divisor is not None)

    x = call.value("self")
    if divisor is None:
        return pooled(call, x, pool, kernel, strides, pads)
    scaled = call.step(Mul(x, call.number(prod(kernel) / divisor, x)))
    return pooled(call, scaled, pool, kernel, strides, pads)


def _axes(name: str) -> int:
    return next(n for n in (1, 2, 3) if f"pool{n}d" in name)


def _windows(call: Call, axes: int) -> tuple[Numbers, Numbers, Numbers]:
    kernel = call.spread("kernel_size", axes)
    return kernel, call.spread("stride", axes, kernel), call.spread("padding", axes, (0,) * axes)


def pooled(call: Call, x: Value, pool: Callable[..., Op], *windows: Numbers) -> Value:
    """`windows`: kernel, strides, pads (and dilations), one number per axis each."""
    axes = len(windows[0])
    if axes == 3:
        return _pooled_volume(call, x, pool, *windows)
    if axes == 2 and x.type.rank == 4:
        return call.emit(pool(x, *windows))
    image = call.step(Reshape(x, (*_batched(x.shape[:-axes]), *(1,) * (2 - axes), *x.shape[-axes:])))
    rows = (_in_row(n, i) for i, n in enumerate(windows)) if axes == 1 else windows
    return call.emit(Reshape(call.step(pool(image, *rows)), call.shape))


def _pooled_volume(call: Call, x: Value, pool: Callable[..., Op], *windows: Numbers) -> Value:
    n, c = _batched(x.shape[:-3])
    depth, height, width = x.shape[-3:]
    planes = call.step(Reshape(x, (n, c * depth, height, width)))
    flat = call.step(pool(planes, *(numbers[1:] for numbers in windows)))
    columns = call.step(Reshape(flat, (n, c, depth, flat.shape[2] * flat.shape[3])))
    found = call.step(pool(columns, *((numbers[0], 0 if i == 2 else 1) for i, numbers in enumerate(windows))))
    return call.emit(Reshape(found, call.shape))


def _batched(outer: Numbers) -> tuple[int, int]:
    """(N, C) of the axes before the spatial ones."""
    return prod(outer[:-1]), outer[-1] if outer else 1


def _in_row(numbers: Numbers, kind: int) -> Numbers:
    """Along the row that is not there: a window of 1 in steps of 1, no padding (the third of the numbers)."""
    return (0 if kind == 2 else 1, *numbers)
