"""The sliding window that convolutions and pools share: strides, and the padding that SAME and VALID mean."""

from dataclasses import dataclass
from typing import TypeAlias

from tflite import Conv2DOptions, DepthwiseConv2DOptions, Padding, Pool2DOptions

from gossamer.ir.errors import FrontendError
from gossamer.ir.types import Value

Pair: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """`pads` = (top, left, bottom, right)."""

    strides: Pair
    pads: tuple[int, int, int, int]


def window_of(
    options: Conv2DOptions | DepthwiseConv2DOptions | Pool2DOptions, x: Value, kernel: Pair, dilations: Pair = (1, 1)
) -> Window:
    """The window of `kernel` over x [N, C, H, W]. FrontendError when its numbers make no sense."""
    strides = (options.StrideH(), options.StrideW())
    if min(*strides, *kernel, *dilations) < 1:
        raise FrontendError(f"it is malformed: kernel {kernel}, strides {strides}, dilations {dilations}, needed >= 1")
    if options.Padding() == Padding.VALID:
        return Window(strides, (0, 0, 0, 0))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations)]
    (top, bottom), (left, right) = (_same(e, r, s) for e, r, s in zip(x.shape[2:], reach, strides))
    return Window(strides, (top, left, bottom, right))


def _same(extent: int, reach: int, stride: int) -> Pair:
    """Padding (before, after) with which the output has ceil(extent / stride) positions; the odd one comes after."""
    total = max(0, (-(-extent // stride) - 1) * stride + reach - extent)
    return total // 2, total - total // 2
