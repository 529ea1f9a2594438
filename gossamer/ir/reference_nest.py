"""Evaluating one loop nest with numpy: what a kernel means, at the speed of strided views and BLAS.

Every expression becomes an array with one dimension per axis of the nest, of extent 1 where it does not depend on that
axis. An affine load is a strided view (of a padded copy, where it may leave the tensor), so nothing is gathered; a sum
of products is one matrix product. `exact` computes in float64 what is computed in float32 otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, prod

import numpy as np

from gossamer.ir.graph import Array
from gossamer.ir.index import axes_in
from gossamer.ir.inputs import held
from gossamer.ir.nest import (
    Acc,
    Affine,
    Apply,
    Axis,
    Const,
    Convert,
    Expr,
    Index,
    IndexValue,
    Kernel,
    Load,
    Nest,
    Reduction,
    Table,
    parts,
)
from gossamer.ir.reference_load import gathered, index_array, viewed
from gossamer.ir.reference_product import contracted
from gossamer.ir.reference_split import split_axes
from gossamer.ir.scalar import FUNCTIONS, Numbers
from gossamer.ir.types import I64, DType

REDUCTIONS = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}

OF_NOTHING: dict[Reduction, float] = {"sum": 0.0, "prod": 1.0, "max": -inf, "min": inf}
"""What a reduction over no points gives; of integers the smallest or largest number instead of an infinity."""


def evaluate_kernel(kernel: Kernel, operands: Sequence[Array], exact: bool = False) -> tuple[Array, ...]:
    """The results of a kernel on its operands (in the types the kernel's op has them in)."""
    slots: list[Numbers] = list(operands)
    for stage in kernel.stages:
        slots.append(evaluate_nest(stage, slots, exact))
    return tuple(slots[kernel.operands + i] for i in kernel.results)


def evaluate_nest(nest: Nest, slots: Sequence[Numbers], exact: bool = False) -> Numbers:
    """The stage's result; slots[k] is what `Load(k, ...)` reads."""
    if 0 in nest.shape:
        return np.zeros(nest.shape, held(nest.dtype, exact))
    plain = split_axes(nest)
    body = _Frame(plain.axes, slots, exact)
    with np.errstate(all="ignore"):
        if plain.reduce is None:
            value = body.value(plain.body, plain.compute)
        else:
            value = body.reduced(plain)
            if plain.epilogue is not None:
                value = _Frame(plain.parallel, slots, exact, value).stored(plain)
        stored = rounded(value, nest.dtype, exact)
    return np.ascontiguousarray(np.broadcast_to(stored, plain.shape)).reshape(nest.shape)


def rounded(value: Numbers, dtype: DType, exact: bool = False) -> Numbers:
    """The value as storing it in `dtype` leaves it; bf16 and fp8 are rounded, though kept in float32."""
    if dtype.kind in ("bf", "f8e4m3", "f8e5m2"):
        import ml_dtypes  # slow to import, and few nets need it

        narrow = {"bf": ml_dtypes.bfloat16, "f8e4m3": ml_dtypes.float8_e4m3fn, "f8e5m2": ml_dtypes.float8_e5m2}
        return value.astype(np.float32).astype(narrow[dtype.kind]).astype(np.float32)
    return value.astype(held(dtype, exact), copy=False)


@dataclass(frozen=True)
class _Frame:
    """The axes that expressions are evaluated over, and what they read."""

    axes: tuple[Axis, ...]
    slots: Sequence[Numbers]
    exact: bool
    acc: Numbers | None = None

    def value(self, expr: Expr, compute: DType) -> Numbers:
        """The expression over all axes, computed in `compute`."""
        return self.array(expr, held(compute, self.exact))

    def stored(self, nest: Nest) -> Numbers:
        """The epilogue; an outermost Convert gives what is stored, and is not brought back to the sum's type."""
        assert nest.epilogue is not None
        if isinstance(nest.epilogue, Convert):
            return self.value(nest.epilogue.value, nest.epilogue.compute)
        return self.value(nest.epilogue, nest.compute)

    def array(self, expr: Expr, kind: "np.dtype[np.generic]") -> Numbers:
        """The expression over all axes, computed in a numpy type."""
        lifted = self._lifted(expr, kind)
        if lifted is not None:
            return lifted
        if isinstance(expr, Apply):
            result = FUNCTIONS[expr.function](*(self.array(a, kind) for a in expr.args))
            return result.astype(kind, copy=False)
        if isinstance(expr, Convert):
            inner = rounded(self.value(expr.value, expr.compute), expr.dtype, self.exact)
            return inner.astype(kind, copy=False)
        return self._leaf(expr, kind)

    def _leaf(self, expr: Expr, kind: "np.dtype[np.generic]") -> Numbers:
        if isinstance(expr, Load):
            return self._load(expr, self.slots[expr.operand].astype(kind, copy=False))
        if isinstance(expr, Acc):
            assert self.acc is not None  # verified nests have Acc in epilogues only
            return self.acc.astype(kind, copy=False)
        if isinstance(expr, Const):
            return np.full((1,) * len(self.axes), expr.value).astype(kind)
        if isinstance(expr, Table):
            return np.asarray(expr.values).astype(kind)[self._index(expr.index)]
        assert isinstance(expr, IndexValue)
        return self._index(expr.index).astype(kind)

    def _index(self, index: Index) -> Numbers:
        return index_array(index, self.axes, self._whole)

    def _whole(self, expr: Expr) -> Numbers:
        return self.value(expr, I64)

    def _load(self, load: Load, array: Numbers) -> Numbers:
        if all(isinstance(i, Affine) for i in load.index):
            return viewed(load, array, self.axes)
        return gathered(load, array, self.axes, self._whole)

    def _lifted(self, expr: Expr, kind: "np.dtype[np.generic]") -> Numbers | None:
        """Arithmetic on one load and constants is done before the tensor is viewed: a window repeats elements."""
        if not isinstance(expr, Apply):
            return None
        leaves = [p for p in parts(expr) if not isinstance(p, Apply)]
        loads = [p for p in leaves if isinstance(p, Load)]
        if len(loads) != 1 or any(not isinstance(p, (Load, Const)) for p in leaves):
            return None
        array, load = self.slots[loads[0].operand], loads[0]
        if prod(a.extent for a in self.axes if a.name in _used(load)) < array.size:
            return None
        whole = _pointwise(expr, array.astype(kind, copy=False))
        fill = load.fill
        if fill is not None:
            fill = float(_pointwise(expr, np.asarray([fill]).astype(kind))[0])
        return self._load(Load(load.operand, load.index, fill), whole)

    def reduced(self, nest: Nest) -> Numbers:
        """The accumulator over the parallel axes."""
        assert nest.reduce is not None
        if any(a.extent == 0 for a in nest.reduction):
            return np.full(nest.shape, _of_nothing(nest.reduce, held(nest.compute, self.exact)))
        product = self._product(nest)
        if product is not None:
            return product
        value = self.value(nest.body, nest.compute)
        places = tuple(i for i, a in enumerate(self.axes) if a.reduce)
        shape = [a.extent if a.reduce else value.shape[i] for i, a in enumerate(self.axes)]
        return REDUCTIONS[nest.reduce].reduce(np.broadcast_to(value, shape), axis=places, dtype=value.dtype)

    def _product(self, nest: Nest) -> Numbers | None:
        """The accumulator of a sum of products, exact for integers."""
        body = nest.body
        if nest.reduce != "sum" or not isinstance(body, Apply) or body.function != "mul":
            return None
        kind = held(nest.compute, self.exact)
        carrier = kind if kind.kind == "f" else self._carrier(body.args, nest)
        left, right = (self.array(a, carrier) for a in body.args)
        return contracted(self.axes, left, right).astype(kind, copy=False)

    def _carrier(self, factors: tuple[Expr, ...], nest: Nest) -> "np.dtype[np.generic]":
        """A float type that holds every partial sum exactly, since BLAS is far faster than integer products."""
        reach = prod(_reach(factor, self.slots) for factor in factors) * prod(a.extent for a in nest.reduction)
        if reach < 1 << 24:
            return np.dtype(np.float32)
        return np.dtype(np.float64 if reach < 1 << 53 else np.int64)


def _of_nothing(reduce: Reduction, kind: "np.dtype[np.generic]") -> Numbers:
    value = OF_NOTHING[reduce]
    if kind.kind in "iu" and abs(value) == inf:
        limits = np.iinfo(kind.str)
        value = limits.min if value < 0 else limits.max
    return np.asarray(value, dtype=kind)


def _used(load: Load) -> set[str]:
    return {name for index in load.index for name in axes_in(index)}


def _pointwise(expr: Expr, array: Numbers) -> Numbers:
    """An expression of one load, which reads `array`, and constants."""
    if isinstance(expr, Apply):
        result = FUNCTIONS[expr.function](*(_pointwise(a, array) for a in expr.args))
        return result.astype(array.dtype, copy=False)
    return array.dtype.type(expr.value) if isinstance(expr, Const) else array


def _reach(factor: Expr, slots: Sequence[Numbers]) -> int:
    """A bound on the factor's magnitude; beyond any float's exactness where it is not a load less a constant."""
    load, shift = factor, 0
    if isinstance(factor, Apply) and factor.function == "sub" and isinstance(factor.args[1], Const):
        load, shift = factor.args[0], int(abs(factor.args[1].value))
    if not isinstance(load, Load):
        return 1 << 60
    array = slots[load.operand]
    largest = max(abs(int(array.max())), abs(int(array.min())), int(abs(load.fill or 0))) if array.size else 0
    return largest + shift
