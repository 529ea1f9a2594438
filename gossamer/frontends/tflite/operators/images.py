"""Operators that make images larger or smaller: RESIZE_*, TRANSPOSE_CONV, DEPTH_TO_SPACE, SPACE_TO_DEPTH."""

from dataclasses import replace

from tflite import ActivationFunctionType as Activation
from tflite import (
    DepthToSpaceOptions,
    Padding,
    ResizeBilinearOptions,
    ResizeNearestNeighborOptions,
    SpaceToDepthOptions,
    TransposeConvOptions,
)

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.tflite.call import Call
from gossamer.frontends.tflite.operators.ending import finished, real
from gossamer.frontends.tflite.operators.products import bias_of, weight_of
from gossamer.frontends.tflite.scope import Placed
from gossamer.frontends.tflite.table import operator
from gossamer.ir.errors import FrontendError
from gossamer.ir.ops import ConvTranspose, Reshape, Resize, Transpose

IOHW = (3, 0, 1, 2)
"""A transposed convolution's weight is OHWI in the file and IOHW in the IR."""


@operator("RESIZE_BILINEAR")
def resize_bilinear(call: Call) -> Placed:
    options = call.options(ResizeBilinearOptions)
    half, corners = options.HalfPixelCenters(), options.AlignCorners()
    x = real(call, call.image(0))
    coordinates = "align_corners" if corners else "half_pixel" if half else "asymmetric"
    op = Resize(x, (*x.shape[:2], *_sizes(call)), "linear", coordinates)
    return finished(call, op, Activation.NONE, nchw=True)


@operator("RESIZE_NEAREST_NEIGHBOR")
def resize_nearest(call: Call) -> Placed:
    """Positions are rounded down, where pixels have centres or corners are aligned to the nearest, halves up."""
    options = call.options(ResizeNearestNeighborOptions)
    half, corners = options.HalfPixelCenters(), options.AlignCorners()
    x = call.image(0)
    sizes = (*x.shape[:2], *_sizes(call))
    if corners:
        op = Resize(x, sizes, "nearest", "align_corners", nearest="round_prefer_ceil")
    elif half:
        op = Resize(x, sizes, "nearest", "half_pixel", nearest="round_prefer_ceil")
    else:
        op = Resize(x, sizes, "nearest", "asymmetric", nearest="floor")
    return finished(call, op, Activation.NONE, nchw=True)


@operator("TRANSPOSE_CONV")
def transpose_conv(call: Call) -> Placed:
    """Operands are the result's shape, the weight and x. What the full result has too much is cut off, as for SAME."""
    options = call.options(TransposeConvOptions)
    x = call.image(2)
    weight = weight_of(call, IOHW, x)
    wanted, strides = call.whole(0), (options.StrideH(), options.StrideW())
    if len(wanted) != 4 or min(strides) < 1:
        raise FrontendError(f"it is malformed: its result has shape {list(wanted)}, its strides are {strides}")
    full = [(e - 1) * s + k for e, s, k in zip(x.shape[2:], strides, weight.shape[2:])]
    cut = [f - w for f, w in zip(full, wanted[1:3])]
    before = [0 if options.Padding() == Padding.VALID else max(0, c) // 2 for c in cut]
    pads = (*before, *(c - b for c, b in zip(cut, before)))
    op = ConvTranspose(x, weight, None, strides, pads)
    return finished(call, replace(op, bias=bias_of(call, op, 3)), options.FusedActivationFunction(), nchw=True)


@operator("DEPTH_TO_SPACE")
def depth_to_space(call: Call) -> Placed:
    """Channels -> blocks of pixels: [N, b b C, H, W] -> [N, C, H b, W b]."""
    x, b = call.image(0), call.options(DepthToSpaceOptions).BlockSize()
    n, c, h, w = x.shape
    if b < 1 or c % (b * b):
        raise Unsupported(f"it makes blocks of {b}x{b} pixels out of {c} channels")
    parts = call.step(Reshape(x, (n, b, b, c // (b * b), h, w)))
    moved = call.step(Transpose(parts, (0, 3, 4, 1, 5, 2)))
    return Placed(call.emit(Reshape(moved, (n, c // (b * b), h * b, w * b)), nchw=True), nchw=True)


@operator("SPACE_TO_DEPTH")
def space_to_depth(call: Call) -> Placed:
    """Blocks of pixels -> channels: [N, C, H b, W b] -> [N, b b C, H, W]."""
    x, b = call.image(0), call.options(SpaceToDepthOptions).BlockSize()
    n, c, h, w = x.shape
    if b < 1 or h % b or w % b:
        raise Unsupported(f"it makes channels out of blocks of {b}x{b} pixels of an image of {h}x{w}")
    blocks = call.step(Reshape(x, (n, c, h // b, b, w // b, b)))
    moved = call.step(Transpose(blocks, (0, 3, 5, 1, 2, 4)))
    return Placed(call.emit(Reshape(moved, (n, c * b * b, h // b, w // b)), nchw=True), nchw=True)


def _sizes(call: Call) -> tuple[int, int]:
    sizes = call.whole(1)
    if len(sizes) != 2 or min(sizes) < 1:
        raise FrontendError(f"it is malformed: its sizes are {list(sizes)}, needed a height and a width")
    return sizes[0], sizes[1]
