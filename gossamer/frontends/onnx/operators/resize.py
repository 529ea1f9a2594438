"""Resize, and Upsample that came before it: which extents and factors the operands mean, axis by axis."""

from dataclasses import dataclass
from math import floor
from typing import cast

import numpy as np

from gossamer.frontends.onnx.call import Call, from_front, whole
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.problems import Unsupported
from gossamer.ir.errors import FrontendError
from gossamer.ir.ops import Cast, Resize
from gossamer.ir.ops.resize import Coordinates, Mode, Rounding
from gossamer.ir.types import F32, TensorType, Value

_MODES = ("nearest", "linear", "cubic")
_ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
_COORDINATES = (
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize",
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """The result's shape, and out / in of every axis."""

    sizes: tuple[int, ...]
    scales: tuple[float, ...]


@operator("Resize")
def resize(call: Call) -> Result:
    x = call.value(0)
    if call.opset < 11:
        return _older(call, x, _numbers(call, 1))
    axes = tuple(from_front(a, x.type.rank) for a in call.attr_ints("axes", tuple(range(x.type.rank))))
    target = _target(call, x, axes)
    coordinates, rounding = _coordinates(call)
    mode, cropped = _mode(call), coordinates == "tf_crop_and_resize"
    wide = x if mode == "nearest" or x.dtype.floating else call.step(Cast(x, TensorType(F32, x.shape)))
    op = Resize(
        wide,
        target.sizes,
        mode,
        coordinates,
        target.scales,
        rounding,
        call.attr_float("cubic_coeff_a", -0.75),
        bool(call.attr_int("exclude_outside", 0)),
        bool(call.attr_int("antialias", 0)) and mode != "nearest",
        call.attr_float("extrapolation_value", 0.0),
        _roi(call, x, axes) if cropped else (),
    )
    return call.emit(op if wide is x else Cast(call.step(op), TensorType(x.dtype, target.sizes)))


@operator("Upsample")
def upsample(call: Call) -> Result:
    """`scales` is an attribute before opset 9."""
    found = call.attribute("scales")
    return _older(call, call.value(0), tuple(found.floats) if found is not None else _numbers(call, 1))


def _older(call: Call, x: Value, scales: tuple[float, ...] | None) -> Result:
    """Before opset 11 an element comes from its index divided by the scale, nearest: rounded towards more elements."""
    if scales is None:
        raise FrontendError("it has no scales")
    target = _scaled(x, scales, tuple(range(x.type.rank)))
    rounding: Rounding = "floor" if min(scales) >= 1 else "ceil"
    return call.emit(Resize(x, target.sizes, _mode(call), "asymmetric", target.scales, rounding))


def _mode(call: Call) -> Mode:
    mode = call.attr_text("mode", "nearest")
    mode = "linear" if mode == "bilinear" else mode
    if mode not in _MODES:
        raise FrontendError(f"its mode '{mode}' is malformed, needed one of {', '.join(_MODES)}")
    return cast(Mode, mode)


def _coordinates(call: Call) -> tuple[Coordinates, Rounding]:
    kind = call.attr_text("coordinate_transformation_mode", "half_pixel")
    rounding = call.attr_text("nearest_mode", "round_prefer_floor")
    if kind == "tf_half_pixel_for_nn":  # floor((x + 1/2) / scale) = half-pixel coordinates, halves rounded up
        if rounding != "floor" or _mode(call) != "nearest":
            raise Unsupported(f"its coordinates are {kind}, which is supported for nearest_mode floor only")
        return "half_pixel", "round_prefer_ceil"
    if kind not in _COORDINATES:
        raise FrontendError(f"its coordinate_transformation_mode '{kind}' is malformed")
    if rounding not in _ROUNDINGS:
        raise FrontendError(f"its nearest_mode '{rounding}' is malformed")
    return cast(Coordinates, kind), cast(Rounding, rounding)


def _target(call: Call, x: Value, axes: tuple[int, ...]) -> Target:
    wanted = call.constant(3)
    if wanted is not None and wanted.size:
        return _sized(call, x, whole(wanted), axes)
    scales = _numbers(call, 2)
    if not scales:
        raise FrontendError("it has neither scales nor sizes")
    return _scaled(x, scales, axes)


def _scaled(x: Value, scales: tuple[float, ...], axes: tuple[int, ...]) -> Target:
    if len(scales) != len(axes) or not min(scales, default=1) > 0:
        raise FrontendError(f"its scales {scales} are malformed: {len(axes)} numbers > 0 are needed")
    factors = [1.0] * x.type.rank
    for axis, scale in zip(axes, scales):
        factors[axis] = scale
    # In float32, as the scales are: 0.29 of 100 is 29, not 28.999999999999996.
    return Target(tuple(floor(np.float32(e) * np.float32(f)) for e, f in zip(x.shape, factors)), tuple(factors))


def _sized(call: Call, x: Value, wanted: tuple[int, ...], axes: tuple[int, ...]) -> Target:
    if len(wanted) != len(axes) or min(wanted, default=1) < 0 or any(not x.shape[a] for a in axes):
        raise FrontendError(f"its sizes {wanted} do not fit its input {list(x.shape)}")
    ratios = [size / x.shape[axis] for axis, size in zip(axes, wanted)]
    policy = call.attr_text("keep_aspect_ratio_policy", "stretch")
    if policy != "stretch":
        common = min(ratios) if policy == "not_larger" else max(ratios)
        wanted, ratios = tuple(floor(common * x.shape[a] + 0.5) for a in axes), [common] * len(axes)
    sizes, factors = list(x.shape), [1.0] * x.type.rank
    for axis, size, ratio in zip(axes, wanted, ratios):
        sizes[axis], factors[axis] = size, ratio
    return Target(tuple(sizes), tuple(factors))


def _roi(call: Call, x: Value, axes: tuple[int, ...]) -> tuple[float, ...]:
    """The part of every axis that is read: its starts, then its ends; the whole of those that are not named."""
    given = _numbers(call, 1)
    if given is None or len(given) != 2 * len(axes):
        raise FrontendError(f"its roi {given} is malformed: {2 * len(axes)} numbers are needed")
    starts, ends = [0.0] * x.type.rank, [1.0] * x.type.rank
    for axis, start, end in zip(axes, given, given[len(axes) :]):
        starts[axis], ends[axis] = start, end
    return (*starts, *ends)


def _numbers(call: Call, index: int) -> tuple[float, ...] | None:
    """The decimals that were meant: float32 keeps 0.7 as 0.699999988, which moves positions halfway between two."""
    array = call.constant(index)
    return None if array is None else tuple(float(str(n)) for n in np.ravel(array))
