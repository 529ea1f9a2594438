"""Operators that pick, join and pad; integers stay as they are."""

import numpy as np
from tflite import ActivationFunctionType as Activation
from tflite import (
    ConcatenationOptions,
    MirrorPadMode,
    MirrorPadOptions,
    PackOptions,
    SplitOptions,
    StridedSliceOptions,
    UnpackOptions,
)

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.tflite.call import Call, from_front
from gossamer.frontends.tflite.operators.ending import finished
from gossamer.frontends.tflite.scope import TO_NCHW, TO_NHWC, Placed
from gossamer.frontends.tflite.table import operator
from gossamer.ir.errors import FrontendError
from gossamer.ir.ops import Cast, Concat, Pad, Reshape, Slice, Split
from gossamer.ir.types import TensorType, Value


@operator("CONCATENATION")
def concatenation(call: Call) -> Placed:
    """Operands of another scale than the result's are brought to it first."""
    options, declared = call.options(ConcatenationOptions), call.out().type
    axis = from_front(options.Axis(), declared.rank)
    nchw = declared.rank == 4 and any(call.computed_nchw(i) for i in range(call.count()))
    parts = tuple(_same_scale(call, call.in_layout(i, nchw), declared) for i in range(call.count()))
    op = Concat(parts, TO_NHWC[axis] if nchw else axis)
    return finished(call, op, options.FusedActivationFunction(), nchw)


def _same_scale(call: Call, x: Value, declared: TensorType) -> Value:
    wanted = TensorType(declared.dtype, x.shape, declared.quant)
    return x if x.type == wanted else call.step(Cast(x, wanted), "scaled")


@operator("PAD", "PADV2")
def pad(call: Call) -> Placed:
    """A padded integer is what stands for the value; only the real 0 has a word in the IR."""
    x, pads, value = call.any(0), _pads(call), 0.0
    if call.operator.name == "PADV2":
        value, quant = float(np.ravel(call.constant(2))[0]), x.value.type.quant
        if quant is not None and value != quant.zero_point[0]:
            raise Unsupported(f"it pads integers with {value:g}, which does not stand for 0")
        value = 0.0 if quant is not None else value
    if x.nchw:
        pads = tuple(pads[i] for i in TO_NCHW)
    return finished(call, Pad(x.value, pads, value), Activation.NONE, x.nchw)


@operator("MIRROR_PAD")
def mirror_pad(call: Call) -> Placed:
    """REFLECT leaves the border itself out of the mirrored part."""
    if call.options(MirrorPadOptions).Mode() != MirrorPadMode.REFLECT:
        raise Unsupported("its mode SYMMETRIC is not supported, only REFLECT")
    x, pads = call.any(0), _pads(call)
    if x.nchw:
        pads = tuple(pads[i] for i in TO_NCHW)
    return finished(call, Pad(x.value, pads, mode="reflect"), Activation.NONE, x.nchw)


def _pads(call: Call) -> tuple[tuple[int, int], ...]:
    amounts, rank = call.whole(1), call.tensor(0).type.rank
    if len(amounts) != 2 * rank:
        raise FrontendError(f"it is malformed: {len(amounts)} paddings for {rank} axes")
    return tuple(zip(amounts[::2], amounts[1::2]))


@operator("SLICE")
def slice_(call: Call) -> Placed:
    """A size of -1 reaches to the end."""
    x, starts, sizes = call.plain(0), call.whole(1), call.whole(2)
    stops = tuple(e if s < 0 else b + s for b, s, e in zip(starts, sizes, x.shape, strict=True))
    return finished(call, Slice(x, starts, stops, (1,) * len(starts)), Activation.NONE, nchw=False)


@operator("STRIDED_SLICE")
def strided_slice(call: Call) -> Placed:
    """As Python's slices; the masks say which bounds are left out and which axes are dropped."""
    options, x = call.options(StridedSliceOptions), call.plain(0)
    if options.EllipsisMask() or options.NewAxisMask() or options.Offset():
        raise Unsupported("it has an ellipsis, a new axis or offsets, which are not supported")
    starts, stops, steps = (call.whole(i) for i in (1, 2, 3))
    ranges = [range(e) for e in x.shape]
    for axis, (start, stop, step) in enumerate(zip(starts, stops, steps, strict=True)):
        bit = 1 << axis
        begin, end = None if options.BeginMask() & bit else start, None if options.EndMask() & bit else stop
        if options.ShrinkAxisMask() & bit:
            place = from_front(start, x.shape[axis])
            begin, end, step = place, place + 1, 1
        ranges[axis] = ranges[axis][slice(begin, end, step)]
    op = Slice(x, tuple(r.start for r in ranges), tuple(r.stop for r in ranges), tuple(r.step for r in ranges))
    kept = tuple(len(r) for axis, r in enumerate(ranges) if not options.ShrinkAxisMask() >> axis & 1)
    if len(kept) == len(ranges):
        return finished(call, op, Activation.NONE, nchw=False)
    return finished(call, Reshape(call.step(op), kept), Activation.NONE, nchw=False)


@operator("SPLIT")
def split(call: Call) -> tuple[Placed, ...]:
    """Operand 0 is the axis, operand 1 what is split, into parts of one size."""
    count = call.options(SplitOptions).NumSplits()
    axis = from_front(call.whole(0)[0], call.tensor(1).type.rank)
    x = call.any(1)
    place = TO_NHWC[axis] if x.nchw else axis
    extent = x.value.shape[place]
    if count < 1 or extent % count or count != len(call.operator.outputs):
        raise FrontendError(f"it is malformed: it splits {extent} into {count} parts")
    if count == 1:
        return (x,)
    parts = call.emit_all(Split(x.value, (extent // count,) * count, place), x.nchw)
    return tuple(Placed(part, x.nchw) for part in parts)


@operator("PACK")
def pack(call: Call) -> Placed:
    """Operands side by side along a new axis."""
    parts = [call.plain(i) for i in range(call.count())]
    axis = from_front(call.options(PackOptions).Axis(), parts[0].type.rank + 1)
    shape = (*parts[0].shape[:axis], 1, *parts[0].shape[axis:])
    wide = tuple(call.step(Reshape(part, shape)) for part in parts)
    return Placed(call.emit(Concat(wide, axis) if len(wide) > 1 else Reshape(parts[0], shape)))


@operator("UNPACK")
def unpack(call: Call) -> tuple[Placed, ...]:
    """The slices along an axis, without that axis."""
    x = call.plain(0)
    axis = from_front(call.options(UnpackOptions).Axis(), x.type.rank)
    shape = (*x.shape[:axis], *x.shape[axis + 1 :])
    if x.shape[axis] != len(call.operator.outputs):
        raise FrontendError(f"it is malformed: it takes {x.shape[axis]} slices apart")
    if x.shape[axis] == 1:
        return (Placed(call.emit(Reshape(x, shape))),)
    parts = call.steps(Split(x, (1,) * x.shape[axis], axis))
    return tuple(Placed(call.step(Reshape(part, shape))) for part in parts)
