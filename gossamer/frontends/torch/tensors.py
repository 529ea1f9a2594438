"""Element types and arrays of torch tensors."""

import numpy as np
import torch

from gossamer.ir.errors import FrontendError
from gossamer.ir.graph import Array
from gossamer.ir.types import BOOL, DType

_NAMES = {
    torch.float32: "f32", torch.float64: "f64", torch.float16: "f16", torch.bfloat16: "bf16", torch.int8: "i8",
    torch.int16: "i16", torch.int32: "i32", torch.int64: "i64", torch.uint8: "u8",
}  # fmt: skip
_DTYPES = {kind: DType.parse(name) for kind, name in _NAMES.items()} | {torch.bool: BOOL}


def dtype_of(dtype: torch.dtype, where: str) -> DType:
    if dtype not in _DTYPES:
        raise FrontendError(f"{where} has the element type {dtype}, which is not supported")
    return _DTYPES[dtype]


def array_of(tensor: torch.Tensor) -> Array:
    """A copy of its own, in the numpy type that the IR holds this element type in (bfloat16 as float32)."""
    plain = tensor.detach().cpu()
    return np.array((plain.float() if plain.dtype == torch.bfloat16 else plain).numpy())
