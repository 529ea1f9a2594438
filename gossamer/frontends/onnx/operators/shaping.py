"""Ops that give the same numbers another shape or order, and ops that are nothing at inference."""

from math import prod

import numpy as np

from gossamer.frontends.onnx.call import Call, from_front, whole
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import Constant, constant_of
from gossamer.frontends.problems import Unsupported
from gossamer.ir.errors import FrontendError
from gossamer.ir.ops import Reshape, Transpose
from gossamer.ir.types import Value


@operator("Dropout")
def dropout(call: Call) -> Result:
    """Nothing at inference; the mask says that every element is kept."""
    training = call.constant(2)
    if training is not None and np.any(training):
        raise Unsupported("it is in training mode; export the model for inference (model.eval())")
    x = call.item(0)
    if not call.wants(1):
        return x
    extents = x.shape if isinstance(x, Value) else x.type.shape
    kept = np.broadcast_to(np.asarray(True), extents)
    return x, constant_of(kept if call.opset >= 10 else kept.astype(np.float32))


@operator("Shape")
def shape(call: Call) -> Result:
    item = call.item(0)
    extents = item.shape if isinstance(item, Value) else item.type.shape
    rank = len(extents)
    chosen = slice(call.attr_int("start", 0), call.attr_int("end", rank))
    return constant_of(np.asarray(extents[chosen], np.int64))


@operator("Size")
def size(call: Call) -> Result:
    item = call.item(0)
    extents = item.shape if isinstance(item, Value) else item.type.shape
    return constant_of(np.asarray(prod(extents), np.int64))


@operator("Reshape")
def reshape(call: Call) -> Result:
    x, wanted = call.value(0), call.constant(1)
    if wanted is None:
        raise FrontendError("it has no shape")
    return _reshaped(call, x, _solved(whole(wanted), x.shape, bool(call.attr_int("allowzero", 0))))


@operator("Flatten")
def flatten(call: Call) -> Result:
    x = call.value(0)
    axis = call.attr_int("axis", 1)
    axis = axis + x.type.rank if axis < 0 else axis
    return _reshaped(call, x, (prod(x.shape[:axis]), prod(x.shape[axis:])))


@operator("Squeeze")
def squeeze(call: Call) -> Result:
    x, axes = call.value(0), call.ints_or_operand("axes", 1)
    gone = {from_front(a, x.type.rank) for a in axes} if axes else {i for i, e in enumerate(x.shape) if e == 1}
    if any(x.shape[a] != 1 for a in gone):
        raise FrontendError(f"it drops axes {sorted(gone)} of shape {list(x.shape)}, which are not all 1")
    return _reshaped(call, x, tuple(e for i, e in enumerate(x.shape) if i not in gone))


@operator("Unsqueeze")
def unsqueeze(call: Call) -> Result:
    x, axes = call.value(0), call.ints_or_operand("axes", 1) or ()
    rank = x.type.rank + len(axes)
    new = {from_front(a, rank) for a in axes}
    if len(new) < len(axes):
        raise FrontendError(f"its axes {list(axes)} name one axis twice")
    old = iter(x.shape)
    return _reshaped(call, x, tuple(1 if i in new else next(old) for i in range(rank)))


@operator("Transpose")
def transpose(call: Call) -> Result:
    x = call.value(0)
    return call.emit(Transpose(x, call.attr_ints("perm", tuple(reversed(range(x.type.rank))))))


@operator("DepthToSpace")
def depth_to_space(call: Call) -> Result:
    """Channels -> blocks of pixels: [N, C b b, H, W] -> [N, C, H b, W b]."""
    x, b = call.value(0), call.attr_int("blocksize", 1)
    (n, c, h, w), dcr = x.shape, call.attr_text("mode", "DCR") == "DCR"
    split = (n, b, b, c // (b * b), h, w) if dcr else (n, c // (b * b), b, b, h, w)
    moved = call.step(Transpose(call.step(Reshape(x, split)), (0, 3, 4, 1, 5, 2) if dcr else (0, 1, 4, 2, 5, 3)))
    return call.emit(Reshape(moved, (n, c // (b * b), h * b, w * b)))


@operator("SpaceToDepth")
def space_to_depth(call: Call) -> Result:
    """Blocks of pixels -> channels: [N, C, H b, W b] -> [N, b b C, H, W], or [N, C b b, H, W] in mode CRD."""
    x, b, dcr = call.value(0), call.attr_int("blocksize", 1), call.attr_text("mode", "DCR") == "DCR"
    n, c, h, w = x.shape
    blocks = call.step(Reshape(x, (n, c, h // b, b, w // b, b)))
    moved = call.step(Transpose(blocks, (0, 3, 5, 1, 2, 4) if dcr else (0, 1, 3, 5, 2, 4)))
    return call.emit(Reshape(moved, (n, c * b * b, h // b, w // b)))


@operator("Constant")
def constant(call: Call) -> Result:
    """Only the numeric forms; the tensor form is read where it is checked, in the importer."""
    for name, kind in (("value_float", np.float32), ("value_int", np.int64)):
        found = call.attribute(name)
        if found is not None:
            return constant_of(np.asarray(found.f if kind is np.float32 else found.i, kind))
    for name, kind in (("value_floats", np.float32), ("value_ints", np.int64)):
        found = call.attribute(name)
        if found is not None:
            return constant_of(np.asarray(found.floats if kind is np.float32 else found.ints, kind))
    raise Unsupported("it holds no dense numeric tensor")


def _reshaped(call: Call, x: Value, shape: tuple[int, ...]) -> Value | Constant:
    return x if shape == x.shape else call.emit(Reshape(x, shape))


def _solved(wanted: tuple[int, ...], old: tuple[int, ...], zero_is_zero: bool) -> tuple[int, ...]:
    """A 0 copies the old extent (unless `zero_is_zero`), a -1 takes what is left."""
    if not zero_is_zero:
        if any(n == 0 and i >= len(old) for i, n in enumerate(wanted)):
            raise FrontendError(f"its shape {list(wanted)} copies an extent that {list(old)} does not have")
        wanted = tuple(old[i] if n == 0 else n for i, n in enumerate(wanted))
    rest = prod(n for n in wanted if n != -1)
    if wanted.count(-1) > 1 or any(n < -1 for n in wanted) or (-1 in wanted and (not rest or prod(old) % rest)):
        raise FrontendError(f"its shape {list(wanted)} does not fit {list(old)}")
    return tuple(prod(old) // rest if n == -1 else n for n in wanted)
