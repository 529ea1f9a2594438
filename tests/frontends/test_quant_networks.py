"""Networks quantised by onnxruntime and by our own exporter: integer layers, and the results their runtime gives."""

import numpy as np
import onnx
import onnx.version_converter
import pytest
from onnx import TensorProto, helper, numpy_helper

from gossamer.api import compile as compile_module
from gossamer.codegen.onnx import save_onnx
from gossamer.frontends import load
from gossamer.ir.reference import evaluate
from gossamer.ir.verify import verify
from gossamer.passes.pipeline import run_pipeline

RNG = np.random.default_rng(7)
FOLDED = "fold-qdq,fold-constants,simplify,dce"


def network():
    """Two convolutions (the second depthwise), a residual sum, pooling, and a dense layer."""

    def weight(name, *shape):
        numbers = RNG.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        return numpy_helper.from_array(numbers.astype(np.float32), name)

    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], pads=[1, 1, 1, 1], group=8),
        helper.make_node("Add", ["r1", "c2"], ["a"]),
        helper.make_node("Relu", ["a"], ["r2"]),
        helper.make_node("MaxPool", ["r2"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "w3", "b3"], ["y"], transB=1),
    ]
    tensors = [weight("w1", 8, 3, 3, 3), weight("w2", 8, 1, 3, 3), weight("w3", 10, 128)]
    tensors += [numpy_helper.from_array(RNG.uniform(-0.1, 0.1, n).astype(np.float32), f"b{i}") for i, n in
                ((1, 8), (2, 8), (3, 10))]  # fmt: skip
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])]
    graph = helper.make_graph(nodes, "net", inputs, outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class Feeds:
    """Inputs, one after the other: what the quantiser calibrates with."""

    def __init__(self, feeds):
        self.left = list(feeds)

    def get_next(self):
        return self.left.pop() if self.left else None


def samples():
    return Feeds([{"x": RNG.standard_normal((1, 3, 8, 8)).astype(np.float32)} for _ in range(8)])


def quantised(tmp_path, form, **options):
    quantization = pytest.importorskip("onnxruntime.quantization")
    path = tmp_path / "quantised.onnx"
    quantization.quantize_static(
        network(), str(path), samples(), quant_format=getattr(quantization.QuantFormat, form), **options
    )
    return path


def by_reference(*modules):
    return [lambda x, module=module: evaluate(module, x) for module in modules]


def outputs_agree(path, onnxruntime, runs, steps=1.0):
    """Within so many steps of the result's own scale (the last quantisation before the output)."""
    proto = onnx.load(path)
    scale = {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer}
    last = next(n for n in reversed(proto.graph.node) if n.op_type == "DequantizeLinear")
    step = float(scale[last.input[1]])
    for _ in range(5):
        x = {"x": RNG.standard_normal((1, 3, 8, 8)).astype(np.float32)}
        (wanted,) = onnxruntime(proto, x)
        for run in runs:
            np.testing.assert_allclose(run(x)["y"], wanted, rtol=0, atol=steps * step + 1e-6)


def products(module):
    return [n.op for n in module.graph.nodes if n.op.name in ("nn.conv2d", "nn.gemm", "nn.matmul")]


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("form", ["QDQ", "QOperator"])
def test_onnxruntime_s_quantiser(tmp_path, onnxruntime, form, per_channel):
    path = quantised(tmp_path, form, per_channel=per_channel)
    module = load(path)
    folded = run_pipeline(module, FOLDED)
    verify(folded)
    assert [(op.operands[0].dtype.bits, op.operands[1].dtype.bits) for op in products(folded)] == [(8, 8)] * 3
    assert all(op.bias is not None and op.bias.dtype.integer for op in products(folded))
    outputs_agree(path, onnxruntime, by_reference(module, folded))


@pytest.mark.parametrize("form", ["QDQ", "QOperator"])
def test_unsigned_weights(tmp_path, onnxruntime, form):
    """They have zero points, which are subtracted from them in 9 bits."""
    kind = pytest.importorskip("onnxruntime.quantization").QuantType.QUInt8
    path = quantised(tmp_path, form, weight_type=kind, activation_type=kind)
    module = load(path)
    folded = run_pipeline(module, FOLDED)
    verify(folded)
    assert {(op.operands[0].dtype.bits, op.operands[1].dtype.bits) for op in products(folded)} <= {(8, 8), (8, 9)}
    outputs_agree(path, onnxruntime, by_reference(module, folded))


@pytest.mark.slow
def test_on_the_cpu_backend(tmp_path, onnxruntime):
    """The default pipeline makes integer layers; a sum of products of integers is exact in any order."""
    pytest.importorskip("tvm")
    path = quantised(tmp_path, "QDQ", per_channel=True)
    outputs_agree(path, onnxruntime, [compile_module(load(path), target="cpu").run])


def test_activations_stay_integers_between_layers(tmp_path):
    """Only the sum of two scales is computed in reals; a relu is a bound of the integers."""
    folded = run_pipeline(load(quantised(tmp_path, "QDQ")), FOLDED)
    kinds = [n.op.name for n in folded.graph.nodes if n.op.name not in ("ir.param", "quant.cast")]
    assert kinds == ["nn.conv2d", "nn.conv2d", "math.add", "nn.max_pool2d", "tensor.reshape", "nn.gemm"]
    moved = {n.op.name: n.result.dtype for n in folded.graph.nodes}
    assert moved["nn.max_pool2d"].bits == moved["tensor.reshape"].bits == 8


def test_dynamic_quantisation(tmp_path, onnxruntime):
    """Scales of activations are found at run time: the same products of integers, scales as plain mathematics."""
    quantization = pytest.importorskip("onnxruntime.quantization")
    path = tmp_path / "dynamic.onnx"
    quantization.quantize_dynamic(network(), str(path))
    module = load(path)
    verify(module)
    x = {"x": RNG.standard_normal((1, 3, 8, 8)).astype(np.float32)}
    (wanted,) = onnxruntime(onnx.load(path), x)
    np.testing.assert_allclose(evaluate(module, x)["y"], wanted, rtol=0, atol=2e-2 * np.abs(wanted).max())


def test_round_trip_of_our_own_exporter(tmp_path, lab_module):
    """Integer layers are written as QDQ; read back and folded they are the same layers with the same numbers."""
    path = tmp_path / "net.onnx"
    save_onnx(lab_module, path)
    folded = run_pipeline(load(path), FOLDED)
    assert [str(op.infer()[0].dtype) for op in products(folded)] == ["i32"]
    x = {"x": RNG.integers(0, 256, (1, 2, 5, 5)).astype(np.uint8)}
    wanted, found = evaluate(lab_module, x)["y"], evaluate(folded, x)["y"]
    assert np.abs(found.astype(int) - wanted.astype(int)).max() <= 1


@pytest.fixture
def lab_module():
    from gossamer.ir.graph import Params
    from gossamer.ir.text import parse_module

    text = """module net
%x: u8[1,2,5,5]{scale=0.05, zero_point=128} = input
%w: i8[3,2,3,3]{axis=0, scale=(0.01, 0.02, 0.03)} = ir.param "w"
%acc: i32[1,3,3,3]{axis=1, scale=(0.0005, 0.001, 0.0015)} = nn.conv2d %x, %w
%y: u8[1,3,3,3]{scale=0.1, zero_point=100} = quant.cast %acc
return %y
"""
    module = parse_module(text)
    return module.with_graph(module.graph, Params({"w": RNG.integers(-127, 128, (3, 2, 3, 3)).astype(np.int8)}))


@pytest.mark.parametrize("form", ["QDQ", "QOperator"])
@pytest.mark.parametrize("name, count", [("resnet8", 10), ("mobilenet_v1", 28)])
def test_published_networks_quantised_by_onnxruntime(data, tmp_path, onnxruntime, name, count, form):
    """Every product in integers; the outputs of a softmax in 256 steps are equal, or one step apart."""
    quantization = pytest.importorskip("onnxruntime.quantization")
    proto = onnx.version_converter.convert_version(onnx.load(data / "onnx_mlperf_tiny" / f"{name}.onnx"), 17)
    given = proto.graph.input[0]
    shape = [d.dim_value for d in given.type.tensor_type.shape.dim]
    feeds = [{given.name: RNG.random(shape).astype(np.float32)} for _ in range(4)]
    onnx.save(proto, tmp_path / "float.onnx")
    path = tmp_path / "quantised.onnx"
    quantization.quantize_static(
        tmp_path / "float.onnx", path, Feeds(feeds[1:]), per_channel=True,
        quant_format=getattr(quantization.QuantFormat, form),
    )  # fmt: skip
    module = run_pipeline(load(path), FOLDED)
    assert [(op.operands[0].dtype.bits, op.operands[1].dtype.bits) for op in products(module)] == [(8, 8)] * count
    (wanted,) = onnxruntime(onnx.load(path), feeds[0])
    found = evaluate(module, feeds[0])[module.graph.outputs[0].name]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1.01 / 255)
