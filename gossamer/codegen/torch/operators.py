"""Ops as torch functions: activations, arithmetic, reductions, data movement."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from gossamer.codegen.torch.library import Tensor, torch_type
from gossamer.codegen.torch.table import FUNCTIONS, as_torch
from gossamer.ir import ops
from gossamer.ir.op import Op

_UNARY: dict[type[Op], Callable[[Tensor], Tensor]] = {
    ops.Relu: F.relu, ops.Sigmoid: torch.sigmoid, ops.Tanh: torch.tanh, ops.HardSwish: F.hardswish, ops.Silu: F.silu,
    ops.Abs: torch.abs, ops.Exp: torch.exp, ops.Log: torch.log, ops.Sqrt: torch.sqrt, ops.Erf: torch.erf,
    ops.Floor: torch.floor, ops.Ceil: torch.ceil, ops.Round: torch.round, ops.Sign: torch.sign, ops.Sin: torch.sin,
    ops.Cos: torch.cos, ops.Atan: torch.atan, ops.Neg: lambda x: -x, ops.Not: torch.logical_not,
}  # fmt: skip
_BINARY: dict[type[Op], Callable[[Tensor, Tensor], Tensor]] = {
    ops.Add: lambda x, y: x + y, ops.Sub: lambda x, y: x - y, ops.Mul: lambda x, y: x * y, ops.Pow: torch.pow,
    ops.Maximum: torch.maximum, ops.Minimum: torch.minimum, ops.Less: lambda x, y: x < y,
    ops.LessEqual: lambda x, y: x <= y, ops.Equal: lambda x, y: x == y, ops.And: torch.logical_and,
    ops.Or: torch.logical_or,
}  # fmt: skip


def _register() -> None:
    for kinds in (_UNARY, _BINARY):
        for kind, function in kinds.items():
            FUNCTIONS[kind] = _without_op(function)


def _without_op(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda op, *operands: function(*operands)


_register()


@as_torch(ops.MatMul)
def matmul(op: ops.MatMul, a: Tensor, b: Tensor) -> Tensor | None:
    return torch.matmul(a, b) if op.a.dtype.floating else None


@as_torch(ops.Div)
def div(op: ops.Div, x: Tensor, y: Tensor) -> Tensor | None:
    return x / y if op.x.dtype.floating else None


@as_torch(ops.Where)
def where(op: ops.Where, condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return torch.where(condition, x, y)


@as_torch(ops.Clip)
def clip(op: ops.Clip, x: Tensor) -> Tensor | None:
    return torch.clamp(x, op.low, op.high) if op.x.dtype.floating else None


@as_torch(ops.HardSigmoid)
def hard_sigmoid(op: ops.HardSigmoid, x: Tensor) -> Tensor:
    return torch.clamp(x * op.alpha + op.beta, 0.0, 1.0)


@as_torch(ops.LeakyRelu)
def leaky_relu(op: ops.LeakyRelu, x: Tensor) -> Tensor:
    return F.leaky_relu(x, op.alpha)


@as_torch(ops.Elu)
def elu(op: ops.Elu, x: Tensor) -> Tensor:
    return F.elu(x, op.alpha)


@as_torch(ops.Gelu)
def gelu(op: ops.Gelu, x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh" if op.approximate else "none")


@as_torch(ops.Softmax)
def softmax(op: ops.Softmax, x: Tensor) -> Tensor:
    return F.softmax(x, op.axis)


@as_torch(ops.ReduceMean, ops.ReduceSum, ops.ReduceMax, ops.ReduceMin)
def reduction(op: Any, x: Tensor) -> Tensor:
    axes = op.axes or tuple(range(op.x.type.rank))
    if not axes:
        return x
    found = _REDUCTIONS[type(op)](x, axes, op.keepdims)
    return found.to(torch_type(op.x.dtype)) if op.x.dtype.integer else found


_REDUCTIONS: dict[type[Op], Callable[..., Tensor]] = {
    ops.ReduceMean: torch.mean, ops.ReduceSum: torch.sum, ops.ReduceMax: torch.amax, ops.ReduceMin: torch.amin,
}  # fmt: skip


@as_torch(ops.Reshape)
def reshape(op: ops.Reshape, x: Tensor) -> Tensor:
    return x.reshape(op.shape)


@as_torch(ops.Transpose)
def transpose(op: ops.Transpose, x: Tensor) -> Tensor:
    return x.permute(op.perm)


@as_torch(ops.Concat)
def concat(op: ops.Concat, *parts: Tensor) -> Tensor:
    return torch.cat(parts, op.axis)


@as_torch(ops.Split)
def split(op: ops.Split, x: Tensor) -> tuple[Tensor, ...]:
    parts = torch.split(x, list(op.sizes), op.axis)
    return tuple(parts[i] for i in range(len(op.sizes)))


@as_torch(ops.Slice)
def slice_(op: ops.Slice, x: Tensor) -> Tensor | None:
    if any(step < 0 for step in op.steps):
        return None
    whole = [(0, e, 1) == part for e, part in zip(op.x.shape, zip(op.starts, op.stops, op.steps))]
    ranges = [slice(*part) for part in zip(op.starts, op.stops, op.steps)]
    wanted = tuple(slice(None) if w else r for w, r in zip(whole, ranges))
    return x[wanted] if wanted else x


@as_torch(ops.Pad)
def pad(op: ops.Pad, x: Tensor) -> Tensor | None:
    if op.mode != "constant" or op.x.dtype.kind == "bool":
        return None
    return F.pad(x, [p for pair in reversed(op.pads) for p in pair], value=op.value)


@as_torch(ops.Tile)
def tile(op: ops.Tile, x: Tensor) -> Tensor:
    return x.repeat(op.repeats) if op.repeats else x


@as_torch(ops.Expand)
def expand(op: ops.Expand, x: Tensor) -> Tensor:
    return x.expand(op.shape)


@as_torch(ops.ChannelShuffle)
def channel_shuffle(op: ops.ChannelShuffle, x: Tensor) -> Tensor:
    """Whatever the number of images: a network for one is trained on many."""
    return x.unflatten(1, (op.groups, op.x.shape[1] // op.groups)).transpose(1, 2).flatten(1, 2)


@as_torch(ops.Gather)
def gather(op: ops.Gather, x: Tensor, indices: Tensor) -> Tensor | None:
    """Rows of a table: an embedding. Indices are wrapped and clipped as the op wants it."""
    if op.axis % op.x.type.rank or op.x.shape[0] == 0:
        return None
    extent = op.x.shape[0]
    return x[torch.clamp(torch.where(indices < 0, indices + extent, indices), 0, extent - 1)]


@as_torch(ops.CumSum)
def cum_sum(op: ops.CumSum, x: Tensor) -> Tensor | None:
    return None if op.exclusive or op.reverse or op.x.dtype.integer else torch.cumsum(x, op.axis)


@as_torch(ops.Cast)
def cast(op: ops.Cast, x: Tensor) -> Tensor | None:
    """Between plain types (precision is the network's business)."""
    if op.type.dtype == op.x.dtype:
        return x
    return None if op.type.dtype.kind == "bool" else x.to(torch_type(op.type.dtype))
