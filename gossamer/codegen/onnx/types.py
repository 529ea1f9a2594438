"""Element types of ONNX, and arrays in them."""

from typing import Any

import ml_dtypes
import numpy as np
from onnx import TensorProto, numpy_helper

from gossamer.ir.errors import BackendError
from gossamer.ir.graph import Array
from gossamer.ir.types import DType

_FLOATS = {
    "f32": TensorProto.FLOAT, "f64": TensorProto.DOUBLE, "f16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16,
    "f8e4m3": TensorProto.FLOAT8E4M3FN, "f8e5m2": TensorProto.FLOAT8E5M2, "bool": TensorProto.BOOL,
}  # fmt: skip
_INTEGERS = {
    ("i", 4): TensorProto.INT4, ("i", 8): TensorProto.INT8, ("i", 16): TensorProto.INT16, ("i", 32): TensorProto.INT32,
    ("i", 64): TensorProto.INT64, ("u", 4): TensorProto.UINT4, ("u", 8): TensorProto.UINT8,
    ("u", 16): TensorProto.UINT16, ("u", 32): TensorProto.UINT32, ("u", 64): TensorProto.UINT64,
}  # fmt: skip
_NUMPY: dict[int, Any] = {
    TensorProto.BFLOAT16: ml_dtypes.bfloat16, TensorProto.FLOAT8E4M3FN: ml_dtypes.float8_e4m3fn,
    TensorProto.FLOAT8E5M2: ml_dtypes.float8_e5m2, TensorProto.INT4: ml_dtypes.int4, TensorProto.UINT4: ml_dtypes.uint4,
}  # fmt: skip
QUANTIZED = tuple(code for (_, bits), code in _INTEGERS.items() if bits <= 16)
"""What QuantizeLinear can produce."""


def carrier(dtype: DType, packed: bool = False) -> int:
    """The ONNX type that holds it: integers in 8, 16, 32 or 64 bits, and in 4 where they may be `packed`."""
    if not dtype.integer:
        return _FLOATS[str(dtype)]
    width = next(w for w in (8, 16, 32, 64) if dtype.bits <= w)
    return _INTEGERS[dtype.kind, 4 if packed and dtype.bits == 4 else width]


def exact(dtype: DType) -> bool:
    """Does its carrier hold exactly its range?"""
    return not dtype.integer or dtype.bits in (8, 16, 32, 64)


def initializer(name: str, array: Array, kind: int) -> TensorProto:
    """A tensor of that ONNX type."""
    try:
        held = np.ascontiguousarray(array) if kind not in _NUMPY else np.asarray(array).astype(_NUMPY[kind])
    except (TypeError, ValueError) as error:
        raise BackendError(f"parameter '{name}' cannot be written: {error}") from None
    return numpy_helper.from_array(held.reshape(np.shape(array)), name)
