"""Gathers: elements of x at places that another tensor names at run time. Any element type.

An index counts from the end where it is negative; what is still outside the axis is taken as its nearest end, so that
no read leaves the tensor.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gossamer.ir.errors import IRError
from gossamer.ir.nest import Affine, Computed, Const, Expr, Index, Kernel, Load, Nest, apply, at
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import need_axis
from gossamer.ir.ops.nests import axes_of
from gossamer.ir.types import Quant, TensorType, Value


@dataclass(frozen=True)
class Gather(Op, name="tensor.gather"):
    """out[a.., i.., b..] = x[a.., indices[i..], b..], the index at `axis` (numpy's take)."""

    x: Value
    indices: Value
    axis: int = 0

    def infer(self) -> tuple[TensorType, ...]:
        need_indices(self.indices)
        axis = need_axis(self.axis, self.x.type.rank)
        shape = (*self.x.shape[:axis], *self.indices.shape, *self.x.shape[axis + 1 :])
        need_elements(self.x, axis, shape)
        return (TensorType(self.x.dtype, shape, self._quant(axis)),)

    def _quant(self, axis: int) -> Quant | None:
        quant = self.x.type.quant
        if quant is None or quant.axis is None or quant.axis < axis:
            return quant
        need_one_scale(self.x, axis)
        return replace(quant, axis=quant.axis + self.indices.type.rank - 1)

    def kernel(self) -> Kernel:
        out = self.infer()[0]
        axis, count = self.axis % self.x.type.rank, self.indices.type.rank
        here = [at(a.name) for a in axes_of(out.shape)]
        place = chosen(Load(1, tuple(here[axis : axis + count])), self.x.shape[axis])
        return gathered(out, (*here[:axis], place, *here[axis + count :]))


@dataclass(frozen=True)
class GatherElements(Op, name="tensor.gather_elements"):
    """out[p] = x[p with indices[p] at `axis`], shaped as the indices (torch's gather)."""

    x: Value
    indices: Value
    axis: int

    def infer(self) -> tuple[TensorType, ...]:
        need_indices(self.indices)
        axis = need_axis(self.axis, self.x.type.rank)
        need_within(self.indices, self.x, axis)
        need_elements(self.x, axis, self.indices.shape)
        need_one_scale(self.x, self.x.type.quant.axis if self.x.type.quant else None)
        return (TensorType(self.x.dtype, self.indices.shape, self.x.type.quant),)

    def kernel(self) -> Kernel:
        out, axis = self.infer()[0], self.axis % self.x.type.rank
        index: list[Index] = [at(a.name) for a in axes_of(out.shape)]
        index[axis] = chosen(Load(1, tuple(index)), self.x.shape[axis])
        return gathered(out, index)


@dataclass(frozen=True)
class GatherND(Op, name="tensor.gather_nd"):
    """out[b.., i.., s..] = x[b.., indices[b.., i.., :].., s..]: the last axis of the indices is a place in x.

    The first `batch_dims` axes are walked in step.
    """

    x: Value
    indices: Value
    batch_dims: int = 0

    def infer(self) -> tuple[TensorType, ...]:
        need_indices(self.indices)
        depth = self._depth()
        shape = (*self.indices.shape[:-1], *self.x.shape[self.batch_dims + depth :])
        for axis in range(self.batch_dims, self.batch_dims + depth):
            need_elements(self.x, axis, shape)
        need_one_scale(self.x, self.x.type.quant.axis if self.x.type.quant else None)
        return (TensorType(self.x.dtype, shape, self.x.type.quant),)

    def _depth(self) -> int:
        """How many axes of x an index names."""
        batch, x, indices = self.batch_dims, self.x, self.indices
        if indices.type.rank < 1 or not 0 <= batch < indices.type.rank or x.shape[:batch] != indices.shape[:batch]:
            found = f"batch_dims is {batch}, x has shape {x.shape}, the indices {indices.shape}"
            raise IRError(f"{found}, needed equal batch axes in front and one axis of indices after them")
        if batch + indices.shape[-1] > x.type.rank:
            found = f"the indices name {indices.shape[-1]} axes"
            raise IRError(f"{found}, needed at most {x.type.rank - batch}: those of x ({x.shape}) after the batch")
        return indices.shape[-1]

    def kernel(self) -> Kernel:
        out, depth = self.infer()[0], self._depth()
        here, outer = [at(a.name) for a in axes_of(out.shape)], self.indices.type.rank - 1
        places: list[Index] = [
            chosen(Load(1, (*here[:outer], Affine((), i))), self.x.shape[self.batch_dims + i]) for i in range(depth)
        ]
        return gathered(out, (*here[: self.batch_dims], *places, *here[outer:]))


def gathered(out: TensorType, index: Sequence[Index]) -> Kernel:
    """out[p] = x[index(p)] where the index reads operand 1; in the element type itself."""
    return Kernel(2, (Nest(axes_of(out.shape), Load(0, tuple(index)), out.dtype, out.dtype),), (0,))


def chosen(index: Load, extent: int) -> Computed:
    """An index read at run time, as an index into an axis of `extent`."""
    # An axis without elements is only ever read for results without elements.
    return Computed(wrapped(index, extent), max(1, extent))


def wrapped(index: Load, extent: int) -> Expr:
    """The index as a number, counted from the end where it is negative."""
    return apply("where", apply("lt", index, Const(0.0)), apply("add", index, Const(float(extent))), index)


def need_indices(indices: Value) -> None:
    """Plain integers."""
    if not indices.dtype.integer or indices.type.quant is not None:
        raise IRError(f"the indices are {indices.dtype}, needed a plain integer type, such as i64")


def need_within(indices: Value, x: Value, axis: int) -> None:
    """Indices of x's rank whose extents are no larger than x's but along `axis`."""
    if indices.type.rank != x.type.rank:
        raise IRError(f"the indices have shape {indices.shape}, needed {x.type.rank} dimensions as x has")
    if any(i > e for k, (i, e) in enumerate(zip(indices.shape, x.shape)) if k != axis):
        raise IRError(f"the indices have shape {indices.shape}, needed no more than {x.shape} but for axis {axis}")


def need_elements(x: Value, axis: int, shape: tuple[int, ...]) -> None:
    """Something to choose from, where anything is chosen."""
    if x.shape[axis] == 0 and 0 not in shape:
        raise IRError(f"x has shape {x.shape}, needed at least one element along axis {axis} to choose from")


def need_one_scale(x: Value, axis: int | None) -> None:
    if axis is not None and x.type.quant is not None and x.type.quant.axis == axis:
        raise IRError(f"x has one scale per index of axis {axis}, needed one scale: cast to f32 first")
