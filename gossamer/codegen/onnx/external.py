"""ONNX files whose weights lie beside them: protobuf cannot hold more than 2 GiB in one message."""

from pathlib import Path
from typing import IO

from onnx import ModelProto, TensorProto
from onnx.external_data_helper import set_external_data

from gossamer.ir.files import write_whole

_SMALL = 1024
"""Tensors below as many bytes stay in the file."""
_PAGE = 4096
"""Weights start at multiples of it, so that runtimes can map them."""


def weight_bytes(model: ModelProto) -> int:
    """What the initialisers take, without serialising them."""
    return sum(len(t.raw_data) for t in model.graph.initializer)


def write_beside(model: ModelProto, path: Path) -> Path:
    """Write `path` and `path`.data, which is returned; the model is changed to refer to it. Each appears whole."""
    home = path.with_name(f"{path.name}.data")
    moved = [t for t in model.graph.initializer if len(t.raw_data) > _SMALL]
    write_whole(home, lambda out: _write(moved, out))
    offset = 0
    for tensor in moved:
        set_external_data(tensor, home.name, offset, len(tensor.raw_data))
        offset += _rounded(len(tensor.raw_data))
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
    write_whole(path, lambda out: out.write(model.SerializeToString()))
    return home


def _write(tensors: list[TensorProto], out: IO[bytes]) -> None:
    for tensor in tensors:
        out.write(tensor.raw_data)
        out.write(b"\0" * (_rounded(len(tensor.raw_data)) - len(tensor.raw_data)))


def _rounded(size: int) -> int:
    return -(-size // _PAGE) * _PAGE
