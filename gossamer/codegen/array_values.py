"""Expressions of loop nests as whole arrays: one dimension per axis, of extent 1 where a value does not depend on it.

A read that is a permutation is a transpose; any other is a look-up in the flattened tensor at positions that are a
constant, or computed where the index is; what may lie outside looks up one more element, the fill.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from gossamer.codegen.arrays import Arrays, Held, T
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
    Load,
    Nest,
    Sum,
    Table,
    computed,
    parts,
)
from gossamer.ir.reference_load import index_array
from gossamer.ir.reference_nest import evaluate_nest
from gossamer.ir.types import BOOL, I64, DType


@dataclass(frozen=True)
class Frame(Generic[T]):
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
