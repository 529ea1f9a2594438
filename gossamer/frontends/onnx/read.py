"""From a path to an ONNX model that is worth looking at: it parses, has a graph, and an opset that is understood."""

from collections.abc import Sequence
from pathlib import Path

from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, NodeProto

from gossamer.ir.errors import FrontendError

OPSET_MIN, OPSET_MAX = 1, 28
_LARGEST = 1 << 31  # protobuf's own limit for one message


def read_model(path: Path) -> ModelProto:
    """Parse the file. External data is not read here."""
    return _parse(_read(path))


def checked_model(model: ModelProto) -> ModelProto:
    """The model itself; FrontendError when it has no graph or an opset that is not understood."""
    if not model.HasField("graph") or not model.graph.node:
        raise FrontendError("this is not an ONNX model: it holds no graph")
    _check_names(model.graph)
    opsets_of(model)
    for function in model.functions:
        _check_nodes(function.node)
    return model


def _check_names(graph: GraphProto) -> None:
    """A damaged name, which protobuf gives as bytes, could not even be put in a message."""
    names = [item.name for item in (*graph.initializer, *graph.input, *graph.output)]
    if not all(isinstance(name, str) for name in names):
        raise FrontendError("the graph is malformed: it holds a name that is not UTF-8")
    _check_nodes(graph.node)


def _check_nodes(nodes: Sequence[NodeProto]) -> None:
    """Of inner graphs too."""
    for node in nodes:
        if not all(isinstance(name, str) for name in (node.op_type, node.domain, node.name, *node.input, *node.output)):
            raise FrontendError("the graph is malformed: it holds a name that is not UTF-8")
        if not node.output:
            raise FrontendError("the graph is malformed: it holds a node without outputs")
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _check_names(attribute.g)


def opsets_of(model: ModelProto) -> dict[str, int]:
    """Domain -> version of the operators that the model was written for; the standard operators' domain is ""."""
    versions = {"" if entry.domain == "ai.onnx" else entry.domain: entry.version for entry in model.opset_import}
    if not versions:
        raise FrontendError("the ONNX model does not say which opset it uses; export it again")
    if not OPSET_MIN <= versions.setdefault("", OPSET_MAX) <= OPSET_MAX:
        raise FrontendError(
            f"the model uses ONNX opset {versions['']}, and {OPSET_MIN} to {OPSET_MAX} are understood; "
            "convert it with onnx.version_converter"
        )
    return versions


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > _LARGEST:
            raise FrontendError(f"the file has {size} bytes and may have 2 GiB; save it with external data")
        data = path.read_bytes()
    except FileNotFoundError:
        raise FrontendError("there is no such file") from None
    except OSError as error:
        raise FrontendError(f"the file cannot be read: {error.strerror}") from None
    if not data:
        raise FrontendError("the file is empty")
    return data


def _parse(data: bytes) -> ModelProto:
    model = ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        # An ONNX file starts with field 1, the IR version; anything else never was one.
        if data[0] == 0x08:
            raise FrontendError(f"the ONNX file is damaged or cut off after {len(data)} bytes; copy it again") from None
        raise FrontendError("this is not an ONNX file") from None
    return model
