"""TensorFlow Lite -> IR, float and integer networks.

    module = load_tflite("kws_ref_model.tflite")
    module = load_tflite("kws_ref_model.tflite", shapes={"input_1": (16, 49, 10, 1)})

A file keeps images as NHWC and the IR as NCHW. Inputs and outputs keep the file's layout, with one transpose each;
between them everything that knows about images works on NCHW and what does not care follows its operands, so that other
transposes appear only where a file itself flattens an image. Integer layers become integer layers: a quantised tensor
has the file's integers, scale and zero point as its type (see docs/quantised.md for what is bit-true).

Reading needs the `tflite` package: pip install 'gossamer[tflite]'.
"""

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path

from gossamer.ir.errors import FrontendError
from gossamer.ir.graph import Module


def load_tflite(path: str | PathLike[str], shapes: Mapping[str, Sequence[int]] | None = None) -> Module:
    """Read a TensorFlow Lite file. `shapes` sets extents of inputs that the file leaves open (often the batch).

    Raises FrontendError, one sentence that starts with the path: no reader installed, not a TensorFlow Lite file, cut
    off or damaged, an input shape that does not fit, operators that are not supported (all of them at once).
    """
    try:
        import tflite  # noqa: F401
    except ImportError:
        raise FrontendError(
            f"{path}: reading TensorFlow Lite files needs one more package: pip install 'gossamer[tflite]'"
        ) from None
    from gossamer.frontends.tflite.importer import import_network
    from gossamer.frontends.tflite.read import read_network

    file = Path(fspath(path))
    try:
        return import_network(read_network(file), file.stem, shapes or {})
    except FrontendError as error:  # names in a damaged file may hold anything; a message is one line
        raise FrontendError(f"{path}: {' '.join(str(error).split())}") from error.__cause__
