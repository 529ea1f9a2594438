"""Loop nests as operations on whole arrays, for libraries of arrays that lack an operator of their own for an op.

Every expression of a nest becomes an array with one dimension per axis, of extent 1 where it does not depend on that
axis. A read that is a permutation is a transpose; any other is a look-up in the flattened tensor at positions that are
a constant, or computed where the index is; what may lie outside looks up one more element, the fill. Slow beside an
operator made for it (a window repeats elements), and right for every op with a loop nest.

    results = run_kernel(library, kernel, operands, types)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from string import ascii_lowercase
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.graph import Array
from gossamer.ir.index import axes_in
from gossamer.ir.nest import (
    Acc,
    Affine,
    Apply,
    Axis,
    Computed,
    Const,
    Convert,
    Div,
    Expr,
    Function,
    Index,
    IndexValue,
    Kernel,
    Load,
    Nest,
    Reduction,
    Sum,
    Table,
    computed,
    parts,
)
from gossamer.ir.op import Op
from gossamer.ir.reference_load import index_array
from gossamer.ir.reference_nest import OF_NOTHING, evaluate_nest
from gossamer.ir.reference_split import split_axes
from gossamer.ir.types import BOOL, F32, I64, DType, TensorType, Value

T = TypeVar("T")


class Arrays(Protocol[T]):
    """What a library of arrays has to offer; T is its array, whose element type the caller knows."""

    def constant(self, array: Array, dtype: DType) -> T: ...

    def convert(self, x: T, old: DType, new: DType) -> T:
        """Floats to integers by truncation; anything but 0 is true."""
        ...

    def call(self, function: Function, args: Sequence[T], dtype: DType) -> T:
        """A scalar function on arguments of type `dtype` that broadcast; comparisons give bools.

        `and`, `or`, `not` take bools, `where` a bool and two of `dtype`.
        """
        ...

    def reshape(self, x: T, shape: tuple[int, ...]) -> T: ...

    def transpose(self, x: T, perm: tuple[int, ...]) -> T: ...

    def expand(self, x: T, shape: tuple[int, ...]) -> T:
        """numpy's broadcast_to."""
        ...

    def joined(self, x: T, y: T) -> T:
        """Two vectors one after the other."""
        ...

    def taken(self, x: T, positions: T) -> T:
        """x[positions] of a vector x; positions are i64 within it, of any shape."""
        ...

    def reduced(self, x: T, how: Reduction, axes: tuple[int, ...], dtype: DType) -> T:
        """Over axes, which are dropped; x and the result have type `dtype`."""
        ...

    def contracted(self, equation: str, x: T, y: T) -> T:
        """einsum: "ab,bc->ac"."""
        ...


@dataclass(frozen=True)
class Held(Generic[T]):
    """An array with its IR type."""

    array: T
    shape: tuple[int, ...]
    dtype: DType


def run_kernel(library: Arrays[T], kernel: Kernel, operands: Sequence[Held[T]]) -> list[Held[T]]:
    """The results of a kernel."""
    slots = list(operands)
    for stage in kernel.stages:
        slots.append(run_nest(library, stage, slots))
    return [slots[kernel.operands + i] for i in kernel.results]


def on_reals(op: Op) -> Op:
    """The op on the real numbers that quantised operands stand for, where a library computes with those."""
    swap = {v: Value(v.name, TensorType(F32, v.shape)) for v in op.operands if v.type.quant is not None}
    return op.with_operands(swap)


def run_nest(library: Arrays[T], nest: Nest, slots: Sequence[Held[T]]) -> Held[T]:
    """One stage's result."""
    if 0 in nest.shape:
        return Held(library.constant(np.zeros(nest.shape), nest.dtype), nest.shape, nest.dtype)
    plain = split_axes(nest)
    value = _reduced(library, plain, slots) if plain.reduce else _Frame(library, plain.axes, slots).stored(
        plain.body, plain.compute, plain.dtype
    )  # fmt: skip
    whole = library.expand(value, plain.shape)
    return Held(whole if plain.shape == nest.shape else library.reshape(whole, nest.shape), nest.shape, nest.dtype)


def _reduced(library: Arrays[T], nest: Nest, slots: Sequence[Held[T]]) -> T:
    """The value over the parallel axes: folded, then through the epilogue."""
    assert nest.reduce is not None
    places = tuple(i for i, a in enumerate(nest.axes) if a.reduce)
    if any(a.extent == 0 for a in nest.reduction):
        total = library.constant(np.full(nest.shape, OF_NOTHING[nest.reduce]), nest.compute)
    else:
        total = _product(library, nest, slots)
        if total is None:
            value = _Frame(library, nest.axes, slots).stored(nest.body, nest.compute, nest.compute)
            whole = library.expand(value, tuple(a.extent for a in nest.axes))
            total = library.reduced(whole, nest.reduce, places, nest.compute)
    last, compute = nest.epilogue or Acc(), nest.compute
    if isinstance(last, Convert):
        last, compute = last.value, last.compute
    frame = _Frame(library, nest.parallel, slots, Held(total, nest.shape, nest.compute))
    return frame.stored(last, compute, nest.dtype)


