"""Products of integers against onnxruntime, with scales known at import and with scales computed at run time."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from gossamer.frontends import load
from gossamer.ir.reference import evaluate
from gossamer.ir.verify import verify

RNG = np.random.default_rng(0)
CODES = {"uint8": TensorProto.UINT8, "int8": TensorProto.INT8, "int32": TensorProto.INT32, "float32": TensorProto.FLOAT}


def integers(dtype, *shape):
    info = np.iinfo(dtype)
    return RNG.integers(info.min, info.max + 1, shape).astype(dtype)


def net(node, given, constants, output, domains=()):
    """A model of one node; what is in `given` is an input, what is in `constants` an initialiser."""
    graph = helper.make_graph(
        [node],
        "net",
        [helper.make_tensor_value_info(n, CODES[a.dtype.name], a.shape) for n, a in given.items()],
        [helper.make_tensor_value_info("y", output, None)],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in constants.items()],
    )
    imports = [helper.make_opsetid("", 21), *(helper.make_opsetid(d, 1) for d in domains)]
    return helper.make_model(graph, opset_imports=imports, ir_version=9)


def both_ways(node, values, constant, output, judge, tolerance=0, domains=()):
    """With everything but `x` known at import, then with everything computed at run time; the first module."""
    modules = []
    for known in (constant, ()):
        given = {n: np.asarray(a) for n, a in values.items() if n not in known}
        proto = net(node, given, {n: values[n] for n in known}, output, domains)
        module = load(proto)
        verify(module)
        (wanted,) = judge(proto, given)
        found = evaluate(module, given)["y"]
        assert found.shape == wanted.shape and found.dtype == wanted.dtype
        assert np.abs(found.astype(np.int64) - wanted.astype(np.int64)).max() <= tolerance
        modules.append(module)
    return modules[0]


def ops(module):
    return [n.op.name for n in module.graph.nodes if n.op.name != "ir.param"]


def scaled(dtype, shape, scale, zero):
    return integers(dtype, *shape), np.float32(scale), np.asarray(zero, dtype)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("weight", ["int8", "uint8"])
def test_qlinear_conv(weight, per_channel, onnxruntime):
    x, xs, xz = scaled(np.uint8, (1, 4, 9, 9), 0.02, 131)
    zero = 0 if weight == "int8" else 127
    if per_channel and weight == "uint8":
        pytest.skip("onnxruntime has no zero point per channel")
    scale = RNG.uniform(0.001, 0.01, 6) if per_channel else 0.005
    w, ws, wz = scaled(weight, (6, 2, 3, 3), scale, np.full(6, zero) if per_channel else zero)
    values = {"x": x, "xs": xs, "xz": xz, "w": w, "ws": ws, "wz": wz, "ys": np.float32(0.05), "yz": np.uint8(120)}
    values["b"] = RNG.integers(-3000, 3000, 6).astype(np.int32)
    node = helper.make_node("QLinearConv", list(values), ["y"], group=2, pads=[1, 1, 1, 1], strides=[2, 2])
    constant = tuple(n for n in values if n != "x")
    module = both_ways(node, values, constant, TensorProto.UINT8, onnxruntime, tolerance=1)
    assert ops(module) == ["quant.view", "nn.conv2d", "quant.cast"]
    product = next(n.op for n in module.graph.nodes if n.op.name == "nn.conv2d")
    assert product.x.dtype.integer and product.weight.dtype.bits == (8 if weight == "int8" else 9)


@pytest.mark.parametrize("columns", [False, True])
def test_qlinear_matmul(columns, onnxruntime):
    a, sa, za = scaled(np.uint8, (5, 7), 0.02, 131)
    b, sb, zb = scaled(np.int8, (7, 3), RNG.uniform(0.001, 0.01, 3) if columns else 0.004, [0] * 3 if columns else 0)
    values = {"x": a, "sa": sa, "za": za, "b": b, "sb": sb, "zb": zb, "sy": np.float32(0.03), "zy": np.uint8(100)}
    node = helper.make_node("QLinearMatMul", list(values), ["y"])
    module = both_ways(node, values, tuple(values)[1:], TensorProto.UINT8, onnxruntime, tolerance=1)
    assert ops(module) == ["quant.view", "nn.gemm", "quant.cast"]


@pytest.mark.parametrize("zeros", [(), ("xz",), ("xz", "wz")])
def test_conv_integer(zeros, onnxruntime):
    values = {"x": integers(np.uint8, 1, 2, 6, 6), "w": integers(np.uint8, 3, 2, 3, 3)}
    values |= {n: np.uint8(z) for n, z in (("xz", 12), ("wz", 140)) if n in zeros}
    node = helper.make_node("ConvInteger", list(values), ["y"], pads=[1, 1, 1, 1])
    both_ways(node, values, tuple(values)[1:], TensorProto.INT32, onnxruntime)


@pytest.mark.parametrize("zeros", [(), ("az",), ("az", "bz")])
def test_matmul_integer(zeros, onnxruntime):
    values = {"x": integers(np.uint8, 4, 9), "b": integers(np.int8, 9, 5)}
    values |= {n: z for n, z in (("az", np.uint8(12)), ("bz", np.int8(-3))) if n in zeros}
    node = helper.make_node("MatMulInteger", list(values), ["y"])
    both_ways(node, values, tuple(values)[1:], TensorProto.INT32, onnxruntime)


def test_one_zero_point_per_row_of_an_integer_matmul():
    """The standard allows it, onnxruntime does not."""
    a, b, zeros = integers(np.uint8, 4, 9), integers(np.int8, 9, 5), np.uint8([1, 2, 3, 4])
    node = helper.make_node("MatMulInteger", ["x", "b", "z"], ["y"])
    found = evaluate(load(net(node, {"x": a, "z": zeros}, {"b": b}, TensorProto.INT32)), {"x": a, "z": zeros})["y"]
    np.testing.assert_array_equal(found, (a.astype(int) - zeros[:, None]) @ b.astype(int))


def test_a_row_convolution():
    x, xs, xz = scaled(np.uint8, (1, 2, 12), 0.02, 131)
    w, ws, wz = scaled(np.int8, (3, 2, 3), 0.005, 0)
    values = {"xs": xs, "xz": xz, "w": w, "ws": ws, "wz": wz, "ys": np.float32(0.02), "yz": np.uint8(120)}
    node = helper.make_node("QLinearConv", ["x", *values], ["y"], pads=[1, 1])
    found = evaluate(load(net(node, {"x": x}, values, TensorProto.UINT8)), {"x": x})["y"]
    wide = np.pad(x.astype(int) - 131, ((0, 0), (0, 0), (1, 1)))
    total = sum(np.einsum("ncl,oc->nol", wide[:, :, k : k + 12], w[:, :, k].astype(int)) for k in range(3))
    wanted = np.clip(np.rint(total * np.float32(0.02 * 0.005 / 0.02)) + 120, 0, 255)
    assert np.abs(found - wanted).max() <= 1
