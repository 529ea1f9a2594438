"""One door for every kind of model: recognised by content, not by file name."""

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union, cast

from gossamer.frontends.text import load_text
from gossamer.ir.errors import FrontendError
from gossamer.ir.graph import Array, Module

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch.export import ExportedProgram
    from torch.nn import Module as TorchModule

Model = Union[str, PathLike[str], "ModelProto", "TorchModule", "ExportedProgram", Module]


def load(
    model: Model,
    shapes: Mapping[str, Sequence[int]] | None = None,
    constants: Mapping[str, Array] | None = None,
) -> Module:
    """A network from a file (ONNX, TensorFlow Lite, IR text with its weights beside it) or another library's object.

    `shapes` gives shapes of inputs that the model leaves open: `{"x": (1, 3, 224, 224)}`; a torch module needs one
    for every input. `constants` makes inputs of an ONNX model constants: `{"sizes": numpy.array([1, 3, 448, 448])}`.
    Raises FrontendError, one sentence that says what is wrong and what to do.
    """
    if isinstance(model, (str, PathLike)):
        return _load_file(model, shapes, constants)
    if isinstance(model, Module) and not constants:
        return model
    if _is(model, "onnx", "ModelProto"):
        from gossamer.frontends.onnx import load_onnx_model

        return load_onnx_model(cast("ModelProto", model), shapes=shapes, constants=constants)
    if constants:
        raise FrontendError("constants are for inputs of ONNX models; leave them out")
    if _is(model, "torch", "ExportedProgram") or _is(model, "torch", "Module"):
        from gossamer.frontends.torch import load_torch

        return load_torch(cast("TorchModule", model), shapes)
    known = "a path, a torch module, an exported program or an ONNX model"
    raise FrontendError(f"an object of type {type(model).__name__} is no model; give {known}")


def _is(model: Any, package: str, name: str) -> bool:
    """Is it of that class or one derived from it? Asked without importing the package."""
    homes = (package, f"{package}_pb2", f"{package}_ml_pb2")
    return any(c.__name__ == name and c.__module__.split(".")[0] in homes for c in type(model).__mro__)


def _load_file(
    path: str | PathLike[str], shapes: Mapping[str, Sequence[int]] | None, constants: Mapping[str, Array] | None
) -> Module:
    head = _head(Path(fspath(path)))
    if head.startswith(b"PK\x03\x04"):
        hint = "if it is a saved PyTorch program, open it with torch.export.load and pass what that returns"
        raise FrontendError(f"{path}: this is a zip archive and not a model; {hint}")
    if _is_text(head):
        if shapes:
            raise FrontendError(f"{path}: IR text says every shape itself; leave out the shape of {', '.join(shapes)}")
        if constants:
            raise FrontendError(f"{path}: constants are for inputs of ONNX models; leave them out")
        return load_text(path)
    if head[4:8] == b"TFL3":
        from gossamer.frontends.tflite import load_tflite

        return load_tflite(path, shapes)
    from gossamer.frontends.onnx import load_onnx

    return load_onnx(path, shapes, constants)


def _head(path: Path) -> bytes:
    try:
        if not path.exists():
            raise FrontendError(f"{path}: there is no such file")
        if not path.is_file():
            raise FrontendError(f"{path}: this is a folder or device, needed a model file")
        with path.open("rb") as file:
            return file.read(4096)
    except OSError as error:
        raise FrontendError(f"{path}: the file cannot be read: {error.strerror}") from None


def _is_text(head: bytes) -> bool:
    """Does its first line that is no comment start a module?"""
    lines = (line.strip() for line in head.decode("utf-8", "replace").splitlines())
    first = next((line for line in lines if line and not line.startswith("//")), "")
    return first.split()[:1] == ["module"]
