"""A reduction and the stage that stores its result as one kernel: sums in registers, tile by tile.

    tasks (outer tiles): [chunks of the reduction:] tiles: { sums = 0; for reduction: sums += ...; store epilogue }

A tile is b vectors of the last dimension (channels) by t neighbouring points of the others (pixels of a row). Loops
that a tile does not divide are covered by tiles of two neighbouring sizes, so every size runs straight-line code.
Where the schedule tiles the first axis of the reduction, partial sums of all tiles of a task wait in the thread's own
memory while a chunk of the weights stays in cache. Invariant: a schedule only reorders work.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from gossamer.codegen.tvm.adapter import Loops, TaskFunction, build_tasks, tirx
from gossamer.codegen.tvm.cut import Cut
from gossamer.codegen.tvm.forms import Form
from gossamer.codegen.tvm.integer_products import dot_product
from gossamer.codegen.tvm.lower import Nesting, StageCode, nesting_of
from gossamer.codegen.tvm.products import factors_of
from gossamer.codegen.tvm.stages import digits, parameters
from gossamer.codegen.tvm.structure import vector_width, weighted_product
from gossamer.ir.nest import Kernel
from gossamer.ir.schedule import Schedule

WINDOW_ROW = "kw"
"""Axis of a window along rows of pixels."""

SERIAL_PRODUCTS = 1 << 16
"""Kernels of fewer products stay on one thread."""


@dataclass(frozen=True)
class Axes:
    """The loops of an anchored pair: registers' tile and task's tile of every loop around the vector, outermost first.

    `names`: the nest's axis of each loop; the last loop counts vectors where the last dimension holds several.
    """

    names: tuple[str, ...]
    registers: tuple[Cut, ...]
    tasks: tuple[Cut, ...]
    order: tuple[int, ...]
    width: int
    vectors: tuple[int, ...]
    """The loops over vectors of channels: innermost in a tile, so that a broadcast pixel meets all of them at once."""


def tile_tasks(
    name: str, program: Kernel, form: Form, pair: Sequence[int], schedule: Schedule, lanes: int
) -> TaskFunction:
    """The kernel of an anchored pair (reduction, storing stage)."""
    anchor, store = pair
    nestings = nesting_of(program, form, anchor), nesting_of(program, form, store)
    names = [program.stages[anchor].parallel[d.axis].name for d in nestings[1].dims]
    axes = _axes(nestings[1], names, schedule, lanes)
    extents = [axes.tasks[i].count for i in axes.order]

    def body(loops: Loops, buffers: Mapping[str, Any], task: Any) -> None:
        sums = StageCode(program, form, nestings[0], buffers)
        found = dict(zip(axes.order, digits(task, extents), strict=True))
        tiles = _Tiles(loops, sums, nestings[1], axes, schedule, bool(form.dot), task)
        tiles.task([found[i] for i in range(len(extents))])

    made = build_tasks(name, parameters(program, form, pair), prod(extents), body)
    return made.run_serially(prod(nestings[0].extents) < SERIAL_PRODUCTS)


def _axes(nesting: Nesting, names: Sequence[str], schedule: Schedule, lanes: int) -> Axes:
    dims = nesting.dims
    width = vector_width(dims[-1].extent, lanes)
    extents = [*(d.extent for d in dims[:-1]), dims[-1].extent // width]
    steps = [*(d.stride for d in dims[:-1]), dims[-1].stride * width]
    registers: list[Cut] = []
    tasks: list[Cut] = []
    for axis, extent, step in zip(names, extents, steps, strict=True):
        sizes = [max(1, size // step) for size in schedule.tile_of(axis)] or [1]
        cut = Cut.of(extent, sizes[-1])
        outer = sizes[0] if len(sizes) > 1 else sizes[-1] if axis in schedule.parallel else extent
        registers.append(cut)
        tasks.append(cut if outer <= sizes[-1] else Cut.of(extent, outer))
    rank = {axis: i for i, axis in enumerate(schedule.order)}
    order = sorted(range(len(names)), key=lambda i: rank.get(names[i], -1))
    vectors = tuple(i for i, axis in enumerate(names) if axis == names[-1])
    return Axes(tuple(names), tuple(registers), tuple(tasks), tuple(order), width, vectors)


@dataclass(frozen=True)
class _Tile:
    """A register tile: where it starts and how many steps it takes, loop by loop."""

    starts: tuple[Any, ...]
    sizes: tuple[int, ...]

    inner: tuple[int, ...]

    def points(self) -> Iterator[tuple[tuple[int, ...], list[Any]]]:
        """(offsets, loop values) of every vector of the tile; `inner` loops run fastest."""
        order = sorted(range(len(self.sizes)), key=lambda i: (i in self.inner, i))
        for picked in product(*(range(self.sizes[i]) for i in order)):
            found = dict(zip(order, picked, strict=True))
            offsets = tuple(found[i] for i in range(len(order)))
            yield offsets, [start + o if o else start for start, o in zip(self.starts, offsets, strict=True)]


@dataclass(frozen=True)
class _Tiles:
    """Emits what a task does."""

    loops: Loops
    code: StageCode
    store: Nesting
    axes: Axes
    schedule: Schedule
    dot: bool
    number: Any
    """The task's, which is not negative."""

    def task(self, where: Sequence[Any]) -> None:
        """`where`: the task's tile, loop by loop."""
        chunk = self._chunk()
        steps = self.code.nesting.reduction[0].extent if self.code.nesting.reduction else 1
        partial = self._partial_sums() if chunk else None
        if chunk is None or partial is None:
            self._loop(0, where, (), (), lambda tile: self._whole(tile))
            return
        cut = Cut.of(steps, chunk)
        with self.loops.serial(cut.count) as number:
            start = number * cut.base + tirx.min(number, cut.longer)
            length = tirx.Select(number < cut.longer, cut.base + 1, cut.base) if cut.longer else cut.base
            part = _Part(number, cut.count, start, length, partial)
            self._loop(0, where, (), (), lambda tile: self._partly(tile, where, part))

    def _chunk(self) -> int | None:
        """Steps of the outermost reduction loop that are done for all tiles of a task before the next; None: all."""
        first = self.code.nesting.reduction[0] if self.code.nesting.reduction else None
        sizes = self.schedule.tile_of(first.axis) if first else ()
        if first is None or not sizes or first.axis in self.schedule.unroll:
            return None
        steps = max(1, sizes[-1] // first.stride)
        return steps if steps < first.extent else None

    def _partial_sums(self) -> Any:
        sizes = [c.base + (1 if c.longer else 0) for c in self.axes.tasks]
        return self.loops.scratch((*sizes, self.axes.width), self.code.storage.dtype)

    def _loop(
        self,
        axis: int,
        where: Sequence[Any],
        starts: tuple[Any, ...],
        sizes: tuple[int, ...],
        then: "Callable[[_Tile], None]",
    ) -> None:
        """Run over the register tiles of a task, from loop `axis` inwards."""
        if axis == len(where):
            then(_Tile(starts, sizes, self.axes.vectors))
            return
        for start, size in self._pieces(axis, where[axis]):
            with start as value:
                self._loop(axis + 1, where, (*starts, value), (*sizes, size), then)

    def _pieces(self, axis: int, number: Any) -> Iterator[tuple[Any, int]]:
        """(context that gives the start, size) of the tiles of one loop."""
        task, cut = self.axes.tasks[axis], self.axes.registers[axis]
        if task == cut:  # the task's tile is a register tile
            if task.longer:
                yield self._when(number < task.longer, number * (task.base + 1)), task.base + 1
                yield self._when(number >= task.longer, number * task.base + task.longer), task.base
            else:
                yield _given(number * task.base if task.count > 1 else number * 0), task.base
            return
        first = number * task.base + (tirx.min(number, task.longer) if task.longer else 0)
        if task.count == 1:
            longer, rest = cut.longer, cut.count - cut.longer
            if longer:
                yield self._run(longer, cut.base + 1, 0), cut.base + 1
            yield self._run(rest, cut.base, longer * (cut.base + 1)), cut.base
            return
        size = -(-cut.extent // cut.count)
        if task.longer == 0 and task.base % size == 0:
            yield self._run(task.base // size, size, first), size
            return
        length = task.base + (tirx.Select(number < task.longer, 1, 0) if task.longer else 0)
        yield self._run(length, 1, first), 1

    @contextmanager
    def _when(self, test: Any, value: Any) -> Iterator[Any]:
        with self.loops.when([test]):
            yield value

    @contextmanager
    def _run(self, count: Any, size: int, first: Any) -> Iterator[Any]:
        with self.loops.serial(count) as step:
            yield first + step * size

    def _whole(self, tile: _Tile) -> None:
        sums = self._sums(tile, lambda buffer, point, lane: self.code.reduction()[0])
        self._reduce(tile, sums, [r.extent for r in self.code.nesting.reduction], None)
        self._finish(tile, sums)

    def _partly(self, tile: _Tile, where: Sequence[Any], part: "_Part") -> None:
        starts = [n * c.base + (tirx.min(n, c.longer) if c.longer else 0) for n, c in zip(where, self.axes.tasks)]

        def kept(point: Sequence[Any], lane: Any) -> list[Any]:
            return [*(p - s for p, s in zip(point, starts, strict=True)), lane]

        width = self.axes.width
        sums = {offsets: self.loops.accumulator(width, self.code.storage.dtype) for offsets, _ in tile.points()}
        for first in (True, False):
            with self.loops.when([part.number == 0 if first else part.number > 0]):
                for offsets, point in tile.points():
                    with self.loops.vectorized(width) as lane:
                        value = self.code.reduction()[0] if first else part.sums[tuple(kept(point, lane))]
                        self.loops.store(sums[offsets], value, [lane])
        extents: list[Any] = [r.extent for r in self.code.nesting.reduction]
        self._reduce(tile, sums, [part.length, *extents[1:]], part.start)
        with self.loops.when([part.number == part.count - 1]):
            self._finish(tile, sums)
        with self.loops.when([part.number < part.count - 1]):
            for offsets, point in tile.points():
                with self.loops.vectorized(width) as lane:
                    self.loops.store(part.sums, sums[offsets][lane], kept(point, lane))

    def _sums(self, tile: _Tile, start: Callable[[Any, Any, Any], Any]) -> dict[tuple[int, ...], Any]:
        sums: dict[tuple[int, ...], Any] = {}
        for offsets, point in tile.points():
            sums[offsets] = self.loops.accumulator(self.axes.width, self.code.storage.dtype)
            with self.loops.vectorized(self.axes.width) as lane:
                self.loops.store(sums[offsets], start(sums[offsets], point, lane), [lane])
        return sums

    def _reduce(self, tile: _Tile, sums: Mapping[tuple[int, ...], Any], extents: Sequence[Any], first: Any) -> None:
        """The loops of the reduction; those the schedule unrolls are written out."""
        reduction = self.code.nesting.reduction
        last = len(reduction) - (1 if self.dot else 0)
        self._steps(0, last, extents, first, (), lambda steps: self._step(tile, sums, steps))

    def _steps(
        self,
        loop: int,
        last: int,
        extents: Sequence[Any],
        first: Any,
        steps: tuple[Any, ...],
        then: Callable[[Sequence[Any]], None],
    ) -> None:
        if loop == last:
            then(steps)
            return
        reduction = self.code.nesting.reduction[loop]
        if reduction.axis in self.schedule.unroll and isinstance(extents[loop], int):
            for value in range(extents[loop]):
                self._steps(loop + 1, last, extents, first, (*steps, tirx.const(value, "int32")), then)
            return
        along_row = loop == last - 1 and reduction.axis == WINDOW_ROW and isinstance(extents[loop], int)
        with self.loops.serial(self._opaque(extents[loop]) if along_row else extents[loop]) as value:
            begun = value + first if loop == 0 and first is not None else value
            self._steps(loop + 1, last, extents, first, (*steps, begun), then)

    def _opaque(self, extent: int) -> Any:
        """A number of steps that the machine's compiler cannot know.

        It would write out few steps along a row, and keep the pixels that the next step reads again in registers,
        which pushes sums out of them.
        """
        return extent + tirx.shift_right(self.number, tirx.const(31, "int32"))

    def _step(self, tile: _Tile, sums: Mapping[tuple[int, ...], Any], steps: Sequence[Any]) -> None:
        """One step of the reduction for every vector of the tile."""
        factors = None if self.dot else factors_of(self.code, self.axes.names[-1], self.axes.width)
        for offsets, point in tile.points():
            if self.dot:
                where = self.code.point(self._spatial(point, tirx.const(0, "int32")), [*steps, tirx.const(0, "int32")])
                product_of = weighted_product(self.code.nest)
                assert product_of is not None
                dot_product(self.loops, self.code, sums[offsets], product_of, where, self.axes.width)
                continue
            if factors is not None:
                where = self.code.point(self._spatial(point, tirx.const(0, "int32")), steps)
                term = factors.product(self._by_axis(offsets), where)
                start = [tirx.const(0, "int32")]
                total = sums[offsets].vector(start, self.axes.width)
                self.loops.store_vector(sums[offsets], total + term, start, self.axes.width)
                continue
            with self.loops.vectorized(self.axes.width) as lane:
                value = self.code.value(self.code.point(self._spatial(point, lane), steps))
                self.loops.store(sums[offsets], self.code.reduction()[1](sums[offsets][lane], value), [lane])

    def _by_axis(self, offsets: Sequence[int]) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for name, offset in zip(self.axes.names, offsets, strict=True):
            found.setdefault(name, []).append(offset)
        return found

    def _spatial(self, point: Sequence[Any], lane: Any) -> list[Any]:
        *outer, vectors = point
        return [*outer, vectors * self.axes.width + lane if self.axes.registers[-1].extent > 1 else lane]

    def _finish(self, tile: _Tile, sums: Mapping[tuple[int, ...], Any]) -> None:
        """Store what becomes of the sums."""
        buffer = self.code.buffers[f"s{self.store.stage}"]
        for offsets, point in tile.points():
            with self.loops.vectorized(self.axes.width) as lane:
                known = {self.code.nesting.stage: sums[offsets][lane]}
                code = StageCode(self.code.program, self.code.form, self.store, self.code.buffers, known)
                spatial = self._spatial(point, lane)
                self.loops.store(buffer, code.value(code.point(spatial)), code.place(spatial))


@dataclass(frozen=True)
class _Part:
    """A chunk of the reduction: its number of `count`, its steps of the outermost loop, and where partial sums wait."""

    number: Any
    count: int
    start: Any
    length: Any
    sums: Any


@contextmanager
def _given(value: Any) -> Iterator[Any]:
    yield value
