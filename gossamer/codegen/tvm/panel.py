"""A product of a packed matrix with a few points, in registers: the inner loop that Winograd and im2col share.

    sums[p, v] = sum over (g, i) of left(g, i, p) * right(g, i, v)          v a vector of channels, p a point

A register tile is all `vectors` by up to a piece of `points`. Where the depth (groups x inner) is cut into chunks, the
weights of a chunk stay in the first-level cache for all points, and partial sums wait in memory between chunks.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from gossamer.codegen.tvm.adapter import Loops, Tensor, tirx
from gossamer.codegen.tvm.cut import Cut

AHEAD = 16
"""Steps between asking for weights and using them where every weight is used once."""

Place: TypeAlias = tuple[Tensor, Sequence[Any]]
"""A tensor and the indices of the first lane of a vector in it."""


@dataclass(frozen=True)
class Panel:
    """The extents of a product. `chunk`: groups of the depth that are done for all points before the next."""

    points: Cut
    vectors: int
    lanes: int
    groups: int
    inner: int
    chunk: int
    dtype: str = "float32"


@dataclass(frozen=True)
class Operands:
    """What a product reads, and where its sums go: there they also wait between chunks."""

    left: Callable[[Any, Any, Any], Any]
    right: Callable[[Any, Any, Any], Place]
    kept: Callable[[Any, int], Place]
    ahead: Callable[[Any, Any, Any], Sequence[Place]] | None = None
    """What piece n of the points asks for in step (g, i): ahead(n, g, i). By default its share of the next chunk."""


@dataclass(frozen=True)
class Part:
    """Chunk `number` of `count` of the depth: groups `start` to `start + length`."""

    number: Any
    count: int
    start: Any
    length: Any


@contextmanager
def parts_of(loops: Loops, panel: Panel) -> Iterator[Part]:
    """The loop over the chunks of the depth."""
    chunks = Cut.of(panel.groups, panel.chunk)
    with loops.serial(chunks.count) as number:
        start = number * chunks.base + (tirx.min(number, chunks.longer) if chunks.longer else 0)
        length = chunks.base + (tirx.Select(number < chunks.longer, 1, 0) if chunks.longer else 0)
        yield Part(number, chunks.count, start if chunks.count > 1 else 0, length)


def emit_panel(loops: Loops, panel: Panel, operands: Operands, limit: Any = None) -> None:
    """The loops of a product. Pieces that start at or beyond `limit` points are left out."""
    with parts_of(loops, panel) as part:
        emit_part(loops, panel, operands, part, limit)


def emit_part(loops: Loops, panel: Panel, operands: Operands, part: Part, limit: Any = None) -> None:
    """A product's loops over one part of its depth."""
    before = 0
    for first, size, count in panel.points.pieces():
        with loops.serial(count) as step:
            point = first + step * size
            with loops.when([] if limit is None or panel.points.count == 1 else [point < limit]):
                _piece(loops, panel, operands, _Piece(point, size, before + step), part)
        before += count


@dataclass(frozen=True)
class _Piece:
    """The points of a register tile, and its number among those of a chunk."""

    point: Any
    size: int
    number: Any


def _piece(loops: Loops, panel: Panel, operands: Operands, piece: _Piece, part: Part) -> None:
    point, size = piece.point, piece.size
    tile = [(p, v) for p in range(size) for v in range(panel.vectors)]
    sums = {at: loops.accumulator(panel.lanes, panel.dtype) for at in tile}
    zero, lanes = splat(tirx.const(0.0, panel.dtype), panel.lanes), panel.lanes
    for first in (True, False) if part.count > 1 else (True,):
        with loops.when([part.number == 0 if first else part.number > 0] if part.count > 1 else []):
            for p, v in tile:
                value = zero if first else load(operands.kept(point + p, v), lanes)
                loops.store_vector(sums[p, v], value, _START, lanes)
    with loops.serial(part.length) as step, loops.serial(panel.inner) as i:
        group = step + part.start
        _fetch(loops, panel, operands, piece.number, group, i)
        weights = [load(operands.right(group, i, v), lanes) for v in range(panel.vectors)]
        right = [keep(loops, weight, lanes, panel.dtype) for weight in weights]
        for p in range(size):
            left = keep(loops, splat(operands.left(group, i, point + p), lanes), lanes, panel.dtype)
            for v in range(panel.vectors):
                total = whole(sums[p, v], lanes) + whole(left, lanes) * whole(right[v], lanes)
                loops.store_vector(sums[p, v], total, _START, lanes)
    for (p, v), total in sums.items():
        buffer, where = operands.kept(point + p, v)
        loops.store_vector(buffer, whole(total, lanes), where, lanes)


def _fetch(loops: Loops, panel: Panel, operands: Operands, number: Any, group: Any, i: Any) -> None:
    """Ask for what is used later: every piece for its share, while the weights of this chunk are used."""
    if operands.ahead is not None:
        places = operands.ahead(number, group, i)
    else:
        steps = min(panel.chunk, panel.groups) if panel.points.count > 1 else max(1, AHEAD // panel.inner)
        places = [operands.right(group + steps, i, vector) for vector in shared_vectors(panel, number)]
    for place in places:
        loops.prefetch(*place)


def shared_vectors(panel: Panel, number: Any) -> list[Any]:
    """The vectors of weights that a piece of the points asks for."""
    share = -(-panel.vectors // panel.points.count)
    return [tirx.min(number * share + k, panel.vectors - 1) for k in range(share)]


def keep(loops: Loops, value: Any, lanes: int, dtype: str = "float32") -> Tensor:
    """A register that holds a value, so that it is computed once."""
    made = loops.accumulator(lanes, dtype)
    loops.store_vector(made, value, _START, lanes)
    return made


def whole(register: Tensor, lanes: int) -> Any:
    """The vector in a register."""
    return register.vector(_START, lanes)


def load(place: Place, lanes: int) -> Any:
    return place[0].vector(place[1], lanes)


def splat(value: Any, lanes: int) -> Any:
    """A number in every lane."""
    return tirx.Broadcast(value, lanes) if lanes > 1 else value


_START = (tirx.const(0, "int32"),)
