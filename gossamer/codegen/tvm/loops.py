"""Apply an IR `Schedule` to the naive loops of a lowered function.

Two shapes of program. *Anchored*: one reduction whose result one pointwise stage stores; the reduction is computed
tile by tile inside the loops of the store, in registers:

    parallel outer tiles: outer tiles: { acc[tile] = 0; for reduction: acc[tile] += ...; store epilogue(acc[tile]) }

*Staged*: anything else; every stage is a nest of its own, its outer loops parallel and its last loop a vector.
Invariant: a schedule only reorders work; whatever tile sizes it asks for, the largest divisor not above them is used.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

from gossamer.codegen.tvm.adapter import LoopSchedule, dot_intrinsic
from gossamer.codegen.tvm.lower import Nesting
from gossamer.codegen.tvm.structure import anchored, largest_divisor, vector_width
from gossamer.ir.nest import Kernel, Nest
from gossamer.ir.schedule import Schedule

MIN_PARALLEL_POINTS = 8192
MIN_PARALLEL_PRODUCTS = 1 << 18
"""Kernels with fewer element-wise points, or fewer products, stay on one thread: waking another costs about 3 us."""


def apply_schedule(
    function: Any, nestings: Sequence[Nesting], program: Kernel, schedule: Schedule, lanes: int, dot: bool = False
) -> Any:
    """The scheduled function."""
    loops = LoopSchedule(function)
    pair = anchored(program)
    by_stage = {n.stage: n for n in nestings}
    if pair is None or set(by_stage) != set(pair):
        for nesting in nestings:
            _staged(loops, nesting, program.stages[nesting.stage], lanes)
    else:
        _Anchored(loops, by_stage[pair[0]], by_stage[pair[1]], program.stages[pair[0]], schedule, lanes, dot).run()
    return loops.mod["main"].with_attr("global_symbol", function.attrs["global_symbol"])


def _staged(loops: Any, nesting: Nesting, nest: Nest, lanes: int) -> None:
    block = loops.get_sblock(nesting.name)
    every = list(loops.get_loops(block))
    count = len(nesting.dims)
    if count == 0:
        return
    spatial, reduction = every[:count], every[count:]
    outer, vector = _vector_loop(loops, spatial, nesting.extents[count - 1], lanes)
    loops.reorder(*outer, *reduction, *([vector] if vector is not None else []))
    if outer and prod(nesting.extents) >= MIN_PARALLEL_POINTS:
        loops.parallel(loops.fuse(*outer[: max(1, len(outer) - 1)]))
    if vector is not None:
        loops.vectorize(vector)
        if reduction:
            start = loops.decompose_reduction(block, reduction[0])
            loops.vectorize(loops.get_loops(start)[-1])


def _vector_loop(loops: Any, spatial: list[Any], extent: int, lanes: int) -> tuple[list[Any], Any]:
    """(outer loops, vector loop or None): the last loop, split where it is longer than a vector."""
    width = vector_width(extent, lanes)
    if width == 1:
        return spatial, None
    if width == extent:
        return spatial[:-1], spatial[-1]
    outer, inner = loops.split(spatial[-1], [None, width])
    return [*spatial[:-1], outer], inner


class _Anchored:
    """Tiles the store, computes the reduction per tile in registers, unrolls and vectorises both."""

    def __init__(
        self, loops: Any, acc: Nesting, store: Nesting, anchor: Nest, schedule: Schedule, lanes: int, dot: bool
    ) -> None:
        self.loops, self.acc, self.store, self.anchor, self.schedule = loops, acc, store, anchor, schedule
        self.lanes, self.dot = lanes, dot
        self.names = [anchor.parallel[d.axis].name for d in store.dims]

    def run(self) -> None:
        loops, block = self.loops, self.loops.get_sblock(self.store.name)
        outer, tile, vector = self._tiled(list(loops.get_loops(block)))
        loops.reorder(*[loop for _, loop in outer], *tile, *([vector] if vector is not None else []))
        inside = self._parallel(outer)
        acc = loops.get_sblock(self.acc.name)
        loops.compute_at(acc, inside, preserve_unit_loops=True)
        loops.set_scope(acc, 0, "local")
        self._reduction(acc)
        self._unroll(tile)
        if vector is not None:
            loops.vectorize(vector)

    def _tiled(self, every: list[Any]) -> tuple[list[tuple[str, Any]], list[Any], Any]:
        """((axis, outer loop) in order, tile loops, vector loop)."""
        outer: list[tuple[str, Any]] = []
        tile: list[Any] = []
        *plain, last = every
        for name, dim, loop in zip(self.names, self.store.dims, plain, strict=False):
            wanted = (self.schedule.tile_of(name) or (1,))[-1]
            size = largest_divisor(dim.extent, max(1, wanted // dim.stride))
            out, inner = self.loops.split(loop, [None, size])
            outer.append((name, out))
            tile.append(inner)
        width = vector_width(self.store.dims[-1].extent, self.lanes)
        out, vector = self.loops.split(last, [None, width])
        outer.append((self.names[-1], out))
        rank = {name: i for i, name in enumerate(self.schedule.order)}
        outer.sort(key=lambda item: rank.get(item[0], -1))
        return outer, tile, vector

    def _parallel(self, outer: list[tuple[str, Any]]) -> Any:
        """Fuse and parallelise the leading loops that the schedule names; the innermost outer loop is returned."""
        units = {name for name, loop in outer if int(self.loops.get(loop).extent) == 1}
        count = 0
        while count < len(outer) and (outer[count][0] in self.schedule.parallel or outer[count][0] in units):
            count += 1
        if not self.schedule.parallel or count == 0 or prod(self.acc.extents) < MIN_PARALLEL_PRODUCTS:
            return outer[-1][1]
        fused = self.loops.fuse(*[loop for _, loop in outer[:count]])
        self.loops.parallel(fused)
        return outer[-1][1] if count < len(outer) else fused

    def _reduction(self, acc: Any) -> None:
        loops, spatial_count = self.loops, len(self.acc.dims)
        own = list(loops.get_loops(acc))[-(spatial_count + len(self.acc.reduction)) :]
        spatial, reduction = own[:spatial_count], own[spatial_count:]
        four = reduction.pop() if self.dot else None
        kept, unrolled = self._split_reduction(reduction)
        block_dims = [i for i, d in enumerate(self.acc.dims[:-1]) if d.axis == self.acc.dims[-1].axis]
        last = [spatial[i] for i in block_dims] + [spatial[-1]]
        first = [s for i, s in enumerate(spatial[:-1]) if i not in block_dims]
        loops.reorder(*kept, *unrolled, *first, *last, *([four] if four is not None else []))
        self._unroll([*unrolled, *first, *last[:-1]])
        if four is None:
            self._vectorize(spatial[-1])
        start = loops.decompose_reduction(acc, (kept + unrolled)[0])
        if four is not None:
            loops.tensorize(spatial[-1], dot_intrinsic(self.lanes))
        begun = list(loops.get_loops(start))[-spatial_count:]
        self._unroll(begun[:-1])
        self._vectorize(begun[-1])

    def _split_reduction(self, reduction: list[Any]) -> tuple[list[Any], list[Any]]:
        """(loops that stay, loops to unroll), by the schedule's `unroll` and the reduction axes' tiles."""
        kept: list[Any] = []
        unrolled: list[Any] = []
        for digit, loop in zip(self.acc.reduction, reduction, strict=False):
            size = (self.schedule.tile_of(digit.axis) or (0,))[-1]
            if digit.axis in self.schedule.unroll and digit.innermost and size:
                out, into = self.loops.split(loop, [None, largest_divisor(digit.extent, size)])
                kept.append(out)
                unrolled.append(into)
            else:
                (unrolled if digit.axis in self.schedule.unroll else kept).append(loop)
        return kept, unrolled

    def _unroll(self, tile: Sequence[Any]) -> None:
        for loop in tile:
            self.loops.unroll(loop)

    def _vectorize(self, loop: Any) -> None:
        if int(self.loops.get(loop).extent) > 1:
            self.loops.vectorize(loop)
