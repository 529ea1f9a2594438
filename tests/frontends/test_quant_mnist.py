"""Published accuracy on MNIST's test images: a small convolutional network, and networks of 1 and 2 bits."""

import io
import tarfile

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from gossamer.api import compile as compile_module
from gossamer.frontends import load
from gossamer.ir.reference import evaluate

IMAGES = 10_000
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
