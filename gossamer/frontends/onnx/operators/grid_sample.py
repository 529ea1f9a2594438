"""GridSample: an image read at the positions that a second tensor gives."""

from math import prod

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.operators.normalise import cast_to
from gossamer.frontends.onnx.operators.sampling import (
    Taps,
    cubic_taps,
    linear_taps,
    nearest_taps,
    reflected,
    sampled,
    zero_outside,
)
from gossamer.frontends.onnx.table import Result, operator
from gossamer.ir.errors import FrontendError
from gossamer.ir.ops import Add, Clip, Mul, Reshape, Round, Slice, Transpose
from gossamer.ir.types import Value

_TAPS = {"nearest": nearest_taps, "linear": linear_taps, "cubic": cubic_taps}
_OLDER = {"bilinear": "linear", "bicubic": "cubic"}
_PADDINGS = ("zeros", "border", "reflection")


@operator("GridSample")
def grid_sample(call: Call) -> Result:
    """x [N, C, D1 ..], grid [N, O1 .., axes], the last axis first; -1 and 1 are the ends of an axis."""
    x, grid = call.value(0), cast_to(call, call.value(1), call.value(0).dtype)
    axes = x.type.rank - 2
    if axes < 1 or grid.type.rank != x.type.rank or grid.shape[-1] != axes or grid.shape[0] != x.shape[0]:
        raise FrontendError(f"its input {list(x.shape)} and grid {list(grid.shape)} do not fit each other")
    padding = call.attr_text("padding_mode", "zeros")
    if padding not in _PADDINGS:
        raise FrontendError(f"its padding_mode '{padding}' is malformed, needed one of {', '.join(_PADDINGS)}")
    points = call.step(Reshape(grid, (grid.shape[0], prod(grid.shape[1:-1]), axes)))
    taps = [_taps(call, points, axes - 1 - i, x.shape[2 + i], padding) for i in range(axes)]
    found = call.step(Transpose(sampled(call, x, taps), (0, 2, 1)))
    return call.emit(Reshape(found, (*x.shape[:2], *grid.shape[1:-1])))


def _taps(call: Call, points: Value, column: int, extent: int, padding: str) -> Taps:
    mode, aligned = call.attr_text("mode", "linear"), bool(call.attr_int("align_corners", 0))
    mode = _OLDER.get(mode, mode)
    if mode not in _TAPS:
        raise FrontendError(f"its mode '{mode}' is malformed, needed one of {', '.join(_TAPS)}")
    low, high = (0.0, extent - 1.0) if aligned else (-0.5, extent - 0.5)
    position = _position(call, points, column, low, high)
    if mode == "nearest":
        position = call.step(Round(position))
    if padding == "reflection":
        position = reflected(call, position, low, high)
    if padding == "border" and mode != "cubic":  # whose four taps are moved inside one by one
        position = call.step(Clip(position, 0.0, extent - 1.0))
    taps = _TAPS[mode](call, position, extent)
    if padding == "zeros":
        return zero_outside(call, taps)
    if padding == "reflection" and mode != "nearest":
        return Taps(reflected(call, taps.places, low, high), taps.weights, extent)
    return taps


def _position(call: Call, points: Value, column: int, low: float, high: float) -> Value:
    """Column `column` of the points [N, P], -1 .. 1 as `low` .. `high`."""
    count = points.shape[:2]
    cut = Slice(points, (0, 0, column), (*count, column + 1), (1, 1, 1))
    flat = call.step(Reshape(call.step(cut), count))
    scaled = call.step(Mul(flat, call.number((high - low) / 2, flat)))
    return call.step(Add(scaled, call.number((high + low) / 2, flat)))
