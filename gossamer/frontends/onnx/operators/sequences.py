"""Sequences and optional values, as far as they are known at import: a list of items, which no op ever sees."""

import numpy as np

from gossamer.frontends.onnx.call import Call, from_front, whole
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import Listed, constant_of
from gossamer.ir.errors import FrontendError
from gossamer.ir.ops import Concat, Reshape, Split
from gossamer.ir.types import Value

_PARTS_MAX = 20_000
"""As many as a loop over them could be unrolled for."""


@operator("Identity", "Optional", "OptionalGetElement")
def the_same(call: Call) -> Result:
    return call.anything(0)


@operator("OptionalHasElement")
def has_element(call: Call) -> Result:
    return constant_of(np.asarray(call.has(0)))


@operator("SequenceEmpty")
def empty(call: Call) -> Result:
    return Listed(())


@operator("SequenceConstruct")
def construct(call: Call) -> Result:
    return Listed(tuple(call.item(i) for i in range(len(call.node.input))))


@operator("SequenceLength")
def length(call: Call) -> Result:
    return constant_of(np.asarray(len(call.listed(0).items), np.int64))


@operator("SequenceAt")
def at(call: Call) -> Result:
    items = call.listed(0).items
    return items[_place(call, 1, len(items))]


@operator("SequenceInsert")
def insert(call: Call) -> Result:
    """A negative position is counted from the end, in front of the item there."""
    items, given = call.listed(0).items, call.constant(2)
    wanted = len(items) if given is None else whole(given)[0]
    place = len(items) if wanted == len(items) else from_front(wanted, len(items))
    return Listed((*items[:place], call.item(1), *items[place:]))


@operator("SequenceErase")
def erase(call: Call) -> Result:
    items = call.listed(0).items
    place = _place(call, 1, len(items))
    return Listed((*items[:place], *items[place + 1 :]))


@operator("SplitToSequence")
def split(call: Call) -> Result:
    """Parts of the given sizes, or of one size; without either one part per index, whose axis goes with keepdims 0."""
    x, given = call.value(0), call.constant(1)
    axis = call.axis(x.type.rank, 0)
    sizes = _sizes(given, x.shape[axis])
    parts = call.steps(Split(x, sizes, axis)) if len(sizes) > 1 else (x,)
    if given is not None or call.attr_int("keepdims", 1):
        return Listed(parts)
    return Listed(tuple(call.step(Reshape(p, (*p.shape[:axis], *p.shape[axis + 1 :]))) for p in parts))


@operator("ConcatFromSequence")
def concat(call: Call) -> Result:
    values = [call.as_value(item, "item") for item in call.listed(0).items]
    if not values:
        raise FrontendError("it joins a sequence of nothing")
    fresh = bool(call.attr_int("new_axis", 0))
    axis = call.axis(values[0].type.rank + fresh, 0)
    if fresh:
        values = [_with_axis(call, value, axis) for value in values]
    return call.emit(Concat(tuple(values), axis))


def _with_axis(call: Call, x: Value, axis: int) -> Value:
    return call.step(Reshape(x, (*x.shape[:axis], 1, *x.shape[axis:])))


def _sizes(given: "np.ndarray | None", extent: int) -> tuple[int, ...]:
    if given is not None and given.ndim:
        return whole(given)
    size = 1 if given is None else whole(given)[0]
    if size < 1:
        raise FrontendError(f"its parts of size {size} are malformed")
    if extent // size > _PARTS_MAX:
        raise FrontendError(f"it makes {extent // size} parts; at most {_PARTS_MAX} are accepted")
    return tuple(min(size, extent - start) for start in range(0, extent, size))


def _place(call: Call, index: int, count: int) -> int:
    """The position in operand `index` from the front; the last one when it is left out."""
    given = call.constant(index)
    return count - 1 if given is None else from_front(whole(given)[0], count)
