"""Ops with weights and windows as torch functions."""

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F

from gossamer.codegen.torch.library import Tensor
from gossamer.codegen.torch.table import as_torch
from gossamer.ir import ops


@as_torch(ops.Conv2d, ops.Conv3d)
def conv(op: Any, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor | None:
    if not op.x.dtype.floating:
        return None
    sides = len(op.strides)
    begin, end = op.pads[:sides], op.pads[sides:]
    if begin != end:
        x = F.pad(x, _both(begin, end))
        begin = (0,) * sides
    function = F.conv2d if sides == 2 else F.conv3d
    return function(x, weight, bias, op.strides, begin, op.dilations, op.groups)


@as_torch(ops.ConvTranspose)
def conv_transpose(op: ops.ConvTranspose, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor | None:
    if not op.x.dtype.floating:
        return None
    sides = len(op.strides)
    function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[sides - 1]
    begin, end = op.pads[:sides], op.pads[sides:]
    small = all(o < max(s, d) for o, s, d in zip(op.output_padding, op.strides, op.dilations))
    if begin == end and min(begin) >= 0 and small:
        return function(x, weight, bias, op.strides, begin, op.output_padding, op.groups, op.dilations)
    whole = function(x, weight, None, op.strides, 0, 0, op.groups, op.dilations)
    cut = [-b for b in begin], [more - e for e, more in zip(end, op.output_padding)]
    found = F.pad(whole, _both(*cut))
    return found if bias is None else found + bias.reshape((-1, *(1,) * sides))


@as_torch(ops.Gemm)
def gemm(op: ops.Gemm, a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor | None:
    if not op.a.dtype.floating:
        return None
    return F.linear(a, b if op.transpose_b else b.permute((1, 0)), bias)


@as_torch(ops.LayerNorm)
def layer_norm(op: ops.LayerNorm, x: Tensor, *rest: Tensor) -> Tensor:
    axis = op.axis % op.x.type.rank
    scale = rest[0] if op.scale is not None else None
    return F.layer_norm(x, op.x.shape[axis:], scale, rest[-1] if op.bias is not None else None, op.epsilon)


@as_torch(ops.MaxPool2d)
def max_pool(op: ops.MaxPool2d, x: Tensor) -> Tensor | None:
    if not op.x.dtype.floating:
        return None
    begin, end = op.pads[:2], op.pads[2:]
    plain = begin == end and not op.ceil_mode and all(2 * p <= k for p, k in zip(begin, op.kernel_shape))
    if not plain:
        x = F.pad(x, _both(begin, _reach(op)), value=float("-inf"))
        begin = (0, 0)
    return F.max_pool2d(x, op.kernel_shape, op.strides, begin, op.dilations)


@as_torch(ops.AvgPool2d)
def avg_pool(op: ops.AvgPool2d, x: Tensor) -> Tensor | None:
    begin, end = op.pads[:2], op.pads[2:]
    if begin != end or any(2 * p > k for p, k in zip(begin, op.kernel_shape)):
        return None
    return F.avg_pool2d(x, op.kernel_shape, op.strides, begin, op.ceil_mode, op.count_include_pad)


@as_torch(ops.Resize)
def resize(op: ops.Resize, x: Tensor) -> Tensor | None:
    """What `F.interpolate` does alike: images made larger or smaller, by nearest pixels or bilinear weights."""
    if op.x.type.rank != 4 or op.sizes[:2] != op.x.shape[:2] or op.scales or op.roi or op.antialias:
        return None
    if op.mode == "nearest" and op.coordinates == "asymmetric" and op.nearest == "floor":
        return F.interpolate(x, size=op.sizes[2:], mode="nearest")
    if op.mode == "linear" and op.coordinates in ("half_pixel", "align_corners"):
        aligned = op.coordinates == "align_corners"
        return F.interpolate(x, size=op.sizes[2:], mode="bilinear", align_corners=aligned)
    return None


def _both(begin: Sequence[int], end: Sequence[int]) -> list[int]:
    """Padding as `F.pad` wants it: the last side first, before and after."""
    return [p for pair in reversed(list(zip(begin, end))) for p in pair]


def _reach(op: ops.MaxPool2d) -> list[int]:
    """Padding behind, up to the end of the last window."""
    out, ends = op.infer()[0].shape[2:], list[int]()
    parts = zip(out, op.strides, op.kernel_shape, op.dilations, op.pads, op.x.shape[2:])
    for positions, stride, size, dilation, before, extent in parts:
        ends.append(max(0, (positions - 1) * stride + (size - 1) * dilation + 1 - before - extent))
    return ends
