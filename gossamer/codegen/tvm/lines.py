"""The loops of a stage over its logical axes, and how fast its tensors are walked along each.

A *line* is an axis of a nest, or neighbouring axes that every tensor walks as one (h, w of a plain tensor). It is
walked in chunks of `block` steps, the last of which may be shorter: `chunk * block + lane`. A block is what the axis is
split by in the storage of some tensor, so that a chunk is one vector of a blocked tensor, or the vector's lanes.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import prod
from typing import Any

from gossamer.codegen.tvm.adapter import Tensor, tirx
from gossamer.codegen.tvm.algebra import Algebra
from gossamer.codegen.tvm.layout import Layout
from gossamer.codegen.tvm.lower import StageCode
from gossamer.codegen.tvm.place import Coordinate, Point
from gossamer.codegen.tvm.program import loads
from gossamer.codegen.tvm.regions import shift_of
from gossamer.ir.nest import Apply, Axis, IndexValue, Load, at, computed, parts


@dataclass(frozen=True)
class Line:
    """Axes walked as one, outermost first, in chunks of `block`."""

    axes: tuple[Axis, ...]
    block: int
    cuts: tuple[int, ...] = ()
    """Lanes of a chunk at which some tensor's next block begins."""

    @property
    def extent(self) -> int:
        return prod(a.extent for a in self.axes)

    @property
    def reduces(self) -> bool:
        return self.axes[0].reduce

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(a.name for a in self.axes)

    def runs(self, width: int) -> list[tuple[int, int]]:
        """(first lane, lanes) of the pieces of a chunk of `width` lanes."""
        edges = [0, *(cut for cut in self.cuts if cut < width), width]
        return [(first, stop - first) for first, stop in pairwise(edges)]

    @property
    def longest_run(self) -> tuple[int, int]:
        """Of a full chunk, or of the line where it has no chunks."""
        return max(self.runs(self.block), key=lambda run: run[1]) if self.block > 1 else (0, self.extent)

    def at(self, chunk: Any, lane: Any, algebra: Algebra) -> dict[str, Coordinate]:
        """The axes at a lane of a chunk."""
        value = chunk * self.block + lane if self.block > 1 else chunk
        if len(self.axes) == 1 and self.block > 1:
            extent = self.axes[0].extent
            return {self.axes[0].name: Coordinate(value, {self.block: chunk, 1: lane}, extent - 1, extent)}
        return self.whole(value, algebra)

    def whole(self, value: Any, algebra: Algebra) -> dict[str, Coordinate]:
        """The axes at step `value`."""
        found: dict[str, Coordinate] = {}
        value = algebra.standing_for(value, self.extent) if len(self.axes) > 1 else value
        for i, axis in enumerate(self.axes):
            inner = prod(a.extent for a in self.axes[i + 1 :])
            own = tirx.floordiv(value, inner) if inner > 1 else value
            own = tirx.floormod(own, axis.extent) if i else own
            found[axis.name] = Coordinate(own, {1: own}, axis.extent - 1, axis.extent)
        return found


@dataclass(frozen=True)
class PartCode(StageCode):
    """A part of a stage: `starts` of its axes, where they do not start at 0."""

    starts: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True)
class Walk:
    """How tensors are walked: line -> elements per step, for every load and for the store; None where it varies."""

    loads: tuple[Mapping[Line, int | None], ...]
    store: Mapping[Line, int | None]


@dataclass(frozen=True)
class _Recorder:
    """Stands for a tensor; notes where it is read."""

    tensor: Tensor
    seen: list[Any]

    def __getitem__(self, indices: Any) -> Any:
        self.seen.append(self.tensor.offset(indices))
        return tirx.Var("read", "bool" if self.tensor.truth else str(self.tensor.data.dtype))


def unit_axes(code: PartCode) -> dict[str, Coordinate]:
    """The axes of one step, at it."""
    zero = tirx.const(0, "int32")
    return {a.name: Coordinate(zero, {1: zero}, 0, 1) for a in code.nest.axes if a.extent == 1}


def place_of(code: PartCode, where: Mapping[str, Coordinate]) -> list[Any]:
    """Indices in the stage's storage at a point of its axes."""
    index = tuple(at(a.name) + code.starts.get(a.name, 0) for a in code.nest.parallel)
    return Point(where, lambda value: value).place(Load(0, index), code.storage.layout)[0]


