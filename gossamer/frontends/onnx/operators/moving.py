"""Ops that pick, join and pad."""

from collections.abc import Sequence

import numpy as np

from gossamer.frontends.onnx.call import Call, from_front, whole
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import Constant
from gossamer.ir.errors import FrontendError
from gossamer.ir.graph import Array
from gossamer.ir.ops import Concat, Expand, Pad, Slice, Split, Tile
from gossamer.ir.ops.padding import PadMode
from gossamer.ir.types import Value

_MODES: dict[str, PadMode] = {"constant": "constant", "reflect": "reflect", "edge": "edge", "wrap": "wrap"}


@operator("Concat")
def concat(call: Call) -> Result:
    """Parts without elements add nothing: function bodies have them where there is nothing to keep."""
    items = [call.item(i) for i in range(len(call.node.input))]
    shapes = [item.shape if isinstance(item, Value) else item.type.shape for item in items]
    axis = call.axis(len(shapes[0]), 0)
    filled = [i for i, shape in enumerate(shapes) if len(shape) != len(shapes[0]) or shape[axis] > 0] or [0]
    return call.emit(Concat(tuple(map(call.value, filled)), axis)) if len(filled) > 1 else items[filled[0]]


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
    return picked(call, x, ranges)


@operator("Split")
def split(call: Call) -> Result:
    x, sizes = call.value(0), call.ints_or_operand("split", 1)
    axis = call.axis(x.type.rank, 0)
    if sizes is None:
        parts = call.attr_int("num_outputs", len(call.node.output))
        if parts != len(call.node.output):
            raise FrontendError(f"its num_outputs is {parts}, and it has {len(call.node.output)} outputs")
        chunk = -(-x.shape[axis] // parts)
        sizes = tuple(min(chunk, max(0, x.shape[axis] - i * chunk)) for i in range(parts))
    if sum(sizes) == x.shape[axis] in sizes and not x.type.quant:  # the others are empty
        return tuple(x if size else _empty(x, axis) for size in sizes)
    return call.emit_all(Split(x, sizes, axis)) if len(sizes) > 1 else x


def _empty(x: Value, axis: int) -> Constant:
    kind = x.type.with_shape(tuple(0 if i == axis else e for i, e in enumerate(x.shape)))
    return Constant(kind, lambda: np.zeros(kind.shape, kind.dtype.numpy))


@operator("Pad")
def pad(call: Call) -> Result:
    """Attributes before opset 11; since 18 only some axes may be named. Modes other than constant may crop as well."""
    x, amounts = call.value(0), call.ints_or_operand("pads", 1)
    axes = whole(found) if (found := call.constant(3)) is not None else tuple(range(x.type.rank))
    if amounts is None or len(amounts) != 2 * len(axes):
        raise FrontendError(f"its pads {amounts} are malformed: two for each of {len(axes)} axes are needed")
    pads = [(0, 0)] * x.type.rank
    for axis, before, after in zip(axes, amounts[: len(axes)], amounts[len(axes) :]):
        pads[from_front(axis, x.type.rank)] = (before, after)
    if not any(map(any, pads)):
        return x
    mode = call.attr_text("mode", "constant")
    if mode not in _MODES:
        raise FrontendError(f"its mode '{mode}' is malformed")
    if mode == "constant":
        filling = call.constant(2)
        return call.emit(Pad(x, tuple(pads), call.attr_float("value", 0.0) if filling is None else _only(filling)))
    crops = tuple((min(0, before), min(0, after)) for before, after in pads)
    x = call.step(Pad(x, crops)) if any(map(any, crops)) else x
    return call.emit(Pad(x, tuple((max(0, before), max(0, after)) for before, after in pads), mode=_MODES[mode]))


@operator("Tile")
def tile(call: Call) -> Result:
    x, repeats = call.value(0), call.constant(1)
    return call.emit(Tile(x, whole(repeats) if repeats is not None else ()))


@operator("Expand")
def expand(call: Call) -> Result:
    x, wanted = call.value(0), call.constant(1)
    shape = np.broadcast_shapes(x.shape, whole(wanted) if wanted is not None else ())
    return x if shape == x.shape else call.emit(Expand(x, shape))


def _only(array: Array) -> float:
    """The one element of a tensor."""
    return float(np.ravel(array)[0])


def picked(call: Call, x: Value, ranges: Sequence[range], last: bool = True) -> Value:
    """The ranges of x, one per axis, as the node's output or (not `last`) as a step on the way there."""
    if all(r == range(extent) for r, extent in zip(ranges, x.shape)):
        return x
    op = Slice(x, tuple(r.start for r in ranges), tuple(r.stop for r in ranges), tuple(r.step for r in ranges))
    return call.emit(op) if last else call.step(op)
