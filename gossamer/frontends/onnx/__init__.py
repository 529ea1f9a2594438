"""ONNX -> IR, opsets 7 to 25.

    module = load_onnx("resnet18.onnx")
    module = load_onnx("dynamic.onnx", shapes={"x": (1, 3, 224, 224)})

Names are kept: a value is called what the file calls it, a node's label is the ONNX node's name, a parameter's is its
initialiser's. Weights are decoded when first used. What a static shape makes known (Shape, Gather, ... -> Reshape) is
computed here, so such arithmetic never reaches the IR. To add an operator, add a function to the table (`table.py`).
"""

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from gossamer.ir.errors import FrontendError
from gossamer.ir.graph import Module

if TYPE_CHECKING:
    from onnx import ModelProto


def load_onnx(path: str | PathLike[str], shapes: Mapping[str, Sequence[int]] | None = None) -> Module:
    """Read an ONNX file. `shapes` fixes inputs whose shape the file leaves open.

    Raises FrontendError, one sentence that starts with the path: not ONNX, cut off or malformed, external data that
    is missing or outside the file's folder, dynamic shapes without `shapes`, operators that are not supported (all).
    """
    from gossamer.frontends.onnx.read import read_model

    file = Path(fspath(path))
    try:
        return load_onnx_model(read_model(file), file.stem, file.parent, shapes)
    except FrontendError as error:
        raise FrontendError(f"{path}: {error}") from error.__cause__


def load_onnx_model(
    model: "ModelProto",
    name: str = "",
    folder: str | PathLike[str] = ".",
    shapes: Mapping[str, Sequence[int]] | None = None,
) -> Module:
    """A parsed ONNX model as a module called `name`; `folder` is where its external data lies.

    Raises FrontendError as `load_onnx` does, without a path in front.
    """
    from gossamer.frontends.onnx.importer import import_model
    from gossamer.frontends.onnx.read import checked_model

    try:
        return import_model(checked_model(model), name or model.graph.name, Path(fspath(folder)), shapes or {})
    except FrontendError as error:  # names in a damaged file may hold anything; a message is one line
        raise FrontendError(" ".join(str(error).split())) from error.__cause__
