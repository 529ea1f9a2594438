"""IR -> ONNX, opset 21.

    model = export_onnx(module)                # an onnx.ModelProto
    save_onnx(module, "out.onnx")

Names of inputs, outputs, values and parameters are kept; fused nodes are written out as the ops of their bodies;
schedules and hardware have no place in ONNX. Precision is written as QuantizeLinear and DequantizeLinear around float
operators, the form that ONNX runtimes fuse back into integer kernels: a quantised tensor is stored as integers, an
integer accumulator (i32) is the float number that it stands for. Weights of 4 bits are packed. Other widths that ONNX
lacks, and activations of 4 bits, which runtimes support poorly, are kept in the next wider type, clipped to their
range. An op that ONNX has no operator for, from a plug-in perhaps, is written by its loop nest.

Files of 2 GiB and more, which ONNX's own format cannot hold, keep their weights beside them in `out.onnx.data`.
"""

from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from gossamer.ir.files import write_whole
from gossamer.ir.graph import Module

if TYPE_CHECKING:
    from onnx import ModelProto

_LARGEST = (1 << 31) - (1 << 20)  # protobuf's limit for one message is 2 GiB


def export_onnx(module: Module) -> "ModelProto":
    """The module as an ONNX model. Raises BackendError that names every node ONNX has no words for."""
    from gossamer.codegen.onnx.exporter import exported_model

    return exported_model(module)


def save_onnx(module: Module, path: str | PathLike[str], largest_bytes: int = _LARGEST) -> tuple[Path, ...]:
    """Write the module as an ONNX file, which appears whole or not at all; the files written.

    More than `largest_bytes` of weights are written beside it, to `path` with .data behind its name. Raises
    BackendError, or OSError (disk full).
    """
    from gossamer.codegen.onnx.external import weight_bytes, write_beside

    model, file = export_onnx(module), Path(fspath(path))
    if weight_bytes(model) > largest_bytes:
        return (file, write_beside(model, file))
    write_whole(file, lambda out: out.write(model.SerializeToString()))
    return (file,)
