"""ONNX -> IR, opsets 1 to 28.

    module = load_onnx("resnet18.onnx")
    module = load_onnx("dynamic.onnx", shapes={"x": (1, 3, 224, 224)})
    module = load_onnx("resizes.onnx", constants={"sizes": numpy.array([1, 3, 448, 448])})

Names are kept: a value is called what the file calls it, a node's label is the ONNX node's name, a parameter's is its
initialiser's. Weights are decoded when first used. What a static shape makes known (Shape, Gather, ... -> Reshape) is
computed here, so such arithmetic never reaches the IR. An operator without a function of its own comes in through the
body that the standard defines for it. To add an operator, add a function to the table (`table.py`).
"""

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from gossamer.ir.errors import FrontendError
from gossamer.ir.graph import Array, Module

if TYPE_CHECKING:
    from onnx import ModelProto


def load_onnx(
    path: str | PathLike[str],
    shapes: Mapping[str, Sequence[int]] | None = None,
    constants: Mapping[str, Array] | None = None,
) -> Module:
    """Read an ONNX file. `shapes` fixes inputs whose shape the file leaves open, `constants` makes inputs constants.

    A constant is for an input on whose numbers shapes depend: the target of a Reshape, a number of loops, ...

    Raises FrontendError, one sentence that starts with the path: not ONNX, cut off or malformed, external data that
    is missing or outside the file's folder, dynamic shapes without `shapes`, operators that are not supported (all).
    """
    from gossamer.frontends.onnx.read import read_model

    file = Path(fspath(path))
    try:
        return load_onnx_model(read_model(file), file.stem, file.parent, shapes, constants)
    except FrontendError as error:
        raise FrontendError(f"{path}: {error}") from error.__cause__


def load_onnx_model(
    model: "ModelProto",
    name: str = "",
    folder: str | PathLike[str] = ".",
    shapes: Mapping[str, Sequence[int]] | None = None,
    constants: Mapping[str, Array] | None = None,
) -> Module:
    """A parsed ONNX model as a module called `name`; `folder` is where its external data lies.

    Raises FrontendError as `load_onnx` does, without a path in front.
    """
    from gossamer.frontends.onnx.importer import import_model
    from gossamer.frontends.onnx.read import checked_model

    try:
        checked = checked_model(model)
        return import_model(checked, name or model.graph.name, Path(fspath(folder)), shapes or {}, constants or {})
    except FrontendError as error:  # names in a damaged file may hold anything; a message is one line
        raise FrontendError(" ".join(str(error).split())) from error.__cause__
