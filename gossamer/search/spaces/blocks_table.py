"""Layers of blocks as integer tables: each distinct (block, input shape) goes through the IR once.

A place of a chain has a table of the blocks that may stand there; where a population needs an entry that is not there
yet it is lowered, and from then on it is one row of an array.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.analysis import layers as layers_of
from gossamer.passes.pipeline import run_pipeline
from gossamer.search.costs.columns import FIELDS, PLACE, Rows, to_rows
from gossamer.search.lowered import BEFORE_QUANTIZE
from gossamer.search.spaces.blocks import Block, BlockNetwork

Shape: TypeAlias = tuple[int, ...]
Ids: TypeAlias = NDArray[np.int64]


PROBE = 32
"""Side of the image with which a block is lowered; the sides of its layers are the image's, the result's, or 1."""


def block_layers(block: Block, shape: Shape) -> tuple[tuple[str, ...], Rows, Shape]:
    """Parts, their layers without bits [parts, fields], and the shape (C, H, W) of what comes out ((C,) at the end).

    Lowered once for all sizes of images, except for those so small that a pass may find less to do.
    """
    parts, rows, out = _lowered(block, (shape[0], PROBE, PROBE))
    if len(out) < 3:
        return (parts, _resized(rows, shape, shape), out) if min(shape[1:]) > 1 else _lowered(block, shape)
    stride = PROBE // out[1]
    result = (out[0], (shape[1] - 1) // stride + 1, (shape[2] - 1) // stride + 1)
    if min(result[1:]) == 1:
        return _lowered(block, shape)
    return parts, _resized(rows, shape, result), result


@lru_cache(maxsize=1 << 16)
def _lowered(block: Block, shape: Shape) -> tuple[tuple[str, ...], Rows, Shape]:
    net = BlockNetwork((shape[0], shape[1], shape[2]))
    result = block.build(net, net.image, "block")
    module = run_pipeline(net.finish("block", result), BEFORE_QUANTIZE)
    pairs = layers_of(module)
    parts = tuple(node.label.removeprefix("block").removeprefix(".") for node, _ in pairs)
    return parts, to_rows([layer for _, layer in pairs]), result.shape[1:]


def _resized(rows: Rows, shape: Shape, result: Shape) -> Rows:
    """Layers found with the probe, for an image that goes in with one shape and comes out with another."""
    found = rows.copy()
    for axis, names in ((1, ("ih", "oh")), (2, ("iw", "ow"))):
        for name in names:
            sides = rows[:, PLACE[name]]
            found[:, PLACE[name]] = np.where(sides == PROBE, shape[axis], np.where(sides > 1, result[axis], sides))
    return found


class Shapes:
    """Shapes by number, as they are met."""

    def __init__(self) -> None:
        self._ids: dict[Shape, int] = {}
        self.known: list[Shape] = []

    def __len__(self) -> int:
        return len(self.known)

    def id(self, shape: Shape) -> int:
        if shape not in self._ids:
            self._ids[shape] = len(self.known)
            self.known.append(shape)
        return self._ids[shape]


class PlaceTable:
    """The layers at one place: `rows` [entries, parts, fields], which of them are there, and what comes out."""

    def __init__(self, parts: Sequence[str], blocks: Sequence[Block | None], shapes: Shapes) -> None:
        self._parts = {part: place for place, part in enumerate(parts)}
        self._blocks, self._shapes = blocks, shapes
        self._index = np.full((0, len(blocks)), -1, np.int64)
        self.rows = np.zeros((0, len(parts), len(FIELDS)), np.int64)
        self.active = np.zeros((0, len(parts)), np.bool_)
        self.out = np.zeros(0, np.int64)

    def find(self, shapes: Ids, blocks: Ids) -> Ids:
        """The entry of each design: [P], given its input shape and block by number."""
        missing = len(self._shapes) - len(self._index)
        if missing > 0:
            self._index = np.pad(self._index, ((0, missing), (0, 0)), constant_values=-1)
        found = self._index[shapes, blocks]
        if (found < 0).any():
            fresh = np.unique(np.stack([shapes, blocks], 1)[found < 0], axis=0)
            self._add(fresh)
            found = self._index[shapes, blocks]
        return found

    def _add(self, fresh: Ids) -> None:
        start = len(self.out)
        entries = [self._entry(int(shape), int(block)) for shape, block in fresh]
        self.rows = np.concatenate([self.rows, np.stack([rows for rows, _, _ in entries])])
        self.active = np.concatenate([self.active, np.stack([active for _, active, _ in entries])])
        self.out = np.concatenate([self.out, [out for _, _, out in entries]])
        self._index[fresh[:, 0], fresh[:, 1]] = np.arange(start, start + len(fresh))

    def _entry(self, shape: int, block: int) -> tuple[Rows, NDArray[np.bool_], int]:
        rows, active = np.ones(self.rows.shape[1:], np.int64), np.zeros(self.rows.shape[1], np.bool_)
        found = self._blocks[block]
        if found is None:
            return rows, active, shape
        parts, layers, out = block_layers(found, self._shapes.known[shape])
        places = [self._parts[part] for part in parts]
        rows[places], active[places] = layers, True
        return rows, active, self._shapes.id(out)
