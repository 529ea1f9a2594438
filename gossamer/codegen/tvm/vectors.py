"""One stored stage of a task, in vectors: which line's chunks are the vectors, and the statements.

A vector of an element-wise stage runs along the line that costs least: where its tensors have neighbours side by side.
If that is not where the store has its neighbours (plain to blocked layouts), a tile of both lines is turned over in
registers. A reduction keeps several vectors of partial results, so that one need not wait for the other, either of
several results (one per lane) or, along the reduction, of one result, whose lanes are combined at the end.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from gossamer.codegen.tvm.adapter import Loops, Tensor, tirx
from gossamer.codegen.tvm.algebra import Algebra
from gossamer.codegen.tvm.lines import Line, PartCode, Walk, effort, lines_of, place_of, unit_axes, walk_of
from gossamer.codegen.tvm.place import Coordinate
from gossamer.codegen.tvm.transposed import turn

PARTIAL_RESULTS = 4
"""Vectors of partial results: enough to hide the latency of an addition."""

IRREGULAR = 1.2
"""Cost of fetching a number by itself, in vectors."""

TURNED = 0.4
"""Cost of turning over a number of a tile, in vectors."""

_ZERO = tirx.const(0, "int32")

Lanes = tuple[Any, int]
"""(number of a chunk, lanes in it)."""


@dataclass(frozen=True)
class StagePlan:
    """The lines of a stage, that along which vectors run and that along which the store has neighbours."""

    lines: tuple[Line, ...]
    vector: Line | None
    store: Line | None


def plan_of(code: PartCode, lanes: int, apart: Collection[str] = (), chunked: str = "") -> StagePlan:
    """Choose the line of the vectors.

    `apart`: axes that all stages of a kernel have in common, whose values are given; of `chunked` a chunk is.
    """
    lines = lines_of(code, lanes, apart)
    walk = walk_of(code, lines)
    name = code.nest.parallel[code.storage.layout.dims[-1].axis].name if code.nest.parallel else ""
    free = [line for line in lines if not set(line.names) & set(apart) or line.names == (chunked,)]
    store = next((line for line in free if name in line.names), None)
    vector = min(free, key=lambda line: (_cost(code, walk, lines, line, store), line != store), default=None)
    if store is not None and vector is not None and (store.cuts or vector.cuts):
        vector = store
    return StagePlan(lines, vector, store)


def _cost(code: PartCode, walk: Walk, lines: Sequence[Line], line: Line, store: Line | None) -> float:
    """Cycles per step, roughly, with vectors along the line."""
    width = line.extent / -(-line.extent // line.block)
    steps = prod(other.extent for other in lines if other.reduces)
    total = (effort(code) + 1) / width
    total += sum(1 / width if found[line] in (0, 1) else IRREGULAR for found in walk.loads)
    if line.reduces:
        return total + 10 / steps
    if walk.store[line] == 1:
        return total + 1 / width / steps
    turns = store is not None and steps == 1 and min(store.extent, store.block) >= 4 and walk.store[store] == 1
    return total + (TURNED if turns else IRREGULAR) / steps


@dataclass
class StageWriter:
    """Emits a stage at given values of some axes and a given chunk of some lines."""

    loops: Loops
    code: PartCode
    plan: StagePlan
    algebra: Algebra
    fixed: Mapping[str, Coordinate]
    pinned: Mapping[Line, Lanes] = field(default_factory=dict[Line, Lanes])

    def write(self) -> None:
        """Every point that is left."""
        vector, store = self.plan.vector, self.plan.store
        inner = {line for line in (vector, store) if line is not None and not line.reduces}
        outer = [line for line in self.plan.lines if not line.reduces and line not in inner]
        self._nested(outer, unit_axes(self.code) | dict(self.fixed), self._inside)

    def _inside(self, where: dict[str, Coordinate]) -> None:
        vector, store = self.plan.vector, self.plan.store
        if vector is None:
            self._point(where)
        elif vector.reduces:
            self._each(store, where, lambda there: self._row(vector, there))
        elif vector == store:
            self._over(vector, lambda chunk, width: self._lanes(vector, chunk, width, where))
        elif self.code.nest.reduce is None and store is not None and min(store.extent, store.block) > 1:
            self._over(store, lambda chunk, width: self._tiles(store, chunk, width, where))
        else:
            self._each(store, where, lambda there: self._over(vector, lambda c, w: self._lanes(vector, c, w, there)))

    def _nested(
        self, lines: Sequence[Line], where: dict[str, Coordinate], then: Callable[[dict[str, Coordinate]], None]
    ) -> None:
        if not lines:
            then(where)
            return
        self._each(lines[0], where, lambda there: self._nested(lines[1:], there, then))

    def _each(
        self, line: Line | None, where: dict[str, Coordinate], then: Callable[[dict[str, Coordinate]], None]
    ) -> None:
        """Point by point along a line."""
        if line is None:
            then(where)
            return
        if line in self.pinned:
            chunk, width = self.pinned[line]
            with self.loops.serial(width) as lane:
                then(where | line.at(chunk, self.algebra.bound(lane, width), self.algebra))
            if width < line.block:
                self._surplus(line, where)
            return
        with self.loops.serial(line.extent) as value:
            then(where | line.whole(self.algebra.bound(value, line.extent), self.algebra))
        self._surplus(line, where)

    def _over(self, line: Line, then: Callable[[Any, int], None]) -> None:
        """Chunk by chunk along a line."""
        if line in self.pinned:
            then(*self.pinned[line])
            return
        full, rest = divmod(line.extent, line.block)
        if full:
            with self.loops.serial(full) as chunk:
                then(self.algebra.bound(chunk, full), line.block)
        if rest:
            then(tirx.const(full, "int32"), rest)

    def _surplus(self, line: Line, where: Mapping[str, Coordinate]) -> None:
        """Lanes beyond the extent of the axis that a blocked storage is split along hold zeros."""
        count = self._surplus_lanes(line)
        if count == 0:
            return
        chunk, rest = tirx.const(line.extent // line.block, "int32"), line.extent % line.block
        with self.loops.vectorized(count) as lane:
            there = dict(where) | line.at(chunk, self.algebra.bound(lane, count) + rest, self.algebra)
            self.loops.store(self._buffer, tirx.const(0, self.code.storage.dtype), place_of(self.code, there))

    def _surplus_lanes(self, line: Line) -> int:
        """Lanes after the last of the line, where the storage is split along it and the line reaches its end."""
        names, layout = [a.name for a in self.code.nest.parallel], self.code.storage.layout
        if line != self.plan.store or len(line.axes) > 1:
            return 0
        axis, end = names.index(line.names[0]), self.code.starts.get(line.names[0], 0) + line.extent
        return -end % layout.block(axis) if end == layout.logical[axis] else 0

    @property
    def _buffer(self) -> Tensor:
        return self.code.buffers[f"s{self.code.nesting.stage}"]

    def _store(self, value: Any, where: Mapping[str, Coordinate]) -> None:
        self.loops.store(self._buffer, value, place_of(self.code, where))

    def _lanes(self, line: Line, chunk: Any, width: int, where: Mapping[str, Coordinate]) -> None:
        """A vector of results."""
        if self.code.nest.reduce is None:
            for first, count in line.runs(width):
                with self.loops.vectorized(count) as lane:
                    step = self.algebra.bound(lane, count) + first
                    there = dict(where) | line.at(chunk, step, self.algebra)
                    self._store(self.code.value(there), there)
        else:
            self._sums(line, chunk, width, where)
        if width < line.block:
            self._surplus(line, where)

    def _point(self, where: Mapping[str, Coordinate]) -> None:
        """A single number, of no line at all."""
        if self.code.nest.reduce is None:
            self._store(self.code.value(where), where)
            return
        start, combine = self.code.reduction()
        self._store(combine(start, self.code.value(where)), where)

    def _tiles(self, store: Line, chunk: Any, width: int, where: Mapping[str, Coordinate]) -> None:
        vector = self.plan.vector
        assert vector is not None
        self._over(vector, lambda c, lanes: self._tile(store, (chunk, width), (c, lanes), where))
        if width < store.block and self._surplus_lanes(store):
            self._each(vector, dict(where), lambda there: self._surplus(store, there))

    def _tile(self, store: Line, across: Lanes, along: Lanes, where: Mapping[str, Coordinate]) -> None:
        """Rows of lanes along the vector's line, turned over and stored along the other."""
        vector, dtype = self.plan.vector, self.code.storage.dtype
        assert vector is not None
        rows: list[Tensor] = []
        for step in range(across[1]):
            there = dict(where) | store.at(across[0], tirx.const(step, "int32"), self.algebra)
            rows.append(self.loops.accumulator(along[1], dtype))
            with self.loops.vectorized(along[1]) as lane:
                value = self.code.value(there | vector.at(along[0], self.algebra.bound(lane, along[1]), self.algebra))
                self.loops.store(rows[-1], value, [lane])
        if along[1] == 1:
            for step, row in enumerate(rows):
                there = dict(where) | store.at(across[0], tirx.const(step, "int32"), self.algebra)
                self._store(row[(_ZERO,)], there | vector.at(along[0], _ZERO, self.algebra))
            return
        for step, lanes in enumerate(turn(self.loops, rows, along[1], rows[0].data.dtype)):
            there = dict(where) | vector.at(along[0], tirx.const(step, "int32"), self.algebra)
            there |= store.at(across[0], tirx.const(0, "int32"), self.algebra)
            self.loops.store_vector(self._buffer, lanes, place_of(self.code, there), across[1])

    # Reductions

    def _partial(self, count: int, width: int) -> list[Tensor]:
        start, _ = self.code.reduction()
        made = [self.loops.accumulator(width, self.code.storage.dtype) for _ in range(count)]
        for sums in made:
            with self.loops.vectorized(width) as lane:
                self.loops.store(sums, start, [lane])
        return made

    def _add(self, sums: Tensor, width: int, where_of: Callable[[Any], Mapping[str, Coordinate]]) -> None:
        _, combine = self.code.reduction()
        with self.loops.vectorized(width) as lane:
            value = self.code.value(where_of(self.algebra.bound(lane, width)))
            self.loops.store(sums, combine(sums[(lane,)], value), [lane])

    def _join(self, made: Sequence[Tensor], width: int) -> None:
        """The partial results in the first."""
        _, combine = self.code.reduction()
        count = len(made)
        while count > 1:
            half = count // 2
            for first, second in zip(made[:half], made[count - half : count]):
                with self.loops.vectorized(width) as lane:
                    self.loops.store(first, combine(first[(lane,)], second[(lane,)]), [lane])
            count -= half

    def _sums(self, line: Line, chunk: Any, width: int, where: Mapping[str, Coordinate]) -> None:
        """Results lane by lane, over all steps of the reduction."""
        *outer, last = [r for r in self.plan.lines if r.reduces] or [None]
        many = min(PARTIAL_RESULTS, last.extent) if last else 1
        made = self._partial(many, width)

        def steps(there: dict[str, Coordinate]) -> None:
            if last is None:
                self._add(made[0], width, lambda lane: there | line.at(chunk, lane, self.algebra))
                return
            full, rest = divmod(last.extent, many)
            with self.loops.serial(full) as step:
                self.algebra.bound(step, full)
                for k, sums in enumerate(made):
                    at = there | last.whole(step * many + k, self.algebra)
                    self._add(sums, width, lambda lane, at=at: at | line.at(chunk, lane, self.algebra))
            for k in range(rest):
                at = there | last.whole(tirx.const(full * many + k, "int32"), self.algebra)
                self._add(made[k], width, lambda lane, at=at: at | line.at(chunk, lane, self.algebra))

        self._nested([o for o in outer if o], dict(where), steps)
        self._join(made, width)
        with self.loops.vectorized(width) as lane:
            self._store(made[0][(lane,)], dict(where) | line.at(chunk, lane, self.algebra))

    def _row(self, line: Line, where: Mapping[str, Coordinate]) -> None:
        """One result; the vectors run along a line of the reduction."""
        outer = [r for r in self.plan.lines if r.reduces and r != line]
        full, rest = divmod(line.extent, line.block)
        width = line.block if full else rest
        many = min(PARTIAL_RESULTS, max(1, full))
        made = self._partial(many, width)

        def steps(there: dict[str, Coordinate]) -> None:
            rounds, left = divmod(full, many)
            if rounds:
                with self.loops.serial(rounds) as number:
                    self.algebra.bound(number, rounds)
                    for k, sums in enumerate(made):
                        self._add(sums, width, lambda lane, k=k: there | line.at(number * many + k, lane, self.algebra))
            for k in range(left):
                chunk = tirx.const(rounds * many + k, "int32")
                self._add(made[k], width, lambda lane, chunk=chunk: there | line.at(chunk, lane, self.algebra))
            if rest:
                self._add(made[-1], rest, lambda lane: there | line.at(tirx.const(full, "int32"), lane, self.algebra))

        self._nested(outer, dict(where), steps)
        self._join(made, width)
        self._store(self._across(made[0], width), where)

    def _across(self, sums: Tensor, width: int) -> Any:
        """All lanes of a vector combined."""
        _, combine = self.code.reduction()
        while width > 1:
            half = width // 2
            with self.loops.vectorized(half) as lane:
                self.loops.store(sums, combine(sums[(lane,)], sums[(lane + (width - half),)]), [lane])
            width -= half
        return sums[(tirx.const(0, "int32"),)]