def walk_of(code: PartCode, lines: Sequence[Line]) -> Walk:
    """Measure how the stage walks its tensors. Loads of computed places count as walked irregularly."""
    algebra, seen = Algebra(), list[Any]()
    lanes: dict[Line, Any] = {}
    where = unit_axes(code)
    for line in lines:
        chunk, (first, count) = algebra.variable("c", -(-line.extent // line.block)), line.longest_run
        lanes[line] = lane = algebra.variable("l", count)
        where |= line.whole(lane, algebra) if line.block == 1 else line.at(chunk, lane + first, algebra)
    probe = replace(code, buffers={name: _Recorder(tensor, seen) for name, tensor in code.buffers.items()})
    probe.value(where)
    store = code.buffers[f"s{code.nesting.stage}"].offset(place_of(code, where))

    def steps(offset: Any) -> dict[Line, int | None]:
        short = algebra.simplified(offset)
        return {line: algebra.step(short, lane) if line.extent > 1 else 0 for line, lane in lanes.items()}

    return Walk(tuple(map(steps, seen)), steps(store))


def lines_of(code: PartCode, lanes: int, apart: Collection[str] = ()) -> tuple[Line, ...]:
    """The lines of a stage: parallel ones in the order of the storage, then the reduction's.

    `apart`: axes that stay lines of their own.
    """
    order = list(dict.fromkeys(d.axis for d in code.storage.layout.dims))
    axes = [*(code.nest.parallel[i] for i in order), *code.nest.reduction]
    lines = [_line(code, axis, lanes) for axis in axes if axis.extent > 1]
    return tuple(_merged(code, lines, lanes, apart))


def _line(code: PartCode, axis: Axis, lanes: int) -> Line:
    block = _block(code, axis, lanes)
    if code.nest.reduce is not None:
        return Line((axis,), block)
    names, storage = [a.name for a in code.nest.parallel], code.storage.layout
    found = {-code.starts.get(axis.name, 0) % block} if storage.block(names.index(axis.name)) == block else set[int]()
    for load in loads(code.nest.body):
        layout = _layout(code, load)
        for k, index in enumerate(load.index if layout else ()):
            shift = shift_of(index, axis.name)
            if layout and shift is not None and layout.block(k) == block:
                found.add(-(shift + layout.before[k]) % block)
    return Line((axis,), block, tuple(sorted(found - {0})))


def _block(code: PartCode, axis: Axis, lanes: int) -> int:
    """What some tensor splits the axis by, the storage first; else the vector's lanes."""
    names = [a.name for a in code.nest.parallel]
    own = code.storage.layout.block(names.index(axis.name)) if axis.name in names else 1
    if own > 1:
        return own
    for load in loads(code.nest.body):
        layout = _layout(code, load)
        for k, index in enumerate(load.index if layout else ()):
            if layout and shift_of(index, axis.name) is not None and layout.block(k) > 1:
                return layout.block(k)
    return lanes


def _layout(code: PartCode, load: Load) -> Layout | None:
    stage = load.operand - code.program.operands
    if stage < 0:
        return code.form.operands[load.operand].layout
    return code.form.stages[stage].layout if stage in code.form.stages else None


def _merged(code: PartCode, lines: list[Line], lanes: int, apart: Collection[str]) -> list[Line]:
    """Neighbouring lines are one where every tensor walks them as one and nothing else asks where they are."""
    if _asks(code):
        return lines
    position = len(lines) - 1
    while position > 0:
        first, second = lines[position - 1], lines[position]
        both = Line((*first.axes, *second.axes), lanes)
        merged = [*lines[: position - 1], both, *lines[position + 1 :]]
        alike = first.reduces == second.reduces and first.block == second.block == lanes
        alike = alike and not first.cuts and not second.cuts
        if alike and not set(both.names) & set(apart) and _straight(code, merged, both):
            lines = merged
        position -= 1
    return lines


def _asks(code: PartCode) -> bool:
    """The stage uses an index as a number, or may have to test one."""
    for stage in {code.nesting.stage, *inlined_stages(code)}:
        for part in parts(code.program.stages[stage].body):
            if isinstance(part, IndexValue) or (isinstance(part, Load) and _irregular(part)):
                return True
    return False


def _irregular(load: Load) -> bool:
    return load.fill is not None or any(computed(index) for index in load.index)


def inlined_stages(code: PartCode) -> set[int]:
    """Stages that are computed where this one reads them."""
    found, waiting = set[int](), [code.nesting.stage]
    while waiting:
        for load in loads(code.program.stages[waiting.pop()].body):
            stage = load.operand - code.program.operands
            if stage >= 0 and stage not in code.form.stages and stage not in found:
                found.add(stage)
                waiting.append(stage)
    return found


def _straight(code: PartCode, lines: Sequence[Line], both: Line) -> bool:
    walk = walk_of(code, [replace(line, block=1) if line == both else line for line in lines])
    one = replace(both, block=1)
    return all(steps[one] is not None for steps in (*walk.loads, walk.store))


def effort(code: PartCode) -> int:
    """Operations of a step, roughly."""
    bodies = [code.program.stages[s].body for s in (code.nesting.stage, *inlined_stages(code))]
    calls = [p.function for body in bodies for p in parts(body) if isinstance(p, Apply)]
    return sum(12 if name in _LONG else 1 for name in calls)


_LONG = {"exp", "log", "tanh", "erf", "sigmoid", "pow", "sin", "cos", "atan"}
