"""Ops that pick, join and pad."""

from collections.abc import Sequence

import numpy as np

from gossamer.frontends.onnx.call import Call, from_front, whole
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.problems import Unsupported
from gossamer.ir.errors import FrontendError
from gossamer.ir.ops import Concat, Pad, Reshape, Slice, Split
from gossamer.ir.types import Value


@operator("Concat")
def concat(call: Call) -> Result:
    first, *rest = call.values()
    if not rest:
        return first
    return call.emit(Concat((first, *rest), call.axis(first.type.rank, 0)))


@operator("Slice")
def slice_(call: Call) -> Result:
    """Attributes before opset 10, operands since; ends beyond the tensor are clamped as Python does."""
    x = call.value(0)
    starts, stops = call.ints_or_operand("starts", 1) or (), call.ints_or_operand("ends", 2) or ()
    axes = call.ints_or_operand("axes", 3)
    axes = tuple(range(len(starts))) if axes is None else axes
    steps = whole(found) if (found := call.constant(4)) is not None else (1,) * len(starts)
    if not len(starts) == len(stops) == len(axes) == len(steps) or 0 in steps:
        raise FrontendError(f"its starts {starts}, ends {stops}, axes {axes} and steps {steps} are malformed")
    ranges = [range(extent) for extent in x.shape]
    for axis, *cut in zip(axes, starts, stops, steps):
        place = from_front(axis, x.type.rank)
        ranges[place] = ranges[place][slice(*cut)]
    return _picked(call, x, ranges)


@operator("Split")
def split(call: Call) -> Result:
    x, sizes = call.value(0), call.ints_or_operand("split", 1)
    axis = call.axis(x.type.rank, 0)
    if sizes is None:
        parts = call.attr_int("num_outputs", len(call.node.output))
        chunk = -(-x.shape[axis] // parts)
        sizes = tuple(min(chunk, max(0, x.shape[axis] - i * chunk)) for i in range(parts))
    return call.emit_all(Split(x, sizes, axis)) if len(sizes) > 1 else x


@operator("Gather")
def gather(call: Call) -> Result:
    """Indices must be known and evenly spaced: then it is a slice (and a scalar index drops the axis)."""
    x, indices = call.value(0), call.constant(1)
    axis = call.axis(x.type.rank, 0)
    picked = np.asarray(indices)
    if picked.ndim > 1 or picked.size == 0:
        raise Unsupported(f"its indices have {picked.ndim} axes and only evenly spaced lists are supported")
    places = [from_front(i, x.shape[axis]) for i in whole(picked)]
    ranges = [_evenly(places) if i == axis else range(extent) for i, extent in enumerate(x.shape)]
    if picked.ndim == 1:
        return _picked(call, x, ranges)
    part = _picked(call, x, ranges, last=False)
    return call.emit(Reshape(part, tuple(e for i, e in enumerate(part.shape) if i != axis)))


@operator("Pad")
def pad(call: Call) -> Result:
    """Attributes before opset 11; since 18 only some axes may be named."""
    x, amounts = call.value(0), call.ints_or_operand("pads", 1)
    if call.attr_text("mode", "constant") != "constant":
        raise Unsupported(f"its mode is '{call.attr_text('mode', '')}' and only 'constant' is supported")
    axes = whole(found) if (found := call.constant(3)) is not None else tuple(range(x.type.rank))
    if amounts is None or len(amounts) != 2 * len(axes):
        raise FrontendError(f"its pads {amounts} are malformed: two for each of {len(axes)} axes are needed")
    pads = [(0, 0)] * x.type.rank
    for axis, before, after in zip(axes, amounts[: len(axes)], amounts[len(axes) :]):
        pads[from_front(axis, x.type.rank)] = (before, after)
    filling = call.constant(2)
    value = call.attr_float("value", 0.0) if filling is None else float(np.ravel(filling)[0])
    return call.emit(Pad(x, tuple(pads), value)) if any(map(any, pads)) else x


def _picked(call: Call, x: Value, ranges: Sequence[range], last: bool = True) -> Value:
    if all(r == range(extent) for r, extent in zip(ranges, x.shape)):
        return x
    op = Slice(x, tuple(r.start for r in ranges), tuple(r.stop for r in ranges), tuple(r.step for r in ranges))
    return call.emit(op) if last else call.step(op)


def _evenly(places: Sequence[int]) -> range:
    step = places[1] - places[0] if len(places) > 1 else 1
    if step == 0 or any(b - a != step for a, b in zip(places, places[1:])):
        raise Unsupported("its indices are uneven and only evenly spaced lists are supported")
    return range(places[0], places[-1] + (1 if step > 0 else -1), step)
