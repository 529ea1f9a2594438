"""The stages of a program as tvm expressions at a point of their loops, given the storage of every tensor.

Pointwise stages that are not stored are inlined where they are read. The loops of a stage run over the physical
dimensions of the tensor it stores (halo left out) and over its reduction axes, some of them split to match blocked
operands. Invariant: no read leaves its buffer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gossamer.codegen.tvm.adapter import tirx
from gossamer.codegen.tvm.forms import Form, Storage, holds, storage_dtype
from gossamer.codegen.tvm.indices import bare_axis
from gossamer.codegen.tvm.layout import Dim, Layout
from gossamer.codegen.tvm.numbers import Scalar, maximum, minimum, number
from gossamer.codegen.tvm.place import Coordinate, Point
from gossamer.codegen.tvm.program import loads
from gossamer.codegen.tvm.rounding import stored
from gossamer.codegen.tvm.scalar import call, cast
from gossamer.ir.nest import Apply, Axis, Const, Convert, Expr, IndexValue, Kernel, Load, Nest
from gossamer.ir.types import I32, I64, DType


@dataclass(frozen=True)
class ReductionLoop:
    """One loop of a (possibly split) reduction axis: steps of `stride`; `level` 0 is the outermost of its axis."""

    axis: str
    level: int
    stride: int
    extent: int
    innermost: bool


@dataclass(frozen=True)
class Nesting:
    """The loops of one stage: physical dims of the parallel loops, the reduction loops, and all their extents."""

    stage: int
    dims: tuple[Dim, ...]
    reduction: tuple[ReductionLoop, ...]
    extents: tuple[int, ...]


def nesting_of(program: Kernel, form: Form, stage: int) -> Nesting:
    """The loops that fill the storage of a stage (its halo left out)."""
    layout, nest = form.stages[stage].layout, program.stages[stage]
    dims = tuple(Dim(d.axis, d.stride, layout.logical[d.axis]) if _framed(layout, d.axis) else d for d in layout.dims)
    digits = [
        d for axis in nest.reduction for d in _reduction_digits(axis, form.reduction_blocks.get((stage, axis.name), ()))
    ]
    loops = sorted(digits, key=lambda d: d.level)
    extents = tuple(d.extent for d in dims) + tuple(d.extent for d in loops)
    return Nesting(stage, dims, tuple(loops), extents)


def _reduction_digits(axis: Axis, sizes: tuple[int, ...]) -> tuple["ReductionLoop", ...]:
    """The loops of a reduction axis cut into blocks of `sizes`, outermost first."""
    strides = (*sizes, 1)
    outer = ReductionLoop(axis.name, 0, strides[0], -(-axis.extent // strides[0]), len(strides) == 1)
    inner = (
        ReductionLoop(axis.name, k + 1, b, a // b, k + 2 == len(strides))
        for k, (a, b) in enumerate(zip(strides, strides[1:]))
    )
    return (outer, *inner)


def _framed(layout: Layout, axis: int) -> bool:
    return bool(layout.before[axis] or layout.after[axis])


@dataclass(frozen=True)
class StageCode:
    """Expressions of one stored stage. `buffers`: i{k} for operand k, s{j} for stored stage j.

    `known`: stages whose value at the point is at hand (a sum in a register) -> that value.
    """

    program: Kernel
    form: Form
    nesting: Nesting
    buffers: Mapping[str, Any]
    known: Mapping[int, Scalar] = field(default_factory=dict[int, Scalar])

    @property
    def nest(self) -> Nest:
        return self.program.stages[self.nesting.stage]

    @property
    def storage(self) -> Storage:
        return self.form.stages[self.nesting.stage]

    def point(self, spatial: Sequence[Scalar], reduction: Sequence[Scalar] = ()) -> dict[str, Coordinate]:
        """The axes of the nest where its loops stand at these values."""
        return self._spatial(self.nesting.dims, spatial) | self._reduced(reduction)

    def place(self, spatial: Sequence[Scalar]) -> list[Scalar]:
        """Indices in the stage's buffer."""
        before = self.storage.layout.before
        return [v + before[d.axis] if before[d.axis] else v for d, v in zip(self.nesting.dims, spatial, strict=True)]

    def value(self, where: Mapping[str, Coordinate]) -> Scalar:
        """What one step of the stage gives: what is stored, or one term of a reduction."""
        value = stored(self.expression(self.nest.body, self.nest.compute, where), self.nest.dtype)
        return self.masked(value, where, self.storage) if self.nest.reduce is None else value

    def reduction(self) -> tuple[Scalar, Callable[[Scalar, Scalar], Scalar]]:
        """(start value, combine) of a reduction."""
        assert self.nest.reduce is not None
        start, combine = _REDUCTIONS[self.nest.reduce]
        return number(start, self.storage.dtype), combine

    def operand_at(self, load: Load, where: Mapping[str, Coordinate]) -> tuple[Any, list[Scalar], list[Scalar]]:
        """(buffer, indices, tests that it is inside) of what a load of an operand or a stored stage reads."""
        stage = load.operand - self.program.operands
        layout = (self.form.operands[load.operand] if stage < 0 else self.form.stages[stage]).layout
        physical, guards = self._point(where).place(load, layout)
        return self.buffers[f"i{load.operand}" if stage < 0 else f"s{stage}"], physical, guards

    def _spatial(self, dims: Sequence[Dim], loops: Sequence[Any]) -> dict[str, Coordinate]:
        return {
            axis.name: Coordinate.joined(
                [(d.stride, v, d.extent) for d, v in zip(dims, loops, strict=True) if d.axis == i], axis.extent
            )
            for i, axis in enumerate(self.nest.parallel)
        }

    def _reduced(self, loops: Sequence[Any]) -> dict[str, Coordinate]:
        found: dict[str, list[tuple[int, Any, int]]] = {}
        for digit, loop in zip(self.nesting.reduction, loops, strict=bool(loops)):
            found.setdefault(digit.axis, []).append((digit.stride, loop, digit.extent))
        extents = {axis.name: axis.extent for axis in self.nest.reduction}
        return {name: Coordinate.joined(parts, extents[name]) for name, parts in found.items()}

    def masked(self, value: Scalar, where: Mapping[str, Coordinate], storage: Storage) -> Scalar:
        for axis in self.nest.parallel:
            if where[axis.name].high >= axis.extent:
                value = tirx.Select(where[axis.name].value < axis.extent, value, number(0, storage.dtype))
        return value

    def expression(
        self, expr: Expr, compute: DType, where: Mapping[str, Coordinate], wraps: bool | None = None
    ) -> Scalar:
        """The expression computed in `compute`. Integers that are stored wrap; sums of products are bounded anyway."""
        dtype, wraps = storage_dtype(compute), self.nest.reduce is None if wraps is None else wraps
        if isinstance(expr, Const):
            return number(expr.value, dtype)
        if isinstance(expr, IndexValue):
            return cast(self._point(where).index(expr.index), dtype)
        if isinstance(expr, Load):
            return cast(self._load(expr, where, dtype), dtype)
        if isinstance(expr, Apply):
            return call(expr.function, [self.expression(a, compute, where, wraps) for a in expr.args], dtype, wraps)
        if isinstance(expr, Convert):
            return cast(stored(self.expression(expr.value, expr.compute, where, wraps), expr.dtype), dtype)
        raise TypeError(f"not an expression of a normalised program: {expr}")

    def _point(self, where: Mapping[str, Coordinate]) -> Point:
        # tvm narrows what is inside of an index, and gets wrapping arithmetic wrong there.
        return Point(where, lambda value: self.expression(value, self._index_type(value), where, False))

    def _index_type(self, value: Expr) -> DType:
        """What a computed index is computed in: 64 bits only where it reads numbers that wide."""
        wide = any(self._wide(load) for load in loads(value))
        return I64 if wide else I32

    def _wide(self, load: Load) -> bool:
        stage = load.operand - self.program.operands
        operand = self.form.operands[load.operand].dtype if stage < 0 else ""
        dtype = operand or storage_dtype(self.program.stages[stage].dtype)
        return dtype not in ("bool", "int8", "uint8", "int16", "uint16", "int32")

    def _load(self, load: Load, where: Mapping[str, Coordinate], around: str) -> Scalar:
        """What a load reads; in the type computed in `around` it where only that type has its fill."""
        stage = load.operand - self.program.operands
        if stage in self.known:
            return self.known[stage]
        if stage >= 0 and stage not in self.form.stages:
            return self._inlined(self.program.stages[stage], load, where)
        storage = self.form.operands[load.operand] if stage < 0 else self.form.stages[stage]
        buffer = self.buffers[f"i{load.operand}" if stage < 0 else f"s{stage}"]
        physical, guards = self._point(where).place(load, storage.layout)
        value = buffer[tuple(physical)]
        if not guards:
            return value
        fill, own = load.fill or 0.0, storage.dtype
        if not holds(own, fill):
            value, own = cast(value, around), around
        return tirx.if_then_else(tirx.all(*guards), value, number(fill, own))

    def _inlined(self, nest: Nest, load: Load, where: Mapping[str, Coordinate]) -> Scalar:
        inner: dict[str, Coordinate] = {}
        for axis, index in zip(nest.parallel, load.index, strict=True):
            bare = bare_axis(index)
            point = self._point(where)
            inner[axis.name] = (
                where[bare] if bare else Coordinate(point.index(index), {}, point.range(index)[1], axis.extent)
            )
        return stored(self.expression(nest.body, nest.compute, inner), nest.dtype)


