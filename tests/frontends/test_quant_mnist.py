"""Published accuracy on MNIST's test images: a small convolutional network, and networks of 1 and 2 bits."""

import io
import tarfile

import numpy as np
import onnx
import onnx.version_converter
import pytest
from onnx import numpy_helper

from gossamer.api import build, prepare
from gossamer.api import compile as compile_module
from gossamer.frontends import load
from gossamer.ir.reference import evaluate

IMAGES = 10_000
TESTED = 2000
"""Images that a quantised network and its runtime both classify."""

CORRECT = {"TFC_1W1A": 9296, "TFC_1W2A": 9474, "TFC_2W2A": 9660}
PUBLISHED = {"TFC_1W1A": 0.9317, "TFC_1W2A": 0.9479, "TFC_2W2A": 0.9660}


@pytest.fixture(scope="module")
def digits(data_folder):
    """The test images [10000, 1, 28, 28] from 0 to 255, in MNIST's own order, and their labels."""
    image = pytest.importorskip("PIL.Image")
    path = data_folder / "mnist_png" / "mnist-pngs.tar.gz"
    if not path.exists():
        pytest.skip("MNIST is not here: set GOSSAMER_DATA")
    found = {}
    with tarfile.open(path, "r|gz") as archive:
        for member in archive:
            if member.name.startswith("test/") and member.name.endswith(".png"):
                _, label, name = member.name.split("/")
                pixels = np.asarray(image.open(io.BytesIO(archive.extractfile(member).read())).convert("L"))
                found[int(name.removesuffix(".png"))] = (pixels, int(label))
    assert len(found) == IMAGES
    ordered = [found[number] for number in sorted(found)]
    return np.stack([p for p, _ in ordered])[:, None].astype(np.float32), np.array([label for _, label in ordered])


def test_the_network_s_own_vectors(data):
    folder = data / "onnx_qonnx" / "mnist-conv"
    module = load(folder / "model.onnx")
    x, wanted = (
        numpy_helper.to_array(onnx.load_tensor(folder / "test_data_set_0" / f"{name}_0.pb"))
        for name in ("input", "output")
    )
    found = evaluate(module, {module.graph.inputs[0].name: x})[module.graph.outputs[0].name]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-3)


@pytest.mark.slow
def test_mnist_conv_on_the_cpu_backend(data, digits):
    """98.91 %, as published; one image at a time, since the file fixes the batch."""
    pytest.importorskip("tvm")
    module = load(data / "onnx_qonnx" / "mnist-conv" / "model.onnx")
    artifact = compile_module(module, target="cpu")
    (given,), (result,) = module.graph.inputs, module.graph.outputs
    images, labels = digits
    scores = np.concatenate([artifact.run({given.name: image[None]})[result.name] for image in images])
    assert (scores.argmax(axis=1) == labels).sum() == 9891


@pytest.mark.slow
@pytest.mark.parametrize("name", CORRECT)
def test_networks_of_few_bits(data, digits, name):
    """Brevitas publishes the accuracies of its own run; the difference is at most 21 images of 10,000."""
    proto = onnx.load(data / "onnx_qonnx_model_zoo" / f"{name}.onnx")
    for info in (proto.graph.input[0], proto.graph.output[0]):
        info.type.tensor_type.shape.dim[0].dim_param = "batch"
    images, labels = digits
    module = load(proto, {proto.graph.input[0].name: images.shape})
    scores = evaluate(module, {module.graph.inputs[0].name: images / 255})[module.graph.outputs[0].name]
    correct = int((scores.argmax(axis=1) == labels).sum())
    assert abs(correct - CORRECT[name]) <= 2  # sums in another order may tip a number between two steps
    assert abs(correct / IMAGES - PUBLISHED[name]) < 0.0025


@pytest.mark.slow
@pytest.mark.parametrize("activations", ["QUInt8", "QInt8"])
def test_mnist_conv_in_8_bits_is_onnxruntime_s(data, digits, tmp_path, activations):
    """Calibrated and run on real images: only integers between the first cast and the last, and the same accuracy."""
    pytest.importorskip("tvm")
    runtime = pytest.importorskip("onnxruntime")
    path = quantised_by_onnxruntime(data / "onnx_qonnx" / "mnist-conv" / "model.onnx", tmp_path, digits[0], activations)
    module = prepare(load(path), "cpu")
    computed = [n for n in module.graph.nodes if n.op.name != "ir.param" and n.result not in module.graph.outputs]
    assert [n.title for n in computed if n.result.dtype.floating] == []
    artifact = build(module, "cpu")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,), (result,) = module.graph.inputs, module.graph.outputs
    images, labels = (part[:TESTED] for part in digits)
    found = np.concatenate([artifact.run({given.name: image[None]})[result.name] for image in images])
    wanted = np.concatenate([session.run(None, {given.name: image[None]})[0] for image in images])
    ours, theirs = ((scores.argmax(axis=1) == labels).mean() for scores in (found, wanted))
    assert theirs > 0.98 and abs(ours - theirs) <= 0.002
    step = np.diff(np.unique(wanted)).min()
    assert np.abs(found - wanted).max() < 1.5 * step and (np.abs(found - wanted) > step / 2).mean() < 0.01


def quantised_by_onnxruntime(source, folder, images, activations):
    """The network in QDQ form, weights by channel, calibrated on the last images."""
    quantization = pytest.importorskip("onnxruntime.quantization")
    model = onnx.version_converter.convert_version(onnx.load(source), 17)
    constants = {t.name: t for t in model.graph.initializer}
    given = [i for i in model.graph.input if i.name not in constants]
    del model.graph.input[:]
    model.graph.input.extend(given)
    for node in [n for n in model.graph.node if n.op_type == "Reshape" and n.input[0] in constants]:
        array, shape = (numpy_helper.to_array(constants[name]) for name in node.input)
        model.graph.initializer.append(numpy_helper.from_array(array.reshape(shape), node.output[0]))
        model.graph.node.remove(node)
        for name in node.input:
            model.graph.initializer.remove(constants[name])
    onnx.save(model, folder / "float.onnx")

    class Feeds:
        left = [{given[0].name: image[None]} for image in images[-50:]]

        def get_next(self):
            return self.left.pop() if self.left else None

    kinds = quantization.QuantType
    quantization.quantize_static(
        folder / "float.onnx", folder / "int8.onnx", Feeds(), quant_format=quantization.QuantFormat.QDQ,
        per_channel=True, activation_type=kinds[activations], weight_type=kinds.QInt8,
        extra_options={"ActivationSymmetric": activations == "QInt8"},
    )  # fmt: skip
    return folder / "int8.onnx"
