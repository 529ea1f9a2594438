"""Types and numbers in MLIR's words."""

from math import isfinite

import numpy as np

from gossamer.ir.types import DType, TensorType

_FLOATS = {"f16": "f16", "f32": "f32", "f64": "f64", "bf16": "bf16", "f8e4m3": "f8E4M3FN", "f8e5m2": "f8E5M2"}


def element(dtype: DType) -> str:
    """The element type that holds it: i1 for bool, else signless and as wide as numpy keeps it (i4 in i8)."""
    if dtype.kind == "bool":
        return "i1"
    return f"i{8 * dtype.numpy.itemsize}" if dtype.integer else _FLOATS[str(dtype)]


def tensor(shape: tuple[int, ...], dtype: DType) -> str:
    return f"tensor<{''.join(f'{e}x' for e in shape)}{element(dtype)}>"


def tensor_of(type: TensorType) -> str:
    return tensor(type.shape, type.dtype)


def literal(value: float, dtype: DType) -> str:
    """A number as an attribute of that type; infinities become the largest numbers of integer types."""
    if dtype.kind == "bool":
        return "true" if value else "false"
    if dtype.integer:
        return str(int(min(max(value, dtype.low), dtype.high)) if not isfinite(value) else _wrapped(int(value), dtype))
    return _decimal(value, dtype) if isfinite(value) else _bits(value, dtype)


def _wrapped(value: int, dtype: DType) -> int:
    """Signless: the upper half of an unsigned type is written as the negative number of the same bits."""
    width = 8 * dtype.numpy.itemsize
    return value - (1 << width) if dtype.kind == "u" and value >= 1 << (width - 1) else value


def _decimal(value: float, dtype: DType) -> str:
    """The shortest decimal that reads back as the same number; MLIR wants a point in it."""
    text = str(np.float64(value) if dtype.bits == 64 else np.float32(value))
    mantissa, _, exponent = text.partition("e")
    pointed = mantissa if "." in mantissa else f"{mantissa}.0"
    return f"{pointed}e{exponent}" if exponent else pointed


def _bits(value: float, dtype: DType) -> str:
    """Infinities and NaN, as the bits of the number."""
    import ml_dtypes

    narrow = {"bf": ml_dtypes.bfloat16, "f8e4m3": ml_dtypes.float8_e4m3fn, "f8e5m2": ml_dtypes.float8_e5m2}
    raw = np.asarray(value).astype(narrow.get(dtype.kind, dtype.numpy)).tobytes()
    return f"0x{int.from_bytes(raw, 'little'):0{2 * len(raw)}X}"
