"""Elements read at places that a tensor names: embeddings, gathers, and what Python writes as `x[i, :, j]`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.scope import Known
from gossamer.frontends.torch.table import Result, operator
from gossamer.ir.ops import (
    Concat,
    Equal,
    Expand,
    Gather,
    GatherElements,
    GatherND,
    Reshape,
    Transpose,
)
from gossamer.ir.types import BOOL, I64, Value


@operator("embedding")
def embedding(call: Call) -> Result:
    return call.emit(Gather(call.value("weight"), call.value("indices"), 0))


@operator("index_select")
def index_select(call: Call) -> Result:
    x, index = call.value("self"), call.value("index")
    if index.type.rank == 0:
        index = call.step(Reshape(index, (1,)))
    if x.type.rank == 0:
        return x
    return call.emit(Gather(x, index, call.axis("dim", x.type.rank)))


@operator("gather")
def gather(call: Call) -> Result:
    x, index = call.value("self"), call.value("index")
    if x.type.rank == 0:
        return x
    return call.emit(GatherElements(x, index, call.axis("dim", x.type.rank)))


@operator("index.Tensor")
def index(call: Call) -> Result:
    """One index tensor per axis (None: the whole axis). All of them broadcast to one shape, which stands where the
    first one is if they are next to each other, and in front if not, as in numpy.
    """
    x, places = call.value("self"), places_of(call)
    axes = tuple(places)
    if len(axes) == 1:
        return call.emit(Gather(x, places[axes[0]], axes[0]))
    together = stacked(call, list(places.values()))
    rest = tuple(i for i in range(x.type.rank) if i not in places)
    front = call.step(Transpose(x, (*axes, *rest))) if axes != tuple(range(len(axes))) else x
    found = call.step(GatherND(front, together))
    count, first = together.type.rank - 1, axes[0] if axes == tuple(range(axes[0], axes[-1] + 1)) else 0
    perm = (*range(count, count + first), *range(count), *range(count + first, found.type.rank))
    return call.emit(Transpose(found, perm))


@operator("diagonal")
def diagonal(call: Call) -> Result:
    """The elements x[i, i + offset] of two axes, as the last axis."""
    x, offset = call.value("self"), int(call["offset"])
    one, other = call.axis("dim1", x.type.rank), call.axis("dim2", x.type.rank)
    rest = [i for i in range(x.type.rank) if i not in (one, other)]
    rows, columns = x.shape[one], x.shape[other]
    flat = call.step(Transpose(x, (*rest, one, other)))
    flat = call.step(Reshape(flat, (*(x.shape[i] for i in rest), rows * columns)))
    inside = [r * columns + r + offset for r in range(rows) if 0 <= r + offset < columns]
    places = call.param("diagonal.number", np.array(inside, np.int64), I64)
    return call.emit(Gather(flat, places, len(rest)))


@operator("unfold")
def unfold(call: Call) -> Result:
    """Windows of an axis, each in a new last axis."""
    x = call.value("self")
    axis, size, step = call.axis("dimension", x.type.rank), int(call["size"]), int(call["step"])
    starts = np.arange(0, x.shape[axis] - size + 1, step)
    places = call.param("windows.number", starts[:, None] + np.arange(size), I64)
    found = call.step(Gather(x, places, axis))
    axes = [i for i in range(found.type.rank) if i != axis + 1]
    return call.emit(Transpose(found, (*axes, axis + 1)))


@operator("one_hot")
def one_hot(call: Call) -> Result:
    x, classes = call.value("self"), call.shape[-1]
    wide = call.step(Reshape(x, (*x.shape, 1)))
    each = call.param("classes.number", np.arange(classes), I64)
    return call.cast(call.step(Equal(call.cast(wide, I64), each)), I64)


def places_of(call: Call) -> dict[int, Value]:
    """Axis -> its index tensor, in order. A mask that is known becomes the places where it is true."""
    found: dict[int, Value] = {}
    axis = 0
    for item in call["indices"]:
        given = [None] if item is None else _whole(call, item)
        for each in given:
            if each is not None:
                found[axis] = each
            axis += 1
    return found


def stacked(call: Call, places: Sequence[Value]) -> Value:
    """Index tensors side by side in a new last axis, broadcast to one shape."""
    shape = np.broadcast_shapes(*(place.shape for place in places))
    wide = [call.cast(place, I64) for place in places]
    wide = [place if place.shape == shape else call.step(Expand(place, shape)) for place in wide]
    columns = [call.step(Reshape(place, (*shape, 1))) for place in wide]
    return call.step(Concat(tuple(columns), len(shape))) if len(columns) > 1 else columns[0]


def _whole(call: Call, item: Any) -> list[Value]:
    """An index tensor as whole numbers: a mask stands for one tensor per axis that it covers."""
    if isinstance(item, Known) and item.tensor.dtype in (torch.bool, torch.uint8):
        places = [array.numpy() for array in torch.nonzero(item.tensor, as_tuple=True)]
        return [call.param(f"{item.name}.number", array, I64) for array in places]
    value = call.read(item)
    if value.dtype == BOOL:
        raise Unsupported("it selects by a mask computed at run time, so the result's shape is not known")
    return [value]
