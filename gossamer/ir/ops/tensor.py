"""Data movement without arithmetic: any element type, quantised types with one scale are kept.

A type with one scale per index keeps it where the op leaves that axis alone or moves it whole (transpose).
"""

from dataclasses import dataclass, replace
from math import prod

from gossamer.ir.errors import IRError
from gossamer.ir.nest import Const, Expr, Index, IndexValue, Kernel, Load, Nest, apply, at, single
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import need_axis
from gossamer.ir.ops.nests import axes_of, compute_type, moved
from gossamer.ir.ops.padding import PadMode, check_mode, repeated_index
from gossamer.ir.ops.reshaping import reshaped_index
from gossamer.ir.types import Quant, TensorType, Value


@dataclass(frozen=True)
class Reshape(Op, name="tensor.reshape"):
    """The same elements in the same (row-major) order under another shape; every extent given."""

    x: Value
    shape: tuple[int, ...]

    def infer(self) -> tuple[TensorType, ...]:
        if any(e < 0 for e in self.shape) or prod(self.shape) != self.x.type.elements:
            count = self.x.type.elements
            raise IRError(f"shape is {self.shape}, needed extents whose product is {count}, as in {self.x.shape}")
        return (TensorType(self.x.dtype, self.shape, self._quant()),)

    def _quant(self) -> Quant | None:
        quant = self.x.type.quant
        if quant is None or quant.axis is None:
            return quant
        old, new, axis = self.x.shape, self.shape, quant.axis
        for i, extent in enumerate(new):
            # The axis survives where it has its extent still and as many elements in front of it.
            if extent == old[axis] and prod(new[:i]) == prod(old[:axis]):
                return replace(quant, axis=i)
        raise IRError(f"x has one scale per index of axis {axis}, needed a shape that keeps it: cast to f32 first")

    def kernel(self) -> Kernel:
        out = self.infer()[0]
        return moved(out, reshaped_index(self.x.shape, axes_of(self.shape)))


@dataclass(frozen=True)
class Transpose(Op, name="tensor.transpose"):
    """Dimension i of the result is dimension perm[i] of x."""

    x: Value
    perm: tuple[int, ...]

    def infer(self) -> tuple[TensorType, ...]:
        if sorted(self.perm) != list(range(self.x.type.rank)):
            raise IRError(f"perm is {self.perm}, needed each of the {self.x.type.rank} dimensions of x once, from 0")
        quant = self.x.type.quant
        if quant is not None and quant.axis is not None:
            quant = replace(quant, axis=self.perm.index(quant.axis))
        return (TensorType(self.x.dtype, tuple(self.x.shape[p] for p in self.perm), quant),)

    def kernel(self) -> Kernel:
        out = self.infer()[0]
        axes = axes_of(out.shape)
        return moved(out, tuple(at(axes[self.perm.index(i)].name) for i in range(len(self.perm))))


@dataclass(frozen=True)
class Concat(Op, name="tensor.concat"):
    """The inputs one after the other along `axis`. One element type and one scale for all."""

    inputs: tuple[Value, ...]
    axis: int

    def infer(self) -> tuple[TensorType, ...]:
        if not self.inputs:
            raise IRError("there are 0 inputs, needed at least 1")
        first = self.inputs[0]
        axis = need_axis(self.axis, first.type.rank)
        for i, value in enumerate(self.inputs[1:], 1):
            self._check(first, i, value, axis)
        if first.type.quant is not None and first.type.quant.axis == axis:
            raise IRError(f"inputs have one scale per index of axis {axis}, needed one scale: cast to f32 first")
        total = sum(v.shape[axis] for v in self.inputs)
        return (first.type.with_shape((*first.shape[:axis], total, *first.shape[axis + 1 :])),)

    @staticmethod
    def _check(first: Value, i: int, value: Value, axis: int) -> None:
        if value.type.rank != first.type.rank or any(
            a != b for k, (a, b) in enumerate(zip(first.shape, value.shape)) if k != axis
        ):
            raise IRError(f"input {i} has shape {value.shape}, needed {first.shape} but for axis {axis}")
        if value.dtype != first.dtype or value.type.quant != first.type.quant:
            raise IRError(f"input {i} is {value.dtype}, input 0 {first.dtype}, needed one type, one scale: cast first")

    def kernel(self) -> Kernel:
        out = self.infer()[0]
        axes, axis = axes_of(out.shape), need_axis(self.axis, out.rank)
        offset, starts, loads = 0, list[int](), list[Expr]()
        for k, value in enumerate(self.inputs):
            index = tuple(at(a.name) - (offset if i == axis else 0) for i, a in enumerate(axes))
            # Outside its own stretch an input is not chosen; the fill only says that the read is harmless there.
            loads.append(Load(k, index, 0.0 if len(self.inputs) > 1 else None))
            starts.append(offset)
            offset += value.shape[axis]
        body = loads[-1]
        for load, start in zip(loads[-2::-1], starts[:0:-1]):
            body = apply("where", apply("lt", IndexValue(at(axes[axis].name)), Const(float(start))), load, body)
        # The index is compared in the type computed in, which therefore has to hold more than a u8's 256 channels.
        return single(len(self.inputs), Nest(axes, body, compute_type(out.dtype), out.dtype))


