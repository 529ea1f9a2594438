"""Torch as a library of arrays for loop nests; see `gossamer.codegen.array_nests`.

An array is an fx proxy, or a python number for what is one number everywhere. f32 stands for the float type the module
works in: nothing is cast to it, so `module.double()` computes in double.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F

from gossamer.ir.graph import Array
from gossamer.ir.nest import Function, Reduction
from gossamer.ir.scalar import FUNCTIONS
from gossamer.ir.types import F32, DType

Tensor: TypeAlias = Any
"""A torch.fx.Proxy that stands for a tensor, or a python number."""

_TYPES = {
    "f16": torch.float16, "f32": torch.float32, "f64": torch.float64, "bf16": torch.bfloat16, "bool": torch.bool,
    "f8e4m3": torch.float8_e4m3fn, "f8e5m2": torch.float8_e5m2,
}  # fmt: skip


def torch_type(dtype: DType) -> torch.dtype:
    """The type tensors are held in: unsigned integers above 8 bits in a wider signed one, which torch computes with."""
    if not dtype.integer:
        return _TYPES[str(dtype)]
    width = 8 * dtype.numpy.itemsize
    if dtype.kind == "u":
        return torch.uint8 if width == 8 else torch.int32 if width == 16 else torch.int64
    return {8: torch.int8, 16: torch.int16, 32: torch.int32, 64: torch.int64}[width]


class TorchArrays:
    """`constant_tensor` makes a tensor that is fixed in the module."""

    def __init__(self, constant_tensor: Callable[[torch.Tensor], Tensor]) -> None:
        self._constant_tensor = constant_tensor

    def constant(self, array: Array, dtype: DType) -> Tensor:
        held = np.asarray(array)
        if held.size == 1:
            return _number(held.item(), dtype)
        return self._constant_tensor(torch.from_numpy(np.ascontiguousarray(held)).to(torch_type(dtype)))

    def convert(self, x: Tensor, old: DType, new: DType) -> Tensor:
        if isinstance(x, (bool, int, float)):
            return _number(x, new)
        if new.kind == "bool":
            return x if old.kind == "bool" else x != 0
        if old == new or torch_type(old) == torch_type(new):
            return x
        # Whatever is wider or as wide in float is left as it is: a module in double stays in double.
        return x if new == F32 and old.kind == "f" and old.bits == 32 else x.to(torch_type(new))

    def call(self, function: Function, args: Sequence[Tensor], dtype: DType) -> Tensor:
        if all(isinstance(a, (bool, int, float)) for a in args):
            kinds = [a if isinstance(a, bool) else dtype.numpy.type(a) for a in args]
            with np.errstate(all="ignore"):
                return FUNCTIONS[function](*map(np.asarray, kinds)).item()
        if function in ("floor", "ceil", "round") and not dtype.floating:
            return args[0]
        if function == "div" and not dtype.floating:
            return _whole_quotient(*args)
        return _CALLS[function](*args)

    def reshape(self, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        return x if _fixed(x) else x.reshape(shape)

    def transpose(self, x: Tensor, perm: tuple[int, ...]) -> Tensor:
        return x if _fixed(x) else x.permute(perm)

    def expand(self, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        return self._constant_tensor(torch.full(shape, x)) if _fixed(x) else x.expand(shape)

    def joined(self, x: Tensor, y: Tensor) -> Tensor:
        return F.pad(x, (0, 1), value=float(y)) if _fixed(y) else torch.cat([x, y])

    def taken(self, x: Tensor, positions: Tensor) -> Tensor:
        return x if _fixed(x) else x[positions]

    def reduced(self, x: Tensor, how: Reduction, axes: tuple[int, ...], dtype: DType) -> Tensor:
        if how in ("max", "min"):
            return (torch.amax if how == "max" else torch.amin)(x, axes)
        kind = torch_type(dtype) if dtype.integer else None  # torch would make i64 of integers
        if how == "sum":
            return torch.sum(x, axes, dtype=kind)
        for axis in sorted(axes, reverse=True):
            x = torch.prod(x, axis, dtype=kind)
        return x

    def contracted(self, equation: str, x: Tensor, y: Tensor) -> Tensor:
        return torch.einsum(equation, x, y)


def _fixed(x: Tensor) -> bool:
    return isinstance(x, (bool, int, float))


def _number(value: float, dtype: DType) -> float:
    if dtype.kind == "bool":
        return bool(value)
    if dtype.integer:
        return int(value) if np.isfinite(value) else dtype.low if value < 0 else dtype.high
    # The number as float32 has it: torch computes with python's numbers in double where it can.
    return float(np.float32(value)) if dtype.bits == 32 else float(value)


def _whole_quotient(x: Tensor, y: Tensor) -> Tensor:
    """Rounded towards 0; by 0 it is 0, where torch raises an error."""
    if _fixed(y):
        return torch.div(x, y, rounding_mode="trunc") if y else x * 0
    safe = torch.where(y == 0, 1, y)
    return torch.where(y == 0, 0, torch.div(x, safe, rounding_mode="trunc"))


def _maximum(x: Tensor, y: Tensor) -> Tensor:
    if _fixed(y):
        return torch.clamp(x, min=y)
    return torch.clamp(y, min=x) if _fixed(x) else torch.maximum(x, y)


def _minimum(x: Tensor, y: Tensor) -> Tensor:
    if _fixed(y):
        return torch.clamp(x, max=y)
    return torch.clamp(y, max=x) if _fixed(x) else torch.minimum(x, y)


def _where(condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return (x if condition else y) if _fixed(condition) else torch.where(condition, x, y)


_CALLS: dict[Function, Callable[..., Tensor]] = {
    "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y, "div": lambda x, y: x / y,
    "maximum": _maximum, "minimum": _minimum, "pow": torch.pow, "neg": lambda x: -x, "abs": torch.abs,
    "exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt, "tanh": torch.tanh, "erf": torch.erf,
    "sigmoid": torch.sigmoid, "floor": torch.floor, "ceil": torch.ceil, "round": torch.round, "sign": torch.sign,
    "sin": torch.sin, "cos": torch.cos, "atan": torch.atan, "lt": lambda x, y: x < y, "le": lambda x, y: x <= y,
    "eq": lambda x, y: x == y, "and": torch.logical_and, "or": torch.logical_or, "not": torch.logical_not,
    "where": _where, "bit_and": torch.bitwise_and, "bit_or": torch.bitwise_or, "bit_xor": torch.bitwise_xor,
    "shl": torch.bitwise_left_shift, "shr": torch.bitwise_right_shift,
}  # fmt: skip