def stage_value(
    program: Kernel, form: Form, buffers: Mapping[str, Any], point: Sequence[Coordinate], total: Scalar
) -> Scalar:
    """What the storing stage of an anchored program stores at a point where the reduction's value is `total`."""
    anchor, store = next((i for i, n in enumerate(program.stages) if n.reduce is not None), 0), program.results[0]
    code = StageCode(program, form, Nesting(store, (), (), ()), buffers, {anchor: total})
    return code.value({axis.name: value for axis, value in zip(code.nest.parallel, point, strict=True)})


def tensors_of(
    program: Kernel, form: Form, stages: Sequence[int], known: Sequence[int] = ()
) -> tuple[list[int], list[int]]:
    """(operands, stored stages) that the stages read, through what is inlined, each in order; not the stages.

    `known`: stages whose values the code has at hand; what they read does not count.
    """
    operands, stored_stages, seen = set[int](), set[int](), set(known)
    waiting = list(stages)
    while waiting:
        stage = waiting.pop()
        if stage in seen:
            continue
        seen.add(stage)
        for load in loads(program.stages[stage].body):
            source = load.operand - program.operands
            if source < 0:
                operands.add(load.operand)
            elif source in form.stages and source not in (*stages, *known):
                stored_stages.add(source)
            else:
                waiting.append(source)
    return sorted(operands), sorted(stored_stages)


_REDUCTIONS: dict[str, tuple[float, Callable[[Scalar, Scalar], Scalar]]] = {
    "sum": (0.0, lambda a, b: a + b),
    "prod": (1.0, lambda a, b: a * b),
    "max": (float("-inf"), maximum),
    "min": (float("inf"), minimum),
}