def _product(library: Arrays[T], nest: Nest, slots: Sequence[Held[T]]) -> T | None:
    """A sum of products of floats as one contraction, which never holds all products at once; None for others."""
    body = nest.body
    if nest.reduce != "sum" or not isinstance(body, Apply) or body.function != "mul" or not nest.compute.floating:
        return None
    used = [{n for p in parts(a) for index in _indices(p) for n in axes_in(index)} for a in body.args]
    names = [a.name for a in nest.axes if a.extent > 1]
    plain = len(names) <= 26 and all({n for n in names if n in u} for u in used)
    if not plain or not set(names) <= used[0] | used[1]:
        return None
    letters = dict(zip(names, ascii_lowercase))
    frame, extents = _Frame(library, nest.axes, slots), {a.name: a.extent for a in nest.axes}
    sides: list[T] = []
    for factor, own in zip(body.args, used):
        shape = tuple(extents[n] for n in names if n in own)
        sides.append(library.reshape(frame.stored(factor, nest.compute, nest.compute), shape))
    kept = {a.name for a in nest.parallel}
    terms = ["".join(letters[n] for n in names if n in own) for own in (*used, kept)]
    found = library.contracted(f"{terms[0]},{terms[1]}->{terms[2]}", sides[0], sides[1])
    return library.reshape(found, nest.shape)


def _indices(expr: Expr) -> Sequence[Index]:
    if isinstance(expr, Load):
        return expr.index
    return (expr.index,) if isinstance(expr, (IndexValue, Table)) else ()


