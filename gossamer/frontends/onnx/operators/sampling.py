"""Reading a tensor at positions between its elements, computed at run time: weighted taps along every axis, gathered.

B batch, P positions, T taps along an axis; positions are in elements, 0 at the first one's centre.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.tensors import check_made
from gossamer.ir.ops import (
    Abs,
    Add,
    And,
    Cast,
    Clip,
    Concat,
    Div,
    Floor,
    Gather,
    LessEqual,
    Mul,
    ReduceSum,
    Reshape,
    Sub,
    Transpose,
    Where,
)
from gossamer.ir.types import I64, TensorType, Value

_CUBIC = -0.75
"""The parameter of cubic convolution (Keys 1981) that torch and ONNX use."""


@dataclass(frozen=True)
class Taps:
    """Along one axis of `extent` elements: where to read (whole numbers, as floats) and how much counts, [B, P, T]."""

    places: Value
    weights: Value
    extent: int


def nearest_taps(call: Call, positions: Value, extent: int) -> Taps:
    """The element at a rounded position [B, P] itself."""
    places = call.step(Reshape(positions, (*positions.shape, 1)))
    return Taps(places, call.param(np.ones((1, 1, 1)), "weights", positions.dtype), extent)


def linear_taps(call: Call, positions: Value, extent: int) -> Taps:
    """The two elements around each position."""
    places, part = _around(call, positions, (0, 1))
    return Taps(places, _side_by_side(call, [call.step(Sub(call.number(1.0, part), part)), part]), extent)


def cubic_taps(call: Call, positions: Value, extent: int) -> Taps:
    """The four elements around each position, weighted by cubic convolution."""
    places, part = _around(call, positions, (-1, 0, 1, 2))
    rest = call.step(Sub(call.number(1.0, part), part))
    a = _CUBIC
    far, near = (a, -5 * a, 8 * a, -4 * a), (a + 2, -(a + 3), 0.0, 1.0)  # for distances of 1 to 2, and of 0 to 1
    one = call.number(1.0, part)
    beyond = [call.step(Add(x, one)) for x in (part, rest)]
    weights = [_polynomial(call, x, c) for x, c in zip((beyond[0], part, rest, beyond[1]), (far, near, near, far))]
    return Taps(places, _side_by_side(call, weights), extent)


def zero_outside(call: Call, taps: Taps) -> Taps:
    """Places outside the tensor count nothing."""
    low, high = call.number(0.0, taps.places), call.number(taps.extent - 1.0, taps.places)
    inside = call.step(And(call.step(LessEqual(low, taps.places)), call.step(LessEqual(taps.places, high))))
    return Taps(taps.places, call.step(Where(inside, taps.weights, call.number(0.0, taps.weights))), taps.extent)


def reflected(call: Call, x: Value, low: float, high: float) -> Value:
    """x mirrored at `low` and `high` as often as it takes: a triangle wave of period 2 * (high - low)."""
    width = high - low
    if width <= 0:
        return call.step(Clip(x, low, low))
    apart = call.step(Abs(call.step(Sub(x, call.number(low, x)))))
    period = call.number(2 * width, x)
    whole = call.step(Mul(call.step(Floor(call.step(Div(apart, period)))), period))
    back = call.step(Abs(call.step(Sub(call.step(Sub(apart, whole)), call.number(width, x)))))
    return call.step(Sub(call.number(high, x), back))


def tap_values(call: Call, x: Value, taps: Sequence[Taps], images: Value | None = None) -> tuple[Value, Value]:
    """What x [N, C, D1 ...] holds at every combination of taps, [B, P, K, C], and their weights [B, P, K, 1].

    `images` [B] (i64): which of the N is meant; without it B = N.
    """
    batch, channels, *extents = x.shape
    size = prod(extents)
    if images is None:
        check_made(batch)
        images = call.param(np.arange(batch), "images", I64)
    first = call.step(Mul(call.step(Reshape(images, (images.shape[0], 1))), call.number(size, images)))
    places = _combined(call, [_flat_index(call, t, prod(extents[i + 1 :])) for i, t in enumerate(taps)], Add)
    weights = _combined(call, [t.weights for t in taps], Mul)
    positions, count = places.shape[1], prod(places.shape[2:])
    rows = call.step(Transpose(call.step(Reshape(x, (batch, channels, size))), (0, 2, 1)))
    index = call.step(Add(call.step(Reshape(places, (images.shape[0], positions * count))), first))
    read = call.step(Gather(call.step(Reshape(rows, (batch * size, channels))), index, 0))
    spread = call.step(Reshape(read, (images.shape[0], positions, count, channels)))
    return spread, call.step(Reshape(weights, (weights.shape[0], weights.shape[1], count, 1)))


def sampled(call: Call, x: Value, taps: Sequence[Taps], images: Value | None = None) -> Value:
    """x [N, C, D1 ...] at the positions: [B, P, C]."""
    read, weights = tap_values(call, x, taps, images)
    return call.step(ReduceSum(call.step(Mul(read, weights)), (2,), keepdims=False))


def _flat_index(call: Call, taps: Taps, stride: int) -> Value:
    """This axis' part of the place in the flat tensor; outside ones are moved inside."""
    inside = call.step(Clip(taps.places, 0.0, taps.extent - 1.0))
    index = call.step(Cast(inside, TensorType(I64, inside.shape)))
    return index if stride == 1 else call.step(Mul(index, call.number(stride, index)))


def _combined(call: Call, parts: Sequence[Value], op: type[Add] | type[Mul]) -> Value:
    """[B, P, T] of every axis as one [B, P, T1, T2, ...], added or multiplied."""
    found: Value | None = None
    for i, part in enumerate(parts):
        shape = (*part.shape[:2], *(part.shape[2] if i == k else 1 for k in range(len(parts))))
        spread = part if shape == part.shape else call.step(Reshape(part, shape))
        found = spread if found is None else call.step(op(found, spread))
    assert found is not None
    return found


def _around(call: Call, positions: Value, steps: tuple[int, ...]) -> tuple[Value, Value]:
    """The places at `steps` from the element below each position [B, P, T], and how far above it that is [B, P, 1]."""
    column = call.step(Reshape(positions, (*positions.shape, 1)))
    below = call.step(Floor(column))
    offsets = call.param(np.asarray(steps).reshape(1, 1, -1), "taps", positions.dtype)
    return call.step(Add(below, offsets)), call.step(Sub(column, below))


def _side_by_side(call: Call, weights: list[Value]) -> Value:
    return call.step(Concat(tuple(weights), 2))


def _polynomial(call: Call, x: Value, coefficients: tuple[float, ...]) -> Value:
    """Horner's rule, the highest power first."""
    total = call.number(coefficients[0], x)
    for coefficient in coefficients[1:]:
        total = call.step(Mul(total, x))
        total = call.step(Add(total, call.number(coefficient, x))) if coefficient else total
    return total
