"""One stage of a loop nest as `linalg.generic`: the same lowering for every op.

Without a reduction one generic stores the body. A reduction folds into a tensor filled with its neutral element; an
epilogue, or a result of another type than the one summed in, is a second generic over the parallel axes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gossamer.codegen.mlir.access import Operand, mappable, operand
from gossamer.codegen.mlir.expression import Body
from gossamer.codegen.mlir.indices import affine_map, dimension, straight
from gossamer.codegen.mlir.scalar import Arithmetic, Scalar
from gossamer.codegen.mlir.types import element, literal
from gossamer.codegen.mlir.writer import Tensor, Writer
from gossamer.ir.nest import Acc, Axis, Convert, Expr, Kernel, Load, Nest, Table, parts
from gossamer.ir.reference_nest import OF_NOTHING
from gossamer.ir.reference_split import split_axes
from gossamer.ir.types import F32, F64, I64, DType

Slots = Sequence[Tensor]


def lower_kernel(writer: Writer, kernel: Kernel, operands: Slots, names: Sequence[str]) -> list[Tensor]:
    """The results of a kernel; `names` are what its results are to be called."""
    slots, called = list(operands), {kernel.operands + r: name for r, name in zip(kernel.results, names)}
    for stage in kernel.stages:
        slots.append(lower_nest(writer, stage, slots, called.get(len(slots), "stage")))
    return [slots[kernel.operands + r] for r in kernel.results]


def lower_nest(writer: Writer, nest: Nest, slots: Slots, name: str) -> Tensor:
    """The stage's result."""
    if 0 in nest.shape:
        return writer.empty(nest.shape, nest.dtype)
    plain = split_axes(nest)
    result = _reduced(writer, plain, slots, name) if plain.reduce else _mapped(writer, plain, slots, name)
    return _joined(writer, result, nest, plain, name)


def _joined(writer: Writer, result: Tensor, nest: Nest, plain: Nest, name: str) -> Tensor:
    """The result with the axes that were split for indexing merged again."""
    if result.shape == nest.shape:
        return result
    groups: list[list[int]] = []
    places = iter(range(len(result.shape)))
    for axis in nest.parallel:
        pieces = [a for a in plain.parallel if a.name == axis.name or a.name.startswith(f"{axis.name}.")]
        groups.append([next(places) for _ in pieces])
    joined = Tensor("", nest.shape, nest.dtype)
    text = f"tensor.collapse_shape {result.name} {groups} : {result.type} into {joined.type}"
    return writer.tensor(name, nest.shape, nest.dtype, text)


def _mapped(writer: Writer, nest: Nest, slots: Slots, name: str) -> Tensor:
    copied = _as_it_is(writer, nest, slots)
    if copied is not None:
        return copied
    generic = _Generic(writer, nest.axes, slots, nest.body, nest.compute)
    out = writer.empty(nest.shape, nest.dtype)
    return generic.write(name, out, False, lambda body, _: body.converted(nest.body, nest.compute, nest.dtype))


def _as_it_is(writer: Writer, nest: Nest, slots: Slots) -> Tensor | None:
    """A nest that only pads, cuts or renames needs no loops."""
    load = nest.body
    if not isinstance(load, Load) or slots[load.operand].dtype != nest.dtype or nest.compute != nest.dtype:
        return None
    extents = {a.name: a.extent for a in nest.axes}
    if not mappable(load, slots[load.operand].shape, extents):
        return None
    # Only where every index is an axis of its own, in order: then the operand's map would be the identity.
    used = [i.terms for i in load.index if straight(i) and i.terms]  # type: ignore[union-attr]
    if used != [((a.name, 1),) for a in nest.axes]:
        return None
    return operand(writer, slots[load.operand], load, extents).tensor


def _reduced(writer: Writer, nest: Nest, slots: Slots, name: str) -> Tensor:
    assert nest.reduce is not None
    reduce = nest.reduce
    start = _filled(writer, nest.shape, nest.compute, OF_NOTHING[reduce])
    last = nest.epilogue is None and nest.dtype == nest.compute
    total = start
    if all(a.extent for a in nest.reduction):
        generic = _Generic(writer, nest.axes, slots, nest.body, nest.compute)

        def step(body: Body, acc: Scalar) -> Scalar:
            value = body.converted(nest.body, nest.compute, nest.compute)
            return body.arithmetic.combine(reduce, acc, value)

        total = generic.write(name if last else f"{name}.acc", start, True, step)
    return total if last else _finished(writer, nest, slots, total, name)


def _finished(writer: Writer, nest: Nest, slots: Slots, total: Tensor, name: str) -> Tensor:
    """The epilogue; one that is a Convert computes in the Convert's own type, and that is stored."""
    value, compute = nest.epilogue or Acc(), nest.compute
    if isinstance(value, Convert):
        value, compute = value.value, value.compute
    generic = _Generic(writer, nest.parallel, slots, value, compute, total)
    out = writer.empty(nest.shape, nest.dtype)
    return generic.write(name, out, False, lambda body, _: body.converted(value, compute, nest.dtype))


