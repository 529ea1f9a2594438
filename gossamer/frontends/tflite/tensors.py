"""Tensors of a TensorFlow Lite file: their type, with scale and zero point, and their numbers where it holds them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from gossamer.frontends.limits import check_elements
from gossamer.ir.errors import FrontendError, IRError
from gossamer.ir.graph import Array
from gossamer.ir.types import DType, Quant, TensorType

_TYPES = {
    "FLOAT32": "f32", "FLOAT16": "f16", "FLOAT64": "f64", "BFLOAT16": "bf16", "BOOL": "bool", "INT4": "i4",
    "INT8": "i8", "INT16": "i16", "INT32": "i32", "INT64": "i64", "UINT8": "u8", "UINT16": "u16", "UINT32": "u32",
    "UINT64": "u64",
}  # fmt: skip
_NUMBERS = {number: name for name, number in vars(tflite.TensorType).items() if isinstance(number, int)}


@dataclass(frozen=True, eq=False)
class Tensor:
    """`data`: its bytes in the file when it is a constant. `open_axes`: those whose extent the file leaves open."""

    name: str
    type: TensorType
    data: NDArray[np.uint8] | None
    open_axes: tuple[int, ...] = ()

    def array(self) -> Array:
        """The numbers of a constant, in the numpy type that the IR holds its element type in."""
        assert self.data is not None
        if self.type.dtype.bits == 4:
            return _nibbles(self.data)[: self.type.elements].reshape(self.type.shape)
        if self.type.dtype.kind == "bf":
            wide = self.data.view("<u2").astype(np.uint32) << 16
            return wide.view(np.float32).reshape(self.type.shape)
        return self.data.view(self.type.dtype.numpy.newbyteorder("<")).reshape(self.type.shape)


def tensor_of(item: Any, model: Any, data: NDArray[np.uint8]) -> Tensor:
    """One tensor. FrontendError for an element type that is not supported, a wrong size, or wrong scales."""
    name = (item.Name() or b"").decode("utf-8", "replace")
    where = f"tensor '{name}'"
    shape = tuple(int(n) for n in item.ShapeAsNumpy()) if item.ShapeLength() else ()
    if item.IsVariable() or item.Sparsity() is not None:
        kind = "keeps a state between runs" if item.IsVariable() else "is sparse"
        raise FrontendError(f"{where} {kind}, which is not supported")
    check_elements(shape, where)
    if any(n < 0 for n in shape):
        raise FrontendError(f"{where} is malformed: its shape is {list(shape)}")
    try:
        dtype = _dtype(item.Type(), where)
        kind = TensorType(dtype, shape, _quant(item.Quantization(), dtype, shape))
    except IRError as error:
        raise FrontendError(f"{where} is malformed: {error}") from None
    open_axes = ()
    if item.ShapeSignatureLength() == len(shape) and shape:
        open_axes = tuple(i for i, n in enumerate(item.ShapeSignatureAsNumpy()) if n < 0)
    return Tensor(name, kind, _content(item, model, data, kind, where), open_axes)


def _dtype(number: int, where: str) -> DType:
    name = _NUMBERS.get(number, f"number {number}")
    if name not in _TYPES:
        raise FrontendError(f"{where} has the element type {name}, which is not supported")
    return DType.parse(_TYPES[name])


def _quant(item: Any, dtype: DType, shape: tuple[int, ...]) -> Quant | None:
    """One scale, or one per index of an axis. A range that a float tensor was seen in is no type."""
    if item is None or not item.ScaleLength() or not dtype.integer:
        return None
    scales = tuple(float(s) for s in item.ScaleAsNumpy())
    zeros = tuple(int(z) for z in item.ZeroPointAsNumpy()) if item.ZeroPointLength() else (0,)
    if not np.isfinite(scales).all():
        raise IRError("a scale must be finite")
    # One scale is one scale for all, whichever axis it is said to belong to.
    axis = None if len(scales) == 1 else int(item.QuantizedDimension())
    return Quant(scales, zeros if any(zeros) else (0,), axis)


def _content(item: Any, model: Any, data: NDArray[np.uint8], kind: TensorType, where: str) -> NDArray[np.uint8] | None:
    if item.Buffer() >= model.BuffersLength():
        raise FrontendError(f"{where} is malformed: it is in buffer {item.Buffer()} of {model.BuffersLength()}")
    buffer = model.Buffers(item.Buffer())
    if buffer.DataLength():
        found = buffer.DataAsNumpy()
    elif buffer.Offset() > 1:  # large files keep weights behind the flatbuffer
        found = data[buffer.Offset() : buffer.Offset() + buffer.Size()]
    else:
        return np.zeros(0, np.uint8) if item.Buffer() and kind.elements == 0 else None
    needed = kind.elements if kind.dtype.kind == "bool" else (kind.bits + 7) // 8
    if found.size != needed:
        raise FrontendError(f"{where} is malformed: {list(kind.shape)} needs {needed} bytes and it holds {found.size}")
    return found


def _nibbles(data: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Two signed numbers of four bits a byte, the low half first."""
    pairs = np.stack([data & 15, data >> 4], axis=-1).ravel().astype(np.int8)
    return pairs - ((pairs & 8) << 1)
