"""Ops that give the same numbers another shape, order or type, and ops that are nothing at inference."""

from math import prod

import torch

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.table import Result, operator
from gossamer.frontends.torch.tensors import dtype_of
from gossamer.ir.ops import Cast, Mul, Reshape, Transpose
from gossamer.ir.types import TensorType, Value


@operator("contiguous", "clone", "alias", "detach", "detach_", "lift_fresh_copy", "positive")
def same(call: Call) -> Result:
    return call.value("self")


@operator("dropout", "feature_dropout")
def dropout(call: Call) -> Result:
    if call["train"]:
        raise Unsupported("it is in training mode; call model.eval() first")
    return call.value("input")


@operator("to.dtype", "_to_copy", "to.device", "to.dtype_layout")
def to(call: Call) -> Result:
    x, dtype = call.value("self"), call["dtype"]
    kind = dtype_of(dtype, "its result") if isinstance(dtype, torch.dtype) else x.dtype
    return x if kind == x.dtype else call.emit(Cast(x, TensorType(kind, x.shape)))


@operator("view.default", "reshape", "_unsafe_view")
def reshape(call: Call) -> Result:
    x, shape = call.value("self"), call.ints("shape" if call.operator == "reshape" else "size")
    rest = prod(n for n in shape if n != -1)
    return _reshaped(call, x, tuple(x.type.elements // max(rest, 1) if n == -1 else n for n in shape))


@operator("flatten.using_ints")
def flatten(call: Call) -> Result:
    x = call.value("self")
    first, last = call.axis("start_dim", x.type.rank), call.axis("end_dim", x.type.rank)
    return _reshaped(call, x, (*x.shape[:first], prod(x.shape[first : last + 1]), *x.shape[last + 1 :]))


@operator("unflatten.int")
def unflatten(call: Call) -> Result:
    x, sizes = call.value("self"), call.ints("sizes")
    axis, rest = call.axis("dim", x.type.rank), prod(n for n in sizes if n != -1)
    solved = tuple(x.shape[axis] // max(rest, 1) if n == -1 else n for n in sizes)
    return _reshaped(call, x, (*x.shape[:axis], *solved, *x.shape[axis + 1 :]))


@operator("unsqueeze")
def unsqueeze(call: Call) -> Result:
    x = call.value("self")
    axis = call.axis("dim", x.type.rank + 1)
    return _reshaped(call, x, (*x.shape[:axis], 1, *x.shape[axis:]))


@operator("squeeze.default", "squeeze.dim", "squeeze.dims")
def squeeze(call: Call) -> Result:
    x = call.value("self")
    axes = {a % x.type.rank for a in call.ints("dim")} if call.has("dim") else set(range(x.type.rank))
    return _reshaped(call, x, tuple(e for i, e in enumerate(x.shape) if i not in axes or e != 1))


@operator("permute")
def permute(call: Call) -> Result:
    x = call.value("self")
    return call.emit(Transpose(x, tuple(a % x.type.rank for a in call.ints("dims"))))


@operator("transpose.int", "t")
def transpose(call: Call) -> Result:
    x = call.value("self")
    perm = list(range(x.type.rank))
    one, other = (call.axis(n, x.type.rank) for n in ("dim0", "dim1")) if call.operator == "transpose" else (0, -1)
    perm[one], perm[other] = perm[other], perm[one]
    return call.emit(Transpose(x, tuple(perm)))


@operator("expand", "expand_as")
def expand(call: Call) -> Result:
    """Broadcasting, written as a product with ones."""
    x = call.value("self")
    size = call.value("other").shape if call.operator == "expand_as" else call.ints("size")
    old = (1,) * (len(size) - x.type.rank) + x.shape
    shape = tuple(e if n == -1 else n for n, e in zip(size, old))
    return x if shape == x.shape else call.emit(Mul(x, call.filled(1.0, shape, x)))


@operator("pixel_shuffle")
def pixel_shuffle(call: Call) -> Result:
    """Channels -> blocks of pixels: [N, C r r, H, W] -> [N, C, H r, W r]."""
    x, r = call.value("self"), int(call["upscale_factor"])
    n, c, h, w = x.shape
    blocks = call.step(Reshape(x, (n, c // (r * r), r, r, h, w)))
    return call.emit(Reshape(call.step(Transpose(blocks, (0, 1, 4, 2, 5, 3))), (n, c // (r * r), h * r, w * r)))


def _reshaped(call: Call, x: Value, shape: tuple[int, ...]) -> Value:
    return x if shape == x.shape else call.emit(Reshape(x, shape))
