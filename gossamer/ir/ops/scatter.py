"""Scatters: x with elements replaced by updates at places that another tensor names at run time.

They are written as gathers: an element of the result looks for the updates that name it, so that no two writes race.
Where several updates name one element, the last one stands ("none"), or all are combined with the element by the
`reduction`. A negative index counts from the end; one that is still outside names no element.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce as folded
from math import inf, prod
from typing import Literal, TypeAlias

from gossamer.ir.errors import IRError
from gossamer.ir.nest import (
    Affine,
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
    Mod,
    Nest,
    Reduction,
    apply,
    at,
)
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import need_arithmetic, need_axis, need_same_dtype, need_unquantized
from gossamer.ir.ops.indexing import need_indices, need_within, wrapped
from gossamer.ir.ops.nests import axes_of, compute_type
from gossamer.ir.types import BOOL, I32, I64, DType, TensorType, Value

Scattering: TypeAlias = Literal["none", "add", "mul", "max", "min"]

_FOLDS: dict[str, tuple[Reduction, Function, float]] = {
    "add": ("sum", "add", 0.0),
    "mul": ("prod", "mul", 1.0),
    "max": ("max", "maximum", -inf),
    "min": ("min", "minimum", inf),
}
"""How updates are combined with each other and with the element, and what no update counts as."""


@dataclass(frozen=True)
class ScatterElements(Op, name="tensor.scatter_elements"):
    """x, but out[p with indices[p] at `axis`] is updates[p] (combined with it), for every p of the indices' shape."""

    x: Value
    indices: Value
    updates: Value
    axis: int
    reduction: Scattering = "none"

    def infer(self) -> tuple[TensorType, ...]:
        _check(self)
        need_within(self.indices, self.x, need_axis(self.axis, self.x.type.rank))
        if self.updates.shape != self.indices.shape:
            raise IRError(f"updates has shape {self.updates.shape}, needed {self.indices.shape}, one per index")
        return (self.x.type,)

    def kernel(self) -> Kernel:
        axis, extent = self.axis % self.x.type.rank, self.x.shape[self.axis]
        here = [at(a.name) for a in axes_of(self.x.shape)]
        loop = Axis("u0", self.indices.shape[axis], reduce=True)

        def place(own: Index) -> tuple[Index, ...]:
            return (*here[:axis], own, *here[axis + 1 :])

        # Outside the indices' shape there is no update: `extent` is no index of the axis.
        index = Load(1, place(at(loop.name)), float(extent))
        hit = apply("eq", wrapped(index, extent), IndexValue(here[axis]))
        winner = Computed(Load(3, tuple(here)), max(1, loop.extent))
        return _scattered(self, (loop,), hit, place(at(loop.name)), place(winner))


@dataclass(frozen=True)
class ScatterND(Op, name="tensor.scatter_nd"):
    """x, but out[indices[u.., :].., s..] is updates[u.., s..] (combined with it), for every u."""

    x: Value
    indices: Value
    updates: Value
    reduction: Scattering = "none"

    def infer(self) -> tuple[TensorType, ...]:
        _check(self)
        rank, indices = self.x.type.rank, self.indices
        if indices.type.rank < 1 or indices.shape[-1] > rank:
            raise IRError(f"the indices have shape {indices.shape}, needed a last axis of at most {rank}: a place in x")
        needed = (*indices.shape[:-1], *self.x.shape[indices.shape[-1] :])
        if self.updates.shape != needed:
            raise IRError(f"updates has shape {self.updates.shape}, needed {needed}: the rest of x per index")
        return (self.x.type,)

    def kernel(self) -> Kernel:
        here, depth = [at(a.name) for a in axes_of(self.x.shape)], self.indices.shape[-1]
        loops = tuple(Axis(f"u{i}", e, reduce=True) for i, e in enumerate(self.indices.shape[:-1]))
        step = [at(loop.name) for loop in loops]
        tests: list[Expr] = []
        for i in range(depth):
            index = wrapped(Load(1, (*step, Affine((), i))), self.x.shape[i])
            tests.append(apply("eq", index, IndexValue(here[i])))
        hit = folded(lambda a, b: apply("and", a, b), tests) if tests else apply("eq", Const(0.0), Const(0.0))
        winner = _unravelled(Computed(Load(3, tuple(here)), max(1, prod(a.extent for a in loops))), loops)
        return _scattered(self, loops, hit, (*step, *here[depth:]), (*winner, *here[depth:]))


def _check(op: ScatterElements | ScatterND) -> None:
    need_indices(op.indices)
    if op.reduction not in ("none", *_FOLDS):
        raise IRError(f"reduction is '{op.reduction}', needed one of none, {', '.join(_FOLDS)}")
    for name, value in (("x", op.x), ("updates", op.updates)):
        (need_unquantized if op.reduction == "none" else need_arithmetic)(name, value)
    need_same_dtype("x and updates", op.x, op.updates)


def _scattered(
    op: ScatterElements | ScatterND,
    loops: tuple[Axis, ...],
    hit: Expr,
    update: tuple[Index, ...],
    winner: tuple[Index, ...],
) -> Kernel:
    """`hit`: whether the update of this step names this element; `winner`: where the one found by stage 0 is."""
    axes, dtype, found = axes_of(op.x.shape), op.x.dtype, Convert(hit, I64, BOOL)
    here = tuple(at(a.name) for a in axes)
    if op.reduction == "none":
        last = apply("where", found, IndexValue(_position(loops)), Const(-1.0))
        unnamed = Convert(apply("lt", Load(3, here), Const(0.0)), I32, BOOL)
        value = apply("where", unnamed, Load(0, here), Load(2, winner, 0.0))
        return Kernel(3, (Nest((*axes, *loops), last, I32, I32, "max"), Nest(axes, value, dtype, dtype)), (1,))
    reduce, function, nothing = _FOLDS[op.reduction]
    kind = compute_type(dtype)
    own = apply("where", found, Load(2, update, 0.0), Const(_bounded(nothing, kind)))
    total = apply(function, Load(0, here), Load(3, here))
    return Kernel(3, (Nest((*axes, *loops), own, kind, kind, reduce), Nest(axes, total, kind, dtype)), (1,))


def _bounded(value: float, kind: DType) -> float:
    """Infinity as the largest number of an integer type."""
    if not kind.integer or abs(value) != inf:
        return value
    return kind.high if value > 0 else kind.low


def _position(loops: Sequence[Axis]) -> Affine:
    """Row-major position of a step."""
    position = Affine()
    for loop in loops:
        position = position * loop.extent + at(loop.name)
    return position


def _unravelled(position: Index, loops: Sequence[Axis]) -> list[Index]:
    """A row-major position as one index per loop."""
    found: list[Index] = []
    for i, loop in enumerate(loops):
        inner = prod(a.extent for a in loops[i + 1 :])
        outer = position if inner <= 1 else Div(position, inner)
        found.append(outer if i == 0 else Mod(outer, max(1, loop.extent)))
    return found
