"""The nine MLPerf-Tiny networks as published, against LiteRT: integers bit for bit, floats to rounding."""

import numpy as np
import pytest

from gossamer.api import compile as compile_module
from gossamer.frontends import load
from gossamer.ir.analysis import layers
from gossamer.ir.reference import evaluate
from gossamer.ir.verify import verify

INTEGER = ("ad01_int8", "kws_ref_model", "pretrainedResnet_quant", "str_ww_ref_model", "vww_96_int8")
FLOAT = {"ad01_fp32": 1.0, "pretrainedResnet": 255.0, "vww_96_float": 1.0, "kws_ref_model_float32": 1.0}
"""Network -> the largest input it was trained on."""

MACS = {
    "kws_ref_model": 2_656_768, "pretrainedResnet_quant": 12_501_632, "ad01_int8": 264_192, "vww_96_int8": 7_489_664,
}  # fmt: skip


@pytest.fixture
def path(data, request):
    pytest.importorskip("tflite")
    file = data / "mlperf_tiny_models" / f"{request.param}.tflite"
    if not file.exists():
        pytest.skip("the published networks are not here: set GOSSAMER_DATA")
    return file


def litert(path, x):
    """What LiteRT computes, as it runs on a phone: with XNNPACK."""
    interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    (given,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(given["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(result["index"])


def ours(module, x):
    return evaluate(module, {module.graph.inputs[0].name: x})[module.graph.outputs[0].name]


@pytest.mark.parametrize("path", INTEGER, indirect=True)
def test_integer_networks_are_bit_true(path):
    module = load(path)
    verify(module)
    rng = np.random.default_rng(3)
    for _ in range(3):
        x = rng.integers(-128, 128, module.graph.inputs[0].shape).astype(np.int8)
        np.testing.assert_array_equal(ours(module, x), litert(path, x))


@pytest.mark.slow
@pytest.mark.parametrize("path", ["ad01_int8", "str_ww_ref_model", "pretrainedResnet_quant"], indirect=True)
def test_integer_networks_are_bit_true_on_the_cpu_backend(path):
    pytest.importorskip("tvm")
    module = load(path)
    artifact = compile_module(module, target="cpu")
    (given,), (result,) = module.graph.inputs, module.graph.outputs
    rng = np.random.default_rng(5)
    for _ in range(20):
        x = rng.integers(-128, 128, given.shape).astype(np.int8)
        np.testing.assert_array_equal(artifact.run({given.name: x})[result.name], litert(path, x))


@pytest.mark.parametrize("path", FLOAT, indirect=True)
def test_float_networks(path):
    """Keyword spotting has 8-bit weights under float inputs, which LiteRT rounds to 8 bits at run time."""
    module = load(path)
    x = np.random.default_rng(3).random(module.graph.inputs[0].shape, dtype=np.float32) * FLOAT[path.stem]
    wanted = litert(path, x)
    tolerance = 2e-3 if path.stem == "kws_ref_model_float32" else 2e-6 * float(np.abs(wanted).max())
    np.testing.assert_allclose(ours(module, x), wanted, rtol=0, atol=tolerance)


@pytest.mark.parametrize("path", MACS, indirect=True)
def test_integer_layers_and_few_transposes(path):
    module = load(path)
    assert sum(layer.macs for _, layer in layers(module)) == MACS[path.stem]
    products = [n.op for n in module.graph.nodes if n.op.name in ("nn.conv2d", "nn.gemm")]
    assert all(op.operands[0].dtype.bits == op.operands[1].dtype.bits == 8 for op in products)
    assert sum(n.op.name == "tensor.transpose" for n in module.graph.nodes) <= 1


@pytest.mark.parametrize("path", ["kws_ref_model"], indirect=True)
def test_another_batch(path):
    module = load(path, {"input_1": (3, 49, 10, 1)})
    x = np.random.default_rng(4).integers(-128, 128, (3, 49, 10, 1)).astype(np.int8)
    single = load(path)
    np.testing.assert_array_equal(ours(module, x), np.concatenate([ours(single, row[None]) for row in x]))