@dataclass(frozen=True)
class Slice(Op, name="tensor.slice"):
    """out[p] = x[start + p * step] per dimension; every dimension given, counted from the front.

    A negative step runs from `start` down to above `stop`, which is -1 to take index 0 too.
    """

    x: Value
    starts: tuple[int, ...]
    stops: tuple[int, ...]
    steps: tuple[int, ...]

    def infer(self) -> tuple[TensorType, ...]:
        if not len(self.starts) == len(self.stops) == len(self.steps) == self.x.type.rank:
            raise IRError(
                f"starts, stops and steps have {len(self.starts)}, {len(self.stops)} and {len(self.steps)} values, "
                f"needed {self.x.type.rank} each: one per dimension of x"
            )
        shape = tuple(self._extent(i) for i in range(self.x.type.rank))
        quant = self.x.type.quant
        # A range of the whole extent may still turn it round, and the scales would stay.
        if quant is not None and quant.axis is not None and not self._whole(quant.axis):
            raise IRError(f"x has one scale per index of axis {quant.axis}, needed it left whole: cast to f32 first")
        return (TensorType(self.x.dtype, shape, quant),)

    def _whole(self, i: int) -> bool:
        return (self.starts[i], self.stops[i], self.steps[i]) == (0, self.x.shape[i], 1)

    def _extent(self, i: int) -> int:
        start, stop, step, extent = self.starts[i], self.stops[i], self.steps[i], self.x.shape[i]
        good = 0 <= start <= stop <= extent if step > 0 else step < 0 and -1 <= stop <= start < extent
        if not good:
            found = f"start {start}, stop {stop}, step {step}"
            raise IRError(f"dimension {i} has {found}, needed a range within its extent {extent}")
        return max(0, -((start - stop) // step))

    def kernel(self) -> Kernel:
        out = self.infer()[0]
        index = tuple(at(a.name) * step + start for a, step, start in zip(axes_of(out.shape), self.steps, self.starts))
        return moved(out, index)


@dataclass(frozen=True)
class Split(Op, name="tensor.split"):
    """Result i is the next sizes[i] indices of x along `axis`."""

    x: Value
    sizes: tuple[int, ...]
    axis: int

    def infer(self) -> tuple[TensorType, ...]:
        axis = need_axis(self.axis, self.x.type.rank)
        if not self.sizes or any(s < 0 for s in self.sizes) or sum(self.sizes) != self.x.shape[axis]:
            raise IRError(f"sizes is {self.sizes}, needed a sum of {self.x.shape[axis]}, the extent of axis {axis}")
        if self.x.type.quant is not None and self.x.type.quant.axis == axis:
            raise IRError(f"x has one scale per index of axis {axis}, needed one scale: cast to f32 first")
        front, back = self.x.shape[:axis], self.x.shape[axis + 1 :]
        return tuple(self.x.type.with_shape((*front, size, *back)) for size in self.sizes)

    def kernel(self) -> Kernel:
        axis, offset, stages = need_axis(self.axis, self.x.type.rank), 0, list[Nest]()
        for out in self.infer():
            index = tuple(at(a.name) + (offset if i == axis else 0) for i, a in enumerate(axes_of(out.shape)))
            stages += moved(out, index).stages
            offset += out.shape[axis]
        return Kernel(1, tuple(stages), tuple(range(len(stages))))


@dataclass(frozen=True)
class Pad(Op, name="tensor.pad"):
    """x with (before, after) more indices per dimension, which hold `value` (a negative number crops).

    On a quantised x, `value` 0 is stored as the zero point; other values are refused. The other modes repeat x itself,
    as numpy's pad does: "reflect" about its first and last elements, "edge" these elements, "wrap" from the other end.
    """

    x: Value
    pads: tuple[tuple[int, int], ...]
    value: float = 0.0
    mode: PadMode = "constant"

    def infer(self) -> tuple[TensorType, ...]:
        if len(self.pads) != self.x.type.rank:
            raise IRError(f"pads has {len(self.pads)} pairs, needed {self.x.type.rank}: one per dimension of x")
        shape = tuple(e + before + after for e, (before, after) in zip(self.x.shape, self.pads))
        if any(e < 0 for e in shape):
            raise IRError(f"pads is {self.pads}, needed to crop no more than there is in {self.x.shape}")
        self._check_value()
        check_mode(self.mode, self.x.shape, self.pads)
        return (self.x.type.with_shape(shape),)

    def _check_value(self) -> None:
        quant, dtype = self.x.type.quant, self.x.dtype
        if quant is None:
            fits = not dtype.integer or (dtype.low <= self.value <= dtype.high and float(self.value).is_integer())
            if not fits:
                raise IRError(f"value is {self.value}, needed a whole number {dtype.low}..{dtype.high} for {dtype}")
            return
        if self.value != 0 or len(set(quant.zero_point)) > 1:
            raise IRError(f"value is {self.value}, needed 0 and one zero point on a quantised x: cast to f32 first")
        if quant.axis is not None and self.pads[quant.axis] != (0, 0):
            raise IRError(f"x has one scale per index of axis {quant.axis}, needed it left alone: cast to f32 first")

    def kernel(self) -> Kernel:
        out = self.infer()[0]
        if self.mode != "constant":
            return moved(out, repeated_index(self.mode, self.x.shape, self.pads, axes_of(out.shape)))
        fill = float(out.quant.zero_point[0]) if out.quant else self.value
        index: tuple[Index, ...] = tuple(at(a.name) - before for a, (before, _) in zip(axes_of(out.shape), self.pads))
        return moved(out, index, fill if any(p > 0 for pair in self.pads for p in pair) else None)
