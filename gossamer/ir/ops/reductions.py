"""Reductions over whole dimensions and softmax. Global average pooling is ReduceMean with axes (2, 3).

`axes` may count from the end; () reduces every dimension. With `keepdims` a reduced dimension stays with extent 1.
"""

from dataclasses import dataclass, replace
from math import prod

from gossamer.ir.errors import IRError
from gossamer.ir.nest import Acc, Affine, Axis, Const, Expr, Kernel, Load, Nest, Reduction, apply, at, single
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import need_arithmetic, need_axis, need_float
from gossamer.ir.ops.nests import axes_of, compute_type, reduced_name
from gossamer.ir.types import TensorType, Value


@dataclass(frozen=True)
class ReduceMean(Op, name="math.reduce_mean"):
    """Mean of x over `axes`; of nothing NaN. Floats only."""

    x: Value
    axes: tuple[int, ...]
    keepdims: bool = True

    def infer(self) -> tuple[TensorType, ...]:
        need_float("x", self.x)
        return (_reduced(self.x, self.axes, self.keepdims),)

    def kernel(self) -> Kernel:
        count = prod(self.x.shape[a] for a in _normal(self.axes, self.x.type.rank))
        return _reduction(self, "sum", apply("div", Acc(), Const(float(count))))


@dataclass(frozen=True)
class ReduceSum(Op, name="math.reduce_sum"):
    """Sum of x over `axes`; of nothing 0."""

    x: Value
    axes: tuple[int, ...]
    keepdims: bool = True

    def infer(self) -> tuple[TensorType, ...]:
        need_arithmetic("x", self.x)
        return (_reduced(self.x, self.axes, self.keepdims),)

    def kernel(self) -> Kernel:
        return _reduction(self, "sum")


@dataclass(frozen=True)
class ReduceProd(Op, name="math.reduce_prod"):
    """Product of x over `axes`; of nothing 1."""

    x: Value
    axes: tuple[int, ...]
    keepdims: bool = True

    def infer(self) -> tuple[TensorType, ...]:
        need_arithmetic("x", self.x)
        return (_reduced(self.x, self.axes, self.keepdims),)

    def kernel(self) -> Kernel:
        return _reduction(self, "prod")


@dataclass(frozen=True)
class ReduceMax(Op, name="math.reduce_max"):
    """Largest element of x over `axes`; of no floats -inf."""

    x: Value
    axes: tuple[int, ...]
    keepdims: bool = True

    def infer(self) -> tuple[TensorType, ...]:
        need_arithmetic("x", self.x)
        _need_extremes(self.x, self.axes)
        return (_reduced(self.x, self.axes, self.keepdims),)

    def kernel(self) -> Kernel:
        return _reduction(self, "max")


@dataclass(frozen=True)
class ReduceMin(Op, name="math.reduce_min"):
    """Smallest element of x over `axes`; of no floats inf."""

    x: Value
    axes: tuple[int, ...]
    keepdims: bool = True

    def infer(self) -> tuple[TensorType, ...]:
        need_arithmetic("x", self.x)
        _need_extremes(self.x, self.axes)
        return (_reduced(self.x, self.axes, self.keepdims),)

    def kernel(self) -> Kernel:
        return _reduction(self, "min")


@dataclass(frozen=True)
class Softmax(Op, name="nn.softmax"):
    """exp(x - max) / sum(exp(x - max)) along `axis`; the maximum is taken off so that nothing overflows."""

    x: Value
    axis: int = -1

    def infer(self) -> tuple[TensorType, ...]:
        need_float("x", self.x)
        need_axis(self.axis, self.x.type.rank)
        return (self.x.type,)

    def kernel(self) -> Kernel:
        """Stages: maximum, exponentials, their sum, the quotient."""
        axis, full = self.axis % self.x.type.rank, axes_of(self.x.shape)
        narrow = tuple(replace(a, extent=1) if i == axis else a for i, a in enumerate(full))
        loop = Axis(reduced_name(axis, len(full)), self.x.shape[axis], reduce=True)
        every = tuple(at(a.name) for a in full)
        along = tuple(at(loop.name) if i == axis else e for i, e in enumerate(every))
        per_row = tuple(Affine() if i == axis else e for i, e in enumerate(every))
        kind = compute_type(self.x.dtype)

        def over(body: Load, reduce: Reduction) -> Nest:
            return Nest((*narrow, loop), body, kind, kind, reduce)

        shifted = apply("exp", apply("sub", Load(0, every), Load(1, per_row)))
        quotient = apply("div", Load(2, every), Load(3, per_row))
        stages = (
            over(Load(0, along), "max"),
            Nest(full, shifted, kind, kind),
            over(Load(2, along), "sum"),
            Nest(full, quotient, kind, self.x.dtype),
        )
        return Kernel(1, stages, (3,))


def _normal(axes: tuple[int, ...], rank: int) -> tuple[int, ...]:
    return tuple(sorted(need_axis(a, rank) for a in axes)) or tuple(range(rank))


def _need_extremes(x: Value, axes: tuple[int, ...]) -> None:
    if x.dtype.integer and any(x.shape[a] == 0 for a in _normal(axes, x.type.rank)):
        raise IRError(f"x has shape {x.shape}, needed elements along axes {axes}: {x.dtype} has no infinity")


def _reduced(x: Value, axes: tuple[int, ...], keepdims: bool) -> TensorType:
    gone = _normal(axes, x.type.rank)
    if len(set(gone)) < len(gone):
        raise IRError(f"axes is {axes}, needed each axis once")
    kept = tuple(1 if i in gone else e for i, e in enumerate(x.shape) if keepdims or i not in gone)
    return TensorType(x.dtype, kept)


def _reduction(
    op: ReduceMean | ReduceSum | ReduceProd | ReduceMax | ReduceMin, reduce: Reduction, epilogue: Expr | None = None
) -> Kernel:
    x, rank = op.x, op.x.type.rank
    gone = _normal(op.axes, rank)
    axes = axes_of(_reduced(x, op.axes, op.keepdims).shape)
    kept = iter(axes)
    index: list[Affine] = []
    for i in range(rank):
        own = next(kept, None) if op.keepdims or i not in gone else None
        index.append(at(reduced_name(i, rank)) if i in gone or own is None else at(own.name))
    loops = tuple(Axis(reduced_name(i, rank), x.shape[i], reduce=True) for i in gone)
    return single(1, Nest((*axes, *loops), Load(0, tuple(index)), compute_type(x.dtype), x.dtype, reduce, epilogue))
