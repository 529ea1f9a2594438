"""Tensors of an ONNX file: checked when the file is read, decoded when first asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from onnx import TensorProto, TypeProto, helper, numpy_helper

from gossamer.frontends.limits import check_elements
from gossamer.frontends.onnx.external import External, find_external
from gossamer.ir.errors import FrontendError
from gossamer.ir.graph import Array
from gossamer.ir.types import DType, TensorType, Value

_NAMES = {
    "FLOAT": "f32", "DOUBLE": "f64", "FLOAT16": "f16", "BFLOAT16": "bf16", "FLOAT8E4M3FN": "f8e4m3",
    "FLOAT8E5M2": "f8e5m2", "BOOL": "bool", "INT2": "i2", "INT4": "i4", "INT8": "i8", "INT16": "i16", "INT32": "i32",
    "INT64": "i64", "UINT2": "u2", "UINT4": "u4", "UINT8": "u8", "UINT16": "u16", "UINT32": "u32", "UINT64": "u64",
}  # fmt: skip
_KNOWN = frozenset(TensorProto.DataType.keys())
_DTYPES = {TensorProto.DataType.Value(n): DType.parse(t) for n, t in _NAMES.items() if n in _KNOWN}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}

MADE_MAX = 1 << 24
"""Elements of a constant that is made of nothing but a few numbers in the file."""


@dataclass(frozen=True, eq=False)
class Constant:
    """A tensor whose numbers are known at import. `name` is the initialiser it came from, else empty."""

    type: TensorType
    load: Callable[[], Array]
    name: str = ""

    def numbers(self) -> Array:
        """The numbers, to be looked at during import. FrontendError when there are too many for that."""
        if self.type.elements > MADE_MAX:
            found = f"a constant of {self.type.elements:.3g} elements"
            raise FrontendError(f"it needs the numbers of {found} at import; at most {MADE_MAX:.3g} are looked at")
        return self.load()


@dataclass(frozen=True, eq=False)
class Listed:
    """A sequence whose items are known one by one. It exists while a file is imported, and never in the IR."""

    items: tuple["Value | Constant", ...]


Item: TypeAlias = Value | Constant | Listed
"""What a name of the file may stand for."""


def constant_of(array: Array) -> Constant:
    """A constant that is already there; FrontendError for an element type that the IR has not."""
    found = np.asarray(array)
    dtype = _dtype_of_array(found)
    held = _held(found, TensorType(dtype, found.shape))
    return Constant(TensorType(dtype, held.shape), lambda: held)


def _dtype_of_array(array: Array) -> DType:
    """Types that numpy itself lacks (bfloat16, int4, ...) are those of ml_dtypes, and known by their names."""
    name = array.dtype.name.upper().replace("_", "")
    if name in _NAMES:
        return DType.parse(_NAMES[name])
    if array.dtype not in (np.float32, np.float64):
        raise FrontendError(f"a constant has the element type {array.dtype}, which is not supported")
    return DType.parse(f"f{8 * array.dtype.itemsize}")


def onnx_type(kind: TensorType) -> TypeProto:
    """The ONNX type of a tensor of the IR; a scale has no place in it."""
    return helper.make_tensor_type_proto(_CODES[kind.dtype], kind.shape)


def narrow(array: Array, dtype: DType) -> Array:
    """The numbers in the numpy type that ONNX means (ml_dtypes' bfloat16), from the one that the IR holds them in."""
    return array if dtype not in _CODES else array.astype(helper.tensor_dtype_to_np_dtype(_CODES[dtype]), copy=False)


def dtype_of(code: int, where: str) -> DType:
    """The element type behind an ONNX type number."""
    if code not in _DTYPES:
        known = code in TensorProto.DataType.values()
        found = TensorProto.DataType.Name(code) if known else f"number {code}"  # type: ignore[arg-type]
        raise FrontendError(f"{where} has the element type {found}, which is not supported")
    return _DTYPES[code]


def checked_type(dtype: DType, shape: Sequence[int], where: str) -> TensorType:
    """A tensor type; FrontendError for a negative extent or an absurd size."""
    if any(extent < 0 for extent in shape):
        raise FrontendError(f"{where} is malformed: its shape is {list(shape)}")
    check_elements(shape, where)
    return TensorType(dtype, tuple(shape))


def check_made(elements: int) -> None:
    """FrontendError when the importer would have to make up a constant of too many elements."""
    if elements > MADE_MAX:
        raise FrontendError(f"it would make a constant of {elements:.3g} elements; at most {MADE_MAX:.3g} are accepted")


def read_tensor(tensor: TensorProto, folder: Path, name: str = "") -> Constant:
    """Check that a tensor holds what it declares; decode nothing yet."""
    where = f"tensor '{tensor.name or name}'"
    kind = checked_type(dtype_of(tensor.data_type, where), tensor.dims, where)
    if tensor.data_location == TensorProto.EXTERNAL:
        source = find_external(tensor, (kind.bits + 7) // 8, folder, where)
        return Constant(kind, lambda: _held(_read_external(source, tensor), kind), tensor.name)
    _check_length(tensor, kind, where)
    return Constant(kind, lambda: _held(numpy_helper.to_array(tensor), kind), tensor.name)


def _check_length(tensor: TensorProto, kind: TensorType, where: str) -> None:
    if tensor.HasField("raw_data"):
        found, needed, unit = len(tensor.raw_data), (kind.bits + 7) // 8, "bytes"
        if kind.dtype.kind == "bool":
            needed = kind.elements
    else:
        field = helper.tensor_dtype_to_field(tensor.data_type)
        packed = 8 // kind.dtype.bits if kind.dtype.integer and kind.dtype.bits < 8 else 1
        found, needed, unit = len(getattr(tensor, field)), -(-kind.elements // packed), "numbers"
    if found != needed:
        shape = list(kind.shape)
        raise FrontendError(f"{where} is malformed: shape {shape} needs {needed} {unit} and it holds {found}")


def _read_external(source: External, tensor: TensorProto) -> Array:
    raw = source.read()
    if helper.tensor_dtype_to_np_dtype(tensor.data_type).kind in "fiub":
        return raw.view(helper.tensor_dtype_to_np_dtype(tensor.data_type)).reshape(tuple(tensor.dims))
    inline = TensorProto(data_type=tensor.data_type, dims=tensor.dims, raw_data=raw.tobytes())
    return numpy_helper.to_array(inline)


def _held(array: Array, kind: TensorType) -> Array:
    """In the numpy type that the IR holds this element type in (bf16 as float32, i4 as int8)."""
    return array if array.dtype == kind.dtype.numpy else array.astype(kind.dtype.numpy)
