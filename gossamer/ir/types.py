"""Types of tensors: element type, shape and, for integers that stand for reals, how they do.

Precision is a type. A quantised tensor's element q stands for the real number (q - zero_point) * scale, with one
scale (and zero point) per tensor, or one per index of `axis`. Text: `i8[16,3,3,3]{scale=0.031}`,
`u8[1,16,8,8]{scale=0.02, zero_point=7}`, `i8[2,3]{axis=0, scale=(0.1, 0.2)}`.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Literal, TypeAlias

import numpy as np

from gossamer.ir.errors import IRError

DTypeKind: TypeAlias = Literal["i", "u", "f", "bf", "f8e4m3", "f8e5m2", "bool"]

_NAME = re.compile(r"(i|u|f|bf)([0-9]{1,3})\Z")
_FLOATS = {("f", 16): "float16", ("f", 32): "float32", ("f", 64): "float64"}


@dataclass(frozen=True, slots=True)
class DType:
    """An element type: i1..i64 signed, u1..u64 unsigned, f16/f32/f64, bf16, f8e4m3, f8e5m2, bool."""

    kind: DTypeKind
    bits: int

    def __str__(self) -> str:
        return self.kind if self.kind in ("bool", "f8e4m3", "f8e5m2") else f"{self.kind}{self.bits}"

    @staticmethod
    def parse(text: str) -> "DType":
        """`"i8"` -> DType("i", 8); IRError for a name that is no element type."""
        if text in ("bool", "f8e4m3", "f8e5m2"):
            return DType(text, 1 if text == "bool" else 8)
        match = _NAME.match(text)
        kind, bits = (match[1], int(match[2])) if match else ("", 0)
        if kind in ("i", "u") and (1 <= bits <= 16 or bits in (32, 64)):
            return DType("i" if kind == "i" else "u", bits)
        if (kind, bits) in _FLOATS or (kind, bits) == ("bf", 16):
            return DType("f" if kind == "f" else "bf", bits)
        known = "i1..i16, i32, i64, u1..u16, u32, u64, f16, f32, f64, bf16, f8e4m3, f8e5m2, bool"
        raise IRError(f"'{text}' is no element type; known: {known}")

    @property
    def integer(self) -> bool:
        return self.kind in ("i", "u")

    @property
    def floating(self) -> bool:
        return not self.integer and self.kind != "bool"

    @property
    def low(self) -> int:
        """Smallest integer of the type (integers only)."""
        return -(1 << (self.bits - 1)) if self.kind == "i" else 0

    @property
    def high(self) -> int:
        """Largest integer of the type (integers only)."""
        return (1 << (self.bits - 1)) - 1 if self.kind == "i" else (1 << self.bits) - 1

    @property
    def numpy(self) -> np.dtype:
        """The numpy type that holds it: the smallest that is wide enough; bf16 and fp8 are held in float32."""
        if self.kind == "bool":
            return np.dtype(np.bool_)
        if self.integer:
            width = next(w for w in (8, 16, 32, 64) if self.bits <= w)
            return np.dtype(f"{'int' if self.kind == 'i' else 'uint'}{width}")
        return np.dtype(_FLOATS.get((self.kind, self.bits), "float32"))


F16, F32, F64, BF16 = DType("f", 16), DType("f", 32), DType("f", 64), DType("bf", 16)
I4, I8, I16, I32, I64 = DType("i", 4), DType("i", 8), DType("i", 16), DType("i", 32), DType("i", 64)
U4, U8, U64 = DType("u", 4), DType("u", 8), DType("u", 64)
BOOL = DType("bool", 1)


@dataclass(frozen=True, slots=True)
class Quant:
    """real = (q - zero_point) * scale. `axis` None: one scale; else one (and one zero point, or as many) per index."""

    scale: tuple[float, ...]
    zero_point: tuple[int, ...] = (0,)
    axis: int | None = None

    @property
    def symmetric(self) -> bool:
        return not any(self.zero_point)


@dataclass(frozen=True)
class TensorType:
    """Element type, static shape, and quantisation of a tensor."""

    dtype: DType
    shape: tuple[int, ...]
    quant: Quant | None = None

    def __post_init__(self) -> None:
        if self.shape and min(self.shape) < 0:
            raise IRError(f"a shape needs whole extents >= 0, found {self.shape}")
        if self.quant is not None:
            _check_quant(self.dtype, self.shape, self.quant)

    @property
    def rank(self) -> int:
        return len(self.shape)

    @cached_property
    def elements(self) -> int:
        return prod(self.shape)

    @property
    def bits(self) -> int:
        return self.elements * self.dtype.bits

    def with_shape(self, shape: tuple[int, ...]) -> "TensorType":
        return TensorType(self.dtype, shape, self.quant)


def _check_quant(dtype: DType, shape: tuple[int, ...], quant: Quant) -> None:
    if not dtype.integer:
        raise IRError(f"only integers carry a scale, found {dtype} with scale {quant.scale[:3]}")
    if any(not s > 0 for s in quant.scale):
        raise IRError("a scale must be > 0")
    wanted = 1 if quant.axis is None else shape[quant.axis] if 0 <= quant.axis < len(shape) else -1
    if len(quant.scale) != wanted or len(quant.zero_point) not in (1, wanted):
        found = f"{len(quant.scale)} scales and {len(quant.zero_point)} zero points"
        raise IRError(f"scale needs {wanted} values on axis {quant.axis} of {shape}, found {found}")


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor in a graph: assigned once, known by its name, which is unique in its graph."""

    name: str
    type: TensorType

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.type.shape

    @property
    def dtype(self) -> DType:
        return self.type.dtype
