"""RoiAlign: regions of an image, each read on a grid of its own and pooled to one size (He et al. 2017, Mask R-CNN)."""

from dataclasses import dataclass

import numpy as np

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.operators.normalise import cast_to
from gossamer.frontends.onnx.operators.sampling import Taps, linear_taps, sampled, tap_values
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import check_made
from gossamer.frontends.problems import Unsupported
from gossamer.ir.errors import FrontendError
from gossamer.ir.ops import (
    Add,
    And,
    Clip,
    Div,
    Expand,
    LessEqual,
    Maximum,
    Mul,
    ReduceMax,
    ReduceMean,
    Reshape,
    Slice,
    Sub,
    Transpose,
    Where,
)
from gossamer.ir.types import I64, Value


@dataclass(frozen=True)
class Grid:
    """Bins along one axis of the result, samples in each, elements of the image."""

    bins: int
    samples: int
    extent: int


@operator("RoiAlign")
def roi_align(call: Call) -> Result:
    """x [N, C, H, W], rois [R, 4] = (x1, y1, x2, y2), images [R]: [R, C, output_height, output_width]."""
    x, rois = call.value(0), cast_to(call, call.value(1), call.value(0).dtype)
    images, samples = cast_to(call, call.value(2), I64), call.attr_int("sampling_ratio", 0)
    if x.type.rank != 4 or rois.shape != (*images.shape, 4):
        raise FrontendError(f"its input {list(x.shape)} or its rois {list(rois.shape)} are malformed")
    if samples < 1:
        raise Unsupported("its sampling_ratio is 0, so that the regions say how often they are read; export it with 2")
    rows = Grid(call.attr_int("output_height", 1), samples, x.shape[2])
    columns = Grid(call.attr_int("output_width", 1), samples, x.shape[3])
    shape = (rows.bins, samples, columns.bins, samples)
    taps = [_taps(call, rois, 1, rows, shape, 0), _taps(call, rois, 0, columns, shape, 2)]
    spread = (images.shape[0], *shape, x.shape[1])
    if call.attr_text("mode", "avg") == "max":  # of the products of value and weight, not of their sums
        read, weights = tap_values(call, x, taps, images)
        best = call.step(ReduceMax(call.step(Mul(read, weights)), (2,), keepdims=False))
        pooled = call.step(ReduceMax(call.step(Reshape(best, spread)), (2, 4), keepdims=False))
    else:
        points = call.step(Reshape(sampled(call, x, taps, images), spread))
        pooled = call.step(ReduceMean(points, (2, 4), keepdims=False))
    return call.emit(Transpose(pooled, (0, 3, 1, 2)))


def _taps(call: Call, rois: Value, column: int, grid: Grid, shape: tuple[int, ...], axis: int) -> Taps:
    """The taps of every sample along one axis; those of samples more than 1 outside the image count nothing."""
    count = rois.shape[0]
    line = _samples(call, rois, column, grid)
    own = (count, *(shape[i] if i in (axis, axis + 1) else 1 for i in range(4)))
    spread = call.step(Expand(call.step(Reshape(line, own)), (count, *shape)))
    points = call.step(Reshape(spread, (count, spread.type.elements // max(count, 1))))
    taps = linear_taps(call, call.step(Clip(points, 0.0, grid.extent - 1.0)), grid.extent)
    inside = call.step(
        And(
            call.step(LessEqual(call.number(-1.0, points), points)),
            call.step(LessEqual(points, call.number(float(grid.extent), points))),
        )
    )
    mask = call.step(Reshape(inside, (*points.shape, 1)))
    return Taps(taps.places, call.step(Where(mask, taps.weights, call.number(0.0, points))), grid.extent)


def _samples(call: Call, rois: Value, column: int, grid: Grid) -> Value:
    """Where the samples of every region lie, in elements of the image: [R, bins * samples]."""
    aligned = call.attr_text("coordinate_transformation_mode", "half_pixel" if call.opset >= 16 else "") == "half_pixel"
    start, end = (_corner(call, rois, place, aligned) for place in (column, column + 2))
    size = call.step(Sub(end, start))
    if not aligned:
        size = call.step(Maximum(size, call.number(1.0, size)))
    step = call.step(Div(size, call.number(float(grid.bins), size)))
    check_made(grid.samples * grid.bins)
    inner = (np.arange(grid.samples) + 0.5) / grid.samples
    places = (np.arange(grid.bins)[:, None] + inner).reshape(1, -1)
    return call.step(Add(start, call.step(Mul(step, call.param(places, "samples", rois.dtype)))))


def _corner(call: Call, rois: Value, column: int, aligned: bool) -> Value:
    """Column `column` of the regions, in elements of the image: [R, 1]."""
    cut = call.step(Slice(rois, (0, column), (rois.shape[0], column + 1), (1, 1)))
    scaled = call.step(Mul(cut, call.number(call.attr_float("spatial_scale", 1.0), cut)))
    return call.step(Sub(scaled, call.number(0.5, scaled))) if aligned else scaled