@dataclass(frozen=True)
class _Frame(Generic[T]):
    """The axes that expressions are evaluated over, and what they read."""

    library: Arrays[T]
    axes: tuple[Axis, ...]
    slots: Sequence[Held[T]]
    acc: Held[T] | None = None

    def stored(self, expr: Expr, compute: DType, dtype: DType) -> T:
        """The expression computed in `compute` and stored as `dtype`."""
        value = self.library.convert(*self.value(expr, compute), compute)
        return self.library.convert(value, compute, dtype)

    def value(self, expr: Expr, compute: DType) -> tuple[T, DType]:
        """The expression and its type: `compute`, or bool where it is a comparison."""
        if isinstance(expr, Apply):
            return self._applied(expr, compute)
        if isinstance(expr, Convert):
            inner = self.stored(expr.value, expr.compute, expr.dtype)
            return self.library.convert(inner, expr.dtype, compute), compute
        return self._leaf(expr, compute), compute

    def _applied(self, expr: Apply, compute: DType) -> tuple[T, DType]:
        bools = len(expr.args) if expr.function in ("and", "or", "not") else int(expr.function == "where")
        wanted = [BOOL if i < bools else compute for i in range(len(expr.args))]
        args = [self.library.convert(*self.value(a, compute), w) for a, w in zip(expr.args, wanted)]
        asks = expr.function in ("lt", "le", "eq", "and", "or", "not")
        return self.library.call(expr.function, args, compute), BOOL if asks else compute

    def _leaf(self, expr: Expr, compute: DType) -> T:
        if isinstance(expr, Load):
            return self._load(expr, self.slots[expr.operand], compute)
        if isinstance(expr, Acc):
            assert self.acc is not None
            return self.library.convert(self.acc.array, self.acc.dtype, compute)
        if isinstance(expr, Const):
            return self.library.constant(np.full((1,) * len(self.axes), expr.value), compute)
        if isinstance(expr, Table):
            return self._table(expr, compute)
        assert isinstance(expr, IndexValue)
        if not _run_time(expr.index):
            return self.library.constant(self._fixed(expr.index), compute)
        return self.library.convert(self._index(expr.index), I64, compute)

    def _table(self, table: Table, compute: DType) -> T:
        values = np.asarray(table.values)
        if not _run_time(table.index):
            return self.library.constant(values[self._fixed(table.index)], compute)
        return self.library.taken(self.library.constant(values, compute), self._index(table.index))

    def _load(self, load: Load, source: Held[T], compute: DType) -> T:
        array = self.library.convert(source.array, source.dtype, compute)
        perm = self._permutation(load, source.shape)
        if perm is None:
            return self._looked_up(load, array, source.shape, compute)
        moved = array if perm == tuple(range(len(perm))) else self.library.transpose(array, perm)
        extents = {a: self.axes[a].extent for a in (self._place(i) for i in load.index) if a is not None}
        shape = tuple(extents.get(i, 1) for i in range(len(self.axes)))
        return moved if shape == tuple(source.shape[p] for p in perm) else self.library.reshape(moved, shape)

    def _permutation(self, load: Load, shape: tuple[int, ...]) -> tuple[int, ...] | None:
        """The order of dimensions that follows the axes, where every index is a whole axis or a dimension of 1."""
        places = [self._place(index) for index in load.index]
        for index, place, extent in zip(load.index, places, shape):
            fits = extent == 1 and index == Affine() if place is None else self.axes[place].extent == extent
            if not fits:
                return None
        used = [p for p in places if p is not None]
        if len(set(used)) < len(used):
            return None
        return tuple(sorted(range(len(shape)), key=lambda d: (places[d] is not None, places[d] or 0)))

    def _place(self, index: Index) -> int | None:
        """Which axis the index is, if it is one."""
        if not isinstance(index, Affine) or index.constant or len(index.terms) != 1 or index.terms[0][1] != 1:
            return None
        return next(i for i, a in enumerate(self.axes) if a.name == index.terms[0][0])

    def _looked_up(self, load: Load, array: T, shape: tuple[int, ...], compute: DType) -> T:
        count = prod(shape)
        flat = self.library.reshape(array, (count,))
        if load.fill is not None:
            flat = self.library.joined(flat, self.library.constant(np.full((1,), load.fill), compute))
        if not any(_run_time(i) for i in load.index):
            return self.library.taken(flat, self.library.constant(self._positions(load, shape), I64))
        return self.library.taken(flat, self._positions_at_run_time(load, shape))

    def _positions(self, load: Load, shape: tuple[int, ...]) -> Array:
        """Where the elements are in the flattened tensor; beyond its end where they are outside."""
        total, inside = np.zeros((1,) * len(self.axes), np.int64), np.ones((1,) * len(self.axes), bool)
        for index, extent in zip(load.index, shape):
            found = self._fixed(index)
            inside = inside & (found >= 0) & (found < extent)
            total = total * extent + found
        return total if load.fill is None else np.where(inside, total, prod(shape))

    def _positions_at_run_time(self, load: Load, shape: tuple[int, ...]) -> T:
        total, tests = self._number(0), list[T]()
        for index, extent in zip(load.index, shape):
            found = self._index(index)
            if load.fill is not None and not isinstance(index, Computed):
                tests += [self._i64("le", self._number(0), found), self._i64("lt", found, self._number(extent))]
            total = self._i64("add", self._i64("mul", total, self._number(extent)), found)
        for test in tests:
            total = self.library.call("where", [test, total, self._number(prod(shape))], I64)
        return total

    def _index(self, index: Index) -> T:
        """An index at every point, as i64."""
        if not _run_time(index):
            return self.library.constant(self._fixed(index), I64)
        if isinstance(index, Sum):
            total = self._number(0)
            for part, factor in index.terms:
                total = self._i64("add", total, self._i64("mul", self._index(part), self._number(factor)))
            return total
        if isinstance(index, Computed):
            above = self._i64("maximum", self.stored(index.value, I64, I64), self._number(0))
            return self._i64("minimum", above, self._number(max(0, index.extent - 1)))
        assert not isinstance(index, Affine)
        # What is divided is never negative here: it is a clipped index, or a sum of such.
        inner, divisor = self._index(index.index), self._number(index.divisor)
        quotient = self._i64("div", inner, divisor)
        return quotient if isinstance(index, Div) else self._i64("sub", inner, self._i64("mul", quotient, divisor))

    def _i64(self, function: Function, x: T, y: T) -> T:
        return self.library.call(function, [x, y], I64)

    def _fixed(self, index: Index) -> NDArray[np.int64]:
        """An index known at compile time, at every point."""

        def whole(expr: Expr) -> NDArray[np.int64]:
            used = axes_in(Computed(expr, 1))
            axes = tuple(a if a.name in used else replace(a, extent=1) for a in self.axes)
            nest = Nest(tuple(replace(a, reduce=False) for a in axes), expr, I64, I64)
            return np.asarray(evaluate_nest(nest, ()), np.int64)

        return index_array(index, self.axes, whole)

    def _number(self, value: int) -> T:
        return self.library.constant(np.full((1,) * len(self.axes), value), I64)


def _run_time(index: Index) -> bool:
    """Does it read a tensor?"""
    return any(isinstance(p, Load) for found in computed(index) for p in parts(found.value))