def _filled(writer: Writer, shape: tuple[int, ...], dtype: DType, value: float) -> Tensor:
    typed = "" if dtype.kind == "bool" else f" : {element(dtype)}"
    number = writer.set("init", f"arith.constant {literal(value, dtype)}{typed}")
    out = writer.empty(shape, dtype)
    text = f"linalg.fill ins({number} : {element(dtype)}) outs({out.name} : {out.type}) -> {out.type}"
    return writer.tensor("init", shape, dtype, text)


@dataclass
class _Input:
    operand: Operand
    argument: str


class _Generic:
    """Operands found before the body is written: affine reads, tables along an axis, the accumulator, loop extents."""

    def __init__(
        self, writer: Writer, axes: Sequence[Axis], slots: Slots, expr: Expr, compute: DType, acc: Tensor | None = None
    ) -> None:
        self._writer, self._axes, self._slots = writer, tuple(axes), slots
        self._extents = {a.name: a.extent for a in axes}
        self._inputs: dict[Load | Table | Acc, _Input] = {}
        self._sources: dict[Load | Table, Tensor] = {}
        if acc is not None:
            self._add(Acc(), Operand(acc, tuple(dimension(a.name) for a in axes)))
        self._wide = compute == F64 or any(isinstance(p, Convert) and p.compute == F64 for p in parts(expr))
        self._find(expr)

    def _find(self, expr: Expr) -> None:
        for part in parts(expr):
            if isinstance(part, (Load, Table)) and part not in self._inputs and part not in self._sources:
                self._read(part)

    def _read(self, read: Load | Table) -> None:
        if isinstance(read, Table):
            source = _table(self._writer, read, self._wide)
            load = Load(0, (read.index,))
        else:
            source, load = self._slots[read.operand], read
        if mappable(load, source.shape, self._extents):
            self._add(read, operand(self._writer, source, load, self._extents))
            return
        self._sources[read] = source

    def _add(self, read: "Load | Table | Acc", found: Operand) -> None:
        self._inputs[read] = _Input(found, self._writer.fresh("in"))

    def write(
        self, name: str, out: Tensor, folds: bool, value: "Callable[[Body, Scalar], Scalar]"
    ) -> Tensor:
        """The generic; `value` writes what is yielded, given the old element of `out` where it `folds`."""
        loops = [a for a in self._axes if a.reduce and not self._sized(a)]
        inputs = [*self._inputs.values(), *(_Input(self._extent(a), self._writer.fresh("in")) for a in loops)]
        kept = [dimension(a.name) for a in self._axes if not (folds and a.reduce)]
        maps = [affine_map(self._axes, i.operand.index) for i in inputs] + [affine_map(self._axes, kept)]
        kinds = ", ".join(f'"{"reduction" if a.reduce and folds else "parallel"}"' for a in self._axes)
        header = f"linalg.generic {{indexing_maps = [{', '.join(maps)}], iterator_types = [{kinds}]}}"
        result = Tensor(self._writer.fresh(name), out.shape, out.dtype)
        self._writer.line(f"{result.name} = {header}{_ins(inputs)} outs({out.name} : {out.type}) {{")
        old = Scalar(self._writer.fresh("old"), out.dtype)
        arguments = [f"{i.argument}: {element(i.operand.tensor.dtype)}" for i in inputs]
        self._writer.line(f"^bb0({', '.join([*arguments, f'{old.name}: {element(out.dtype)}'])}):")
        with self._writer.indented():
            given = {read: Scalar(i.argument, i.operand.tensor.dtype) for read, i in self._inputs.items()}
            body = Body(Arithmetic(self._writer), self._axes, given, self._sources)
            yielded = value(body, old)
            self._writer.line(f"linalg.yield {yielded.name} : {element(out.dtype)}")
        self._writer.line(f"}} -> {out.type}")
        return result

    def _sized(self, axis: Axis) -> bool:
        """Does some operand have the axis as a dimension of its own, which tells its extent?"""
        return any(dimension(axis.name) in i.operand.index for i in self._inputs.values())

    def _extent(self, axis: Axis) -> Operand:
        return Operand(self._writer.empty((axis.extent,), F32), (dimension(axis.name),))


def _table(writer: Writer, table: Table, wide: bool) -> Tensor:
    """The numbers as a constant, of a type that holds them as every type computed in will read them."""
    values = np.asarray(table.values, np.float64)
    whole = bool(np.isfinite(values).all() and (values == np.rint(values)).all())
    large = whole and values.size > 0 and float(np.abs(values).max()) >= 1 << 24
    return writer.constant("table", values, I64 if large else F64 if wide else F32)


def _ins(inputs: Sequence[_Input]) -> str:
    if not inputs:
        return ""
    names = ", ".join(i.operand.tensor.name for i in inputs)
    return f" ins({names} : {', '.join(i.operand.tensor.type for i in inputs)})"
