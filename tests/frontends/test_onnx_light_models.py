"""The nine "light" networks of the onnx package: as published, and with random weights, which make a judge of numbers.

As published every weight of a layer is one number, so that a transposed or misplaced weight would pass unseen.
"""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, numpy_helper

import gossamer
from gossamer.frontends import load
from gossamer.ir.reference import evaluate
from gossamer.ir.verify import verify

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
NAMES = (
    "bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19",
    "zfnet512",
)  # fmt: skip
LARGEST = 1 << 22
"""Weights of more elements than this stay one number, so that no test needs gigabytes."""

pytestmark = pytest.mark.slow


def published(name: str) -> ModelProto:
    return onnx.load(LIGHT / f"light_{name}.onnx")


def with_random_weights(model: ModelProto) -> ModelProto:
    """Every ConstantOfShape a seeded random tensor: He et al.'s normal distribution, variances positive."""
    shapes = {t.name: tuple(numpy_helper.to_array(t)) for t in model.graph.initializer}
    kinds = {name: (n.op_type, i) for n in model.graph.node for i, name in enumerate(n.input)}
    rng = np.random.default_rng(0)
    for node in list(model.graph.node):
        shape = shapes.get(node.input[0], ()) if node.op_type == "ConstantOfShape" else ()
        if shape and np.prod(shape) <= LARGEST:
            model.graph.node.remove(node)
            array = weights(rng, shape, *kinds[node.output[0]])
            model.graph.initializer.append(numpy_helper.from_array(array, node.output[0]))
    return model


def weights(rng, shape, operator, place):
    numbers = rng.standard_normal(shape).astype(np.float32)
    if operator == "BatchNormalization":
        return (1 + 0.2 * (np.abs(numbers) if place == 4 else numbers)).astype(np.float32)
    return (numbers * np.sqrt(2 / max(1, np.prod(shape[1:])))).astype(np.float32)


def ramp(model: ModelProto) -> dict[str, np.ndarray]:
    """The input that the published outputs belong to."""
    given = {t.name for t in model.graph.initializer}
    (info,) = (i for i in model.graph.input if i.name not in given)
    shape = tuple(d.dim_value for d in info.type.tensor_type.shape.dim)
    return {info.name: (np.arange(np.prod(shape)).reshape(shape) / np.prod(shape)).astype(np.float32)}


def published_output(name: str) -> np.ndarray:
    tensor = TensorProto()
    tensor.ParseFromString((LIGHT / f"light_{name}_output_0.pb").read_bytes())
    return numpy_helper.to_array(tensor)


def judged(model, onnxruntime):
    inputs = ramp(model)
    (wanted,) = onnxruntime(model, inputs)
    assert np.ptp(wanted) > 1e-5  # numbers that could not tell one class from another would judge nothing
    return inputs, wanted


@pytest.mark.parametrize("name", NAMES)
def test_published_outputs_through_the_reference_and_the_cpu(name):
    module = verify(load(published(name)))
    inputs, wanted = ramp(published(name)), published_output(name)
    tolerance = 2e-3 if name == "densenet121" else 1e-3  # those of the onnx package's own runner
    for found in (evaluate(module, inputs), gossamer.compile(module, "cpu").run(inputs)):
        (output,) = found.values()
        np.testing.assert_allclose(output, wanted, rtol=tolerance, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_random_weights_against_onnxruntime(name, onnxruntime):
    model = with_random_weights(published(name))
    inputs, wanted = judged(model, onnxruntime)
    (found,) = evaluate(load(model), inputs).values()
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-4 * np.abs(wanted).max())


@pytest.mark.parametrize("name", ["squeezenet", "shufflenet"])
def test_random_weights_on_the_cpu(name, onnxruntime):
    """The two that compile in seconds, of every kind of layer that the nine have but for local normalisation."""
    model = with_random_weights(published(name))
    inputs, wanted = judged(model, onnxruntime)
    (found,) = gossamer.compile(load(model), "cpu").run(inputs).values()
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-4 * np.abs(wanted).max())
