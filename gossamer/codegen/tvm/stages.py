"""Stored stages without register tiles as a kernel: one stage, or all of a program whose rows can be computed in turn.

A task is some steps of the axes that all its stages have in common; where the store's vectors run along one of them, of
its chunks. What one stage computes for another lies in the thread's own memory, a task's part of it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from gossamer.codegen.tvm.adapter import Buffer, Loops, TaskFunction, Tensor, build_tasks, tirx
from gossamer.codegen.tvm.algebra import Algebra
from gossamer.codegen.tvm.forms import Form
from gossamer.codegen.tvm.lines import Line, PartCode
from gossamer.codegen.tvm.lower import nesting_of, tensors_of
from gossamer.codegen.tvm.place import Coordinate
from gossamer.codegen.tvm.regions import regions_of
from gossamer.codegen.tvm.rows import Common, common_axes
from gossamer.codegen.tvm.vectors import Lanes, StagePlan, StageWriter, plan_of
from gossamer.ir.nest import Kernel

SERIAL_POINTS = 4096
"""Kernels of fewer steps stay on one thread: handing work to another takes about a microsecond."""

TASK_POINTS = 1024
"""Points that a task should have at least."""


def parameters(program: Kernel, form: Form, stages: Sequence[int]) -> list[Buffer]:
    """The buffers of a kernel of these stages: operands, stored stages it reads, the last stage."""
    operands, read = tensors_of(program, form, stages)
    found = [(f"i{k}", form.operands[k]) for k in operands]
    found += [(f"s{j}", form.stages[j]) for j in (*read, stages[-1])]
    return [Buffer(name, storage.layout.shape, storage.dtype) for name, storage in found]


def digits(task: Any, extents: Sequence[int]) -> list[Any]:
    """The loop variables of nested loops that are run as one, outermost first."""
    found: list[Any] = []
    for position, extent in enumerate(extents):
        inner = prod(extents[position + 1 :])
        value = tirx.floordiv(task, inner) if inner > 1 else task
        found.append(tirx.floormod(value, extent) if position and extent > 1 else value if extent > 1 else _ZERO)
    return found


_ZERO = tirx.const(0, "int32")


@dataclass(frozen=True)
class Placed(Tensor):
    """A tensor whose positions are simplified: divisions that chunks make superfluous go away."""

    algebra: Algebra | None = None

    def offset(self, indices: Sequence[Any]) -> Any:
        found = super().offset(indices)
        return self.algebra.simplified(found) if self.algebra else found


@dataclass(frozen=True)
class Part(Placed):
    """The part of an intermediate tensor that a task computes: where it starts, dimension by dimension."""

    origin: tuple[Any, ...] = ()

    def offset(self, indices: Sequence[Any]) -> Any:
        return super().offset([index - start for index, start in zip(indices, self.origin, strict=True)])


@dataclass(frozen=True)
class Tour:
    """The loops around the stages of a kernel, outermost first: the first `outer` make the tasks, the last of them in
    runs of `grain` steps. `chunked`: the line that is walked by chunks."""

    lines: tuple[Line, ...]
    chunked: Line | None
    outer: int
    grain: int

    def count(self, position: int) -> int:
        """Steps of a loop, a shorter last chunk included."""
        line = self.lines[position]
        return -(-line.extent // line.block) if line == self.chunked else line.extent

    @property
    def tasks(self) -> list[int]:
        """Tasks along each of the outer loops."""
        counts = [self.count(i) for i in range(self.outer)]
        return [*counts[:-1], -(-counts[-1] // self.grain)] if counts else []


def stage_tasks(name: str, program: Kernel, form: Form, stages: Sequence[int], lanes: int) -> TaskFunction:
    """The kernel that fills the storage of the last of the stages."""
    parts = [rows.planned() for rows in _parts(program, form, tuple(stages), lanes)]

    def body(loops: Loops, buffers: Mapping[str, Tensor], task: Any) -> None:
        first = 0
        for rows, tour, plans in parts:
            count = prod(tour.tasks)
            others = [task >= first] if first else []
            others += [task < first + count] if (rows, tour, plans) != parts[-1] else []
            with loops.when(others):
                _Task(rows, loops, buffers, tour, plans).run(task - first if first else task)
            first += count

    made = build_tasks(name, parameters(program, form, stages), sum(prod(tour.tasks) for _, tour, _ in parts), body)
    return made.run_serially(sum(rows.points for rows, _, _ in parts) < SERIAL_POINTS)


def _parts(program: Kernel, form: Form, stages: tuple[int, ...], lanes: int) -> "Iterator[_Rows]":
    """What the tasks compute: all stages, or the regions of a stage one after the other."""
    if len(stages) != 1:
        yield _Rows(program, form, stages, lanes, common_axes(program, form))
        return
    shapes = {k: storage.layout.logical for k, storage in enumerate(form.operands)}
    shapes |= {program.operands + i: nest.shape for i, nest in enumerate(program.stages)}
    stage = stages[0]
    for region in regions_of(program.stages[stage], shapes):
        changed = replace(program, stages=(*program.stages[:stage], region.nest, *program.stages[stage + 1 :]))
        yield _Rows(changed, form, stages, lanes, None, region.starts)


@dataclass
class _Rows:
    program: Kernel
    form: Form
    stages: tuple[int, ...]
    lanes: int
    common: Common | None
    starts: tuple[tuple[str, int], ...] = ()

    @property
    def points(self) -> int:
        return sum(self.program.stages[stage].points for stage in self.stages)

    def planned(self) -> "tuple[_Rows, Tour, dict[int, StagePlan]]":
        """With the loops of the tasks, and what every stage does in them."""
        symbolic = self._symbolic(parameters(self.program, self.form, self.stages))
        last = self._plan(self.stages[-1], symbolic, self.lanes)
        tour = self._tour(last, self.points)
        # a chunk is as wide for all stages, also for those that read no blocked tensor themselves
        lanes = tour.chunked.block if tour.chunked and tour.chunked.block > 1 else self.lanes
        plans = {stage: self._plan(stage, symbolic, lanes) for stage in self.stages[:-1]}
        return self, tour, plans | {self.stages[-1]: last}

    def _symbolic(self, params: Sequence[Buffer]) -> dict[str, Tensor]:
        """Tensors to plan with: nothing is read from them."""
        made = {p.name: (p.shape, p.dtype) for p in params}
        made |= {f"s{j}": (self.form.stages[j].layout.shape, self.form.stages[j].dtype) for j in self.stages}
        return {
            name: Tensor(tirx.decl_buffer((prod(shape),), "int8" if dtype == "bool" else dtype), shape, dtype == "bool")
            for name, (shape, dtype) in made.items()
        }

    def _plan(self, stage: int, buffers: Mapping[str, Tensor], lanes: int) -> StagePlan:
        shared = (self.common or {}).get(stage, {})
        last = self.program.stages[self.stages[-1]]
        name = last.parallel[self.form.stages[self.stages[-1]].layout.dims[-1].axis].name if last.parallel else ""
        chunked = next((own for own, common in shared.items() if common == name), "")
        return plan_of(self.code(stage, buffers), lanes, tuple(shared), chunked)

    def code(self, stage: int, buffers: Mapping[str, Tensor]) -> PartCode:
        nesting = nesting_of(self.program, self.form, stage)
        return PartCode(self.program, self.form, nesting, buffers, starts=dict(self.starts))

    def _tour(self, plan: StagePlan, points: int) -> Tour:
        """Make tasks of the outer common loops, large enough to be worth their arithmetic."""
        shared = None if self.common is None else set(self.common[self.stages[-1]])
        lines = [line for line in plan.lines if not line.reduces]
        if shared is not None:
            lines = [line for line in lines if set(line.names) <= shared]
        lines = [line for line in lines if line == plan.store or line != plan.vector]
        chunked = plan.store if plan.store in lines else None
        tour = Tour(tuple(lines), chunked, 0, 1)
        outer = 0
        while outer < len(lines) and points > TASK_POINTS:
            points = -(-points // tour.count(outer))
            outer += 1
        grain = max(1, min(TASK_POINTS // max(points, 1), tour.count(outer - 1))) if outer else 1
        return Tour(tuple(lines), chunked, outer, grain)


@dataclass
class _Task:
    """What a task does: runs through its part of the tour, and at every stop through the stages."""

    rows: _Rows
    loops: Loops
    buffers: Mapping[str, Tensor]
    tour: Tour
    plans: Mapping[int, StagePlan]

    def run(self, task: Any) -> None:
        self.algebra = Algebra()
        if len(self.tour.tasks) > 0:
            self.algebra.bound(task, prod(self.tour.tasks))
        self.kept = self._scratch()
        self._stop(0, digits(task, self.tour.tasks), {}, None)

    def _stop(self, position: int, numbers: Sequence[Any], where: dict[str, Coordinate], pin: Lanes | None) -> None:
        tour = self.tour
        if position == len(tour.lines):
            self._stages(where, pin)
            return
        line, count = tour.lines[position], tour.count(position)

        def then(value: Any, lanes: int | None) -> None:
            pinned = pin if lanes is None else (value, lanes)
            there = where | line.whole(value, self.algebra) if lanes is None else where
            self._stop(position + 1, numbers, there, pinned)

        if position < tour.outer - 1 or (position < tour.outer and tour.grain == 1):
            self._at(line, numbers[position], then)
        elif position < tour.outer:
            first = numbers[position] * tour.grain
            self._run(line, first, tirx.min(first + tour.grain, count) if count % tour.grain else None, then)
        else:
            self._run(line, 0, None, then)

    def _at(self, line: Line, value: Any, then: Callable[[Any, int | None], None]) -> None:
        """One step of a loop, its number given."""
        if line != self.tour.chunked:
            then(value, None)
            return
        full, rest = divmod(line.extent, line.block)
        if full:
            with self.loops.when([value < full] if rest else []):
                then(value, line.block)
        if rest:
            with self.loops.when([value >= full] if full else []):
                then(tirx.const(full, "int32"), rest)

    def _run(self, line: Line, first: Any, stop: Any, then: Callable[[Any, int | None], None]) -> None:
        """Several steps of a loop: all, or `grain` from `first`, but none from `stop` on."""
        whole = isinstance(first, int)
        steps = line.extent if line != self.tour.chunked else line.extent // line.block
        rest = line.extent % line.block if line == self.tour.chunked else 0
        lanes = line.block if line == self.tour.chunked else None
        length = steps if whole else self.tour.grain
        if not whole and (stop is not None or rest):
            length = tirx.min(first + self.tour.grain, steps) - first
        if steps:
            with self.loops.serial(length) as step:
                self.algebra.bound(step, steps if whole else self.tour.grain)
                then(step if whole else first + step, lanes)
        if rest:
            with self.loops.when([] if whole else [tirx.And(first <= steps, steps < first + self.tour.grain)]):
                then(tirx.const(steps, "int32"), rest)

    def _scratch(self) -> dict[str, Tensor]:
        """Room for a task's part of the intermediate stages."""
        kept: dict[str, Tensor] = {}
        for stage in self.rows.stages[:-1]:
            storage = self.rows.form.stages[stage]
            shape = [1 if self._fixes(stage, d.axis) else d.extent for d in storage.layout.dims]
            shape = [self._lanes(stage, d.axis) or extent for d, extent in zip(storage.layout.dims, shape)]
            kept[f"s{stage}"] = self.loops.scratch(shape, storage.dtype)
        return kept

    def _shared(self, stage: int, axis: int) -> str:
        """The common axis that an axis of a stage is one with; '' where there is none."""
        name = self.rows.program.stages[stage].parallel[axis].name
        return (self.rows.common or {}).get(stage, {}).get(name, "")

    def _fixes(self, stage: int, axis: int) -> bool:
        shared = self._shared(stage, axis)
        return any(shared in line.names for line in self.tour.lines if line != self.tour.chunked) if shared else False

    def _lanes(self, stage: int, axis: int) -> int:
        shared, line = self._shared(stage, axis), self.tour.chunked
        return min(line.block, line.extent) if line is not None and shared in line.names else 0

    def _stages(self, where: Mapping[str, Coordinate], pin: Lanes | None) -> None:
        """All stages, in order, at one stop of the tour."""
        buffers: dict[str, Tensor] = {
            n: Placed(t.data, t.shape, t.truth, t.start, self.algebra) for n, t in self.buffers.items()
        }
        for stage in self.rows.stages[:-1]:
            buffers[f"s{stage}"] = self._part(stage, where, pin)
        for stage in self.rows.stages:
            self._stage(stage, buffers, where, pin)

    def _part(self, stage: int, where: Mapping[str, Coordinate], pin: Lanes | None) -> Tensor:
        tensor, origin = self.kept[f"s{stage}"], list[Any]()
        for dim in self.rows.form.stages[stage].layout.dims:
            if self._fixes(stage, dim.axis):
                origin.append(where[self._shared(stage, dim.axis)].value)
            elif pin is not None and self._lanes(stage, dim.axis) and self.tour.chunked is not None:
                origin.append(pin[0] * self.tour.chunked.block)
            else:
                origin.append(0)
        return Part(tensor.data, tensor.shape, tensor.truth, tensor.start, self.algebra, tuple(origin))

    def _stage(self, stage: int, buffers: Mapping[str, Tensor], where: Mapping[str, Coordinate], pin: Any) -> None:
        plan, code = self.plans[stage], self.rows.code(stage, buffers)
        names = {a.name: self._shared(stage, i) or a.name for i, a in enumerate(code.nest.parallel)}
        if self.rows.common is None:
            fixed, pinned = dict(where), {self.tour.chunked: pin} if self.tour.chunked else {}
        else:
            fixed = {own: where[name] for own, name in names.items() if name in where}
            chunked = self.tour.chunked.names[0] if self.tour.chunked else ""
            pinned = {line: pin for line in plan.lines if chunked and [names.get(n) for n in line.names] == [chunked]}
        lines = tuple(line for line in plan.lines if not set(line.names) <= set(fixed))
        StageWriter(self.loops, code, replace(plan, lines=lines), self.algebra, fixed, pinned).write()
