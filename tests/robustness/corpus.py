"""The whole files that fuzzing starts from: small models of ONNX's own test suite, and the IR text of them."""

import warnings
from collections.abc import Iterator

from onnx import ModelProto, TensorProto, helper

from gossamer.frontends import load
from gossamer.ir.errors import GossamerError
from gossamer.passes.pipeline import run_pipeline

LARGEST_BYTES = 16_000
PIPELINES = ("", "fold-bn,simplify,fuse", "fuse,tile{target=systolic}")


def models() -> list[ModelProto]:
    """The first two node tests of every operator or group of operators, and a model with external data."""
    from onnx.backend.test.loader import load_model_tests

    found: dict[tuple[str, ...], list[ModelProto]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = load_model_tests(kind="node")
    for case in cases:
        model = case.model
        if model is not None and model.ByteSize() < LARGEST_BYTES:
            found.setdefault(tuple(node.op_type for node in model.graph.node), []).append(model)
    return [model for kind in found.values() for model in kind[:2]] + [with_external_data()]


def with_external_data() -> ModelProto:
    """x + w, w in the file `w.bin` beside the model."""
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", "w.bin"), ("offset", "0"), ("length", "16")):
        weight.external_data.add(key=key, value=value)
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "external", [x], [y], [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def texts() -> list[str]:
    """IR text of every model that imports, as it is and after passes."""
    return [text for model in models() for text in _texts_of(model)]


def _texts_of(model: ModelProto) -> Iterator[str]:
    for pipeline in PIPELINES:
        try:
            yield str(run_pipeline(load(model), pipeline))
        except GossamerError:
            return
