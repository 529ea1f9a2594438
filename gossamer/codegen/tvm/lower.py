"""A program and the storage of its tensors -> a tvm function of naive loop nests, one block per stored stage.

Pointwise stages that are not stored are inlined where they are read. A block iterates over the physical dimensions of
the tensor it stores (halo left out) and over its reduction axes, some of them split to match blocked operands.
Invariant: no read leaves its buffer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gossamer.codegen.tvm.adapter import Block, Buffer, build_function, tirx
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
    """The loops of one block: its stage, physical dims of the parallel loops, the reduction loops, and all extents."""

    name: str
    stage: int
    dims: tuple[Dim, ...]
    reduction: tuple[ReductionLoop, ...]
    extents: tuple[int, ...]


def lower(name: str, program: Kernel, form: Form) -> tuple[Any, tuple[Nesting, ...]]:
    """The tvm function (operands, then results) and the loops of its blocks, in order."""
    order = sorted(form.stages)
    nestings = tuple(_nesting(program, form, stage) for stage in order)
    params = [Buffer(f"i{k}", s.layout.shape, s.dtype) for k, s in enumerate(form.operands)]
    params += [Buffer(f"s{r}", form.stages[r].layout.shape, form.stages[r].dtype) for r in program.results]
    inner = [
        Buffer(f"s{r}", form.stages[r].layout.shape, form.stages[r].dtype) for r in order if r not in program.results
    ]
    blocks = [_Stage(program, form, nesting).block() for nesting in nestings]
    return build_function(name, params, inner, blocks), nestings


def _nesting(program: Kernel, form: Form, stage: int) -> Nesting:
    layout, nest = form.stages[stage].layout, program.stages[stage]
    dims = tuple(Dim(d.axis, d.stride, layout.logical[d.axis]) if _framed(layout, d.axis) else d for d in layout.dims)
    digits = [
        d for axis in nest.reduction for d in _reduction_digits(axis, form.reduction_blocks.get((stage, axis.name), ()))
    ]
    loops = sorted(digits, key=lambda d: d.level)
    extents = tuple(d.extent for d in dims) + tuple(d.extent for d in loops)
    return Nesting(f"s{stage}", stage, dims, tuple(loops), extents)


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


class _Stage:
    """Emits the block of one stored stage."""

    def __init__(self, program: Kernel, form: Form, nesting: Nesting) -> None:
        self.program, self.form, self.nesting = program, form, nesting
        self.nest = program.stages[nesting.stage]
        self.buffers: Mapping[str, Any] = {}
        self.known: Mapping[int, Scalar] = {}

    def block(self) -> Block:
        count, storage = len(self.nesting.dims), self.form.stages[self.nesting.stage]
        parts = (
            self.nesting.name,
            f"s{self.nesting.stage}",
            self.nesting.extents[:count],
            self.nesting.extents[count:],
        )
        if self.nest.reduce is None:
            return Block(*parts, self._body)
        start, combine = _REDUCTIONS[self.nest.reduce]
        return Block(*parts, self._body, number(start, storage.dtype), combine)

    def _body(
        self, buffers: Mapping[str, Any], spatial: Sequence[Any], reduction: Sequence[Any]
    ) -> tuple[list[Any], Scalar]:
        self.buffers = buffers
        storage, dims = self.form.stages[self.nesting.stage], self.nesting.dims
        where = self._spatial(dims, spatial) | self._reduced(reduction)
        value = stored(self.expression(self.nest.body, self.nest.compute, where), self.nest.dtype)
        if self.nest.reduce is None:
            value = self.masked(value, where, storage)
        return [v + storage.layout.before[d.axis] for d, v in zip(dims, spatial, strict=True)], value

    def _spatial(self, dims: Sequence[Dim], loops: Sequence[Any]) -> dict[str, Coordinate]:
        return {
            axis.name: Coordinate.joined(
                [(d.stride, v, d.extent) for d, v in zip(dims, loops, strict=True) if d.axis == i], axis.extent
            )
            for i, axis in enumerate(self.nest.parallel)
        }

    def _reduced(self, loops: Sequence[Any]) -> dict[str, Coordinate]:
        found: dict[str, list[tuple[int, Any, int]]] = {}
        for digit, loop in zip(self.nesting.reduction, loops, strict=True):
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
    stage = _Stage(program, form, Nesting("", store, (), (), ()))
    stage.buffers, stage.known = buffers, {anchor: total}
    where = {axis.name: value for axis, value in zip(stage.nest.parallel, point, strict=True)}
    storage = form.stages[store]
    value = stored(stage.expression(stage.nest.body, stage.nest.compute, where), stage.nest.dtype)
    return stage.masked(value, where, storage)


_REDUCTIONS: dict[str, tuple[float, Callable[[Scalar, Scalar], Scalar]]] = {
    "sum": (0.0, lambda a, b: a + b),
    "prod": (1.0, lambda a, b: a * b),
    "max": (float("-inf"), maximum),
    "min": (float("inf"), minimum),
}
