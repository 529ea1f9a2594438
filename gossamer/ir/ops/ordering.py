"""Order along one axis: where the largest element is, and the k largest. `axis` may count from the end.

NaN counts as larger than every number, as in numpy and torch; of equal elements the one of the lowest index is first.
"""

from dataclasses import dataclass

from gossamer.ir.errors import IRError
from gossamer.ir.nest import (
    Affine,
    Axis,
    Computed,
    Const,
    Convert,
    Expr,
    IndexValue,
    Kernel,
    Load,
    Nest,
    Reduction,
    apply,
    at,
)
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import need_axis, need_unquantized
from gossamer.ir.ops.nests import axes_of, compute_type, reduced_name
from gossamer.ir.types import BOOL, I32, I64, DType, TensorType, Value


@dataclass(frozen=True)
class ArgMax(Op, name="math.arg_max"):
    """Index (i64) of the largest element along `axis`: the first such, or with `last` the last."""

    x: Value
    axis: int
    keepdims: bool = True
    last: bool = False

    def infer(self) -> tuple[TensorType, ...]:
        return _arg_type(self)

    def kernel(self) -> Kernel:
        return _arg_kernel(self, "max")


@dataclass(frozen=True)
class ArgMin(Op, name="math.arg_min"):
    """Index (i64) of the smallest element along `axis`: the first such, or with `last` the last."""

    x: Value
    axis: int
    keepdims: bool = True
    last: bool = False

    def infer(self) -> tuple[TensorType, ...]:
        return _arg_type(self)

    def kernel(self) -> Kernel:
        return _arg_kernel(self, "min")


@dataclass(frozen=True)
class TopK(Op, name="tensor.top_k"):
    """The k largest elements along `axis` (smallest unless `largest`), best first, and their indices (i64).

    An element's rank is the number of elements better than it, so k * n + n * n comparisons give the answer without
    a sort: meant for the n of classifiers and beams, not for a million.
    """

    x: Value
    k: int
    axis: int = -1
    largest: bool = True

    def infer(self) -> tuple[TensorType, ...]:
        need_unquantized("x", self.x)
        axis = need_axis(self.axis, self.x.type.rank)
        if not 0 <= self.k <= self.x.shape[axis]:
            raise IRError(f"k is {self.k}, needed 0..{self.x.shape[axis]}, the extent of axis {axis}")
        shape = (*self.x.shape[:axis], self.k, *self.x.shape[axis + 1 :])
        return TensorType(self.x.dtype, shape), TensorType(I64, shape)

    def kernel(self) -> Kernel:
        """Stages: the rank of every element, the index of every rank, the elements there."""
        out = self.infer()[0]
        axis, rank = self.axis % out.rank, out.rank
        loop = Axis(reduced_name(axis, rank), self.x.shape[axis], reduce=True)
        ranks = self._ranks(axis, loop)
        axes = axes_of(out.shape)
        here = [at(a.name) for a in axes]
        along = _with(here, axis, at(loop.name))
        found = apply("eq", Load(1, along), IndexValue(here[axis]))
        chosen = apply("where", found, IndexValue(at(loop.name)), Const(float(max(0, loop.extent - 1))))
        indices = Nest((*axes, loop), chosen, I32, I64, "min")
        place = Computed(Load(2, tuple(here)), max(1, loop.extent))
        values = Nest(axes, Load(0, (*here[:axis], place, *here[axis + 1 :])), out.dtype, out.dtype)
        return Kernel(1, (ranks, indices, values), (2, 1))

    def _ranks(self, axis: int, loop: Axis) -> Nest:
        axes = axes_of(self.x.shape)
        here = [at(a.name) for a in axes]
        own, other = Load(0, tuple(here)), Load(0, _with(here, axis, at(loop.name)))
        before = apply("lt", IndexValue(at(loop.name)), IndexValue(here[axis]))
        better, worse = (_beyond(a, b, self.x.dtype) for a, b in ((other, own), (own, other)))
        better, worse = (better, worse) if self.largest else (worse, better)
        first = apply("or", better, apply("and", before, apply("not", worse)))
        return Nest((*axes, loop), apply("where", first, Const(1.0), Const(0.0)), I32, I32, "sum")


def _beyond(x: Expr, y: Expr, dtype: DType) -> Expr:
    """Whether x comes above y, NaN above all numbers."""
    above = apply("lt", y, x)
    if dtype.floating:
        above = apply("or", above, apply("and", _is_nan(x), apply("eq", y, y)))
    return Convert(above, compute_type(dtype), BOOL)


def _is_nan(x: Expr) -> Expr:
    return apply("not", apply("eq", x, x))


def _arg_type(op: ArgMax | ArgMin) -> tuple[TensorType, ...]:
    need_unquantized("x", op.x)
    axis = need_axis(op.axis, op.x.type.rank)
    if op.x.shape[axis] == 0:
        raise IRError(f"x has shape {op.x.shape}, needed at least one element along axis {axis}")
    kept = (1,) if op.keepdims else ()
    return (TensorType(I64, (*op.x.shape[:axis], *kept, *op.x.shape[axis + 1 :])),)


def _arg_kernel(op: ArgMax | ArgMin, reduce: Reduction) -> Kernel:
    """Stages: the extreme value of every row, the first (or last) index where it stands."""
    axis, rank, extent = op.axis % op.x.type.rank, op.x.type.rank, op.x.shape[op.axis]
    axes = axes_of(_arg_type(op)[0].shape)
    loop = Axis(reduced_name(axis, rank), extent, reduce=True)
    outer = [at(a.name) for a in axes]
    along = _with(outer, axis, at(loop.name)) if op.keepdims else (*outer[:axis], at(loop.name), *outer[axis:])
    row = _with(outer, axis, Affine()) if op.keepdims else tuple(outer)
    kind = compute_type(op.x.dtype)
    x, extreme = Load(0, along), Load(1, row)
    found: Expr = apply("eq", x, extreme)
    if op.x.dtype.floating:
        found = apply("or", found, _is_nan(x))
    index = apply("where", Convert(found, kind, BOOL), IndexValue(at(loop.name)), _none(op.last, extent))
    best = Nest((*axes, loop), x, kind, kind, reduce)
    return Kernel(1, (best, Nest((*axes, loop), index, I32, I64, "max" if op.last else "min")), (1,))


def _none(last: bool, extent: int) -> Const:
    """What an index that is not wanted counts as."""
    return Const(0.0 if last else float(extent - 1))


def _with(index: list[Affine], axis: int, own: Affine) -> tuple[Affine, ...]:
    return (*index[:axis], own, *index[axis + 1 :])
