"""Convolution and pooling against torch and onnxruntime over strides, pads, dilations, groups and rounding modes."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from gossamer.ir.build import GraphBuilder
from gossamer.ir.errors import IRError
from gossamer.ir.ops import AvgPool2d, Conv2d, MaxPool2d
from gossamer.ir.reference import evaluate_op
from gossamer.ir.types import F32, I8, U8, Quant, TensorType, Value


def value(array, name="x"):
    return Value(name, TensorType(F32, array.shape))


def padded(x, pads, fill=0.0):
    top, left, bottom, right = pads
    return F.pad(torch.tensor(x), (left, right, top, bottom), value=fill)


pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
four_pads = st.tuples(*[st.integers(0, 2)] * 4)
conv_shapes = st.fixed_dictionaries(
    {
        "n": st.integers(1, 2), "groups": st.sampled_from([1, 2, 3]),
        "icg": st.integers(1, 3), "ocg": st.integers(1, 3),
        "size": st.tuples(st.integers(5, 9), st.integers(5, 9)), "kernel": pairs, "strides": pairs, "pads": four_pads,
        "dilations": st.tuples(st.integers(1, 2), st.integers(1, 2)),
    }
)  # fmt: skip


def conv_arrays(s, draw):
    x = draw((s["n"], s["groups"] * s["icg"], *s["size"]))
    return x, draw((s["groups"] * s["ocg"], s["icg"], *s["kernel"])), draw((s["groups"] * s["ocg"],))


@settings(max_examples=60, deadline=None)
@given(conv_shapes)
def test_convolution_is_torch_s(s):
    x, w, b = conv_arrays(s, lambda shape: np.random.default_rng(1).standard_normal(shape).astype(np.float32))
    op = Conv2d(value(x), value(w), value(b), s["strides"], s["pads"], s["dilations"], s["groups"])
    wanted = F.conv2d(
        padded(x, s["pads"]), torch.tensor(w), torch.tensor(b), s["strides"], 0, s["dilations"], s["groups"]
    )
    assert op.infer()[0].shape == tuple(wanted.shape)
    np.testing.assert_allclose(evaluate_op(op, (x, w, b))[0], wanted.numpy(), rtol=1e-4, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(conv_shapes, st.integers(0, 255))
def test_quantised_convolution_is_exact_and_pads_with_the_zero_point(s, zero):
    rng = np.random.default_rng(2)
    x, w, b = conv_arrays(s, lambda shape: rng.integers(0, 255, shape))
    x, w, b = x.astype(np.uint8), (w - 127).astype(np.int8), b.astype(np.int32) - 99
    channels = tuple(0.01 * (i + 1) for i in range(len(b)))
    x_type = TensorType(U8, x.shape, Quant((0.5,), (zero,)))
    w_type = TensorType(I8, w.shape, Quant(channels, (0,), 0))
    plain = Conv2d(Value("x", x_type), Value("w", w_type), None, s["strides"], s["pads"], s["dilations"], s["groups"])
    out = plain.infer()[0]
    bias = Value("b", TensorType(out.dtype, b.shape, Quant(out.quant.scale, (0,), 0)))
    op = Conv2d(plain.x, plain.weight, bias, s["strides"], s["pads"], s["dilations"], s["groups"])
    real = torch.tensor(x.astype(np.float64) - zero)
    wanted = F.conv2d(
        padded(real.numpy(), s["pads"]), torch.tensor(w.astype(np.float64)), torch.tensor(b.astype(np.float64)),
        s["strides"], 0, s["dilations"], s["groups"],
    )  # fmt: skip
    result = evaluate_op(op, (x, w, b))[0]
    assert (str(out.dtype), result.dtype, out.quant.axis) == ("i32", np.int32, 1)
    np.testing.assert_allclose(out.quant.scale, 0.5 * np.array(channels))
    np.testing.assert_array_equal(result, wanted.numpy())


def onnx_run(kind, x, **attributes):
    node = onnx.helper.make_node(kind, ["x"], ["y"], **attributes)
    info = [onnx.helper.make_tensor_value_info(n, 1, [None] * 4) for n in "xy"]
    graph = onnx.helper.make_graph([node], "g", info[:1], info[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 19)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


WINDOWS = [
    ((3, 3), (2, 2), (1, 1, 1, 1), (11, 8)),
    ((2, 3), (2, 1), (0, 1, 1, 0), (7, 9)),
    ((3, 3), (3, 3), (0, 0, 0, 0), (8, 10)),
    ((2, 2), (2, 2), (1, 0, 0, 1), (6, 7)),
    ((3, 2), (2, 3), (2, 1, 1, 0), (5, 6)),
]


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize(("kernel", "strides", "pads", "size"), WINDOWS)
@pytest.mark.parametrize("include", [False, True])
def test_average_pooling_is_onnxruntime_s(kernel, strides, pads, size, ceil, include):
    x = np.random.default_rng(3).standard_normal((2, 3, *size)).astype(np.float32)
    op = AvgPool2d(value(x), kernel, strides, pads, ceil, include)
    wanted = onnx_run(
        "AveragePool",
        x,
        kernel_shape=kernel,
        strides=strides,
        pads=pads,
        ceil_mode=int(ceil),
        count_include_pad=int(include),
    )
    assert op.infer()[0].shape == wanted.shape
    np.testing.assert_allclose(evaluate_op(op, (x,))[0], wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("include", [False, True])
def test_average_pooling_with_rounding_up_is_torch_s(include):
    x = np.random.default_rng(3).standard_normal((1, 2, 10, 9)).astype(np.float32)
    wanted = F.avg_pool2d(torch.tensor(x), 3, 2, 1, ceil_mode=True, count_include_pad=include).numpy()
    op = AvgPool2d(value(x), (3, 3), (2, 2), (1, 1, 1, 1), True, include)
    np.testing.assert_allclose(evaluate_op(op, (x,))[0], wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize(("kernel", "strides", "pads", "size"), WINDOWS)
def test_max_pooling_is_onnxruntime_s(kernel, strides, pads, size, ceil, dilation):
    x = np.random.default_rng(4).standard_normal((2, 3, *size)).astype(np.float32) - 5  # padding of 0 would win
    op = MaxPool2d(value(x), kernel, strides, pads, (dilation, dilation), ceil)
    wanted = onnx_run(
        "MaxPool", x, kernel_shape=kernel, strides=strides, pads=pads, ceil_mode=int(ceil), dilations=[dilation] * 2
    )
    assert op.infer()[0].shape == wanted.shape
    np.testing.assert_array_equal(evaluate_op(op, (x,))[0], wanted)


def test_max_pooling_keeps_a_quantised_type():
    x = np.random.default_rng(5).integers(-128, 0, (1, 2, 5, 5)).astype(np.int8)
    kind = TensorType(I8, x.shape, Quant((0.1,), (3,)))
    op = MaxPool2d(Value("x", kind), (3, 3), (2, 2), (1, 1, 1, 1))
    wanted = F.max_pool2d(torch.tensor(x.astype(np.float32)), 3, 2, 1).numpy()
    assert op.infer() == (kind.with_shape((1, 2, 3, 3)),)
    np.testing.assert_array_equal(evaluate_op(op, (x,))[0], wanted)


def test_a_window_that_never_leaves_the_input_needs_no_bounds_check():
    x = Value("x", TensorType(F32, (1, 2, 8, 8)))
    assert MaxPool2d(x, (2, 2), (2, 2)).kernel().stages[0].loads[0].fill is None
    assert MaxPool2d(x, (3, 3), (2, 2), (1, 1, 1, 1)).kernel().stages[0].loads[0].fill == -np.inf


def test_a_built_node_s_error_says_which_node():
    b = GraphBuilder()
    x, w = b.input("x", TensorType(F32, (1, 3, 8, 8))), b.input("w", TensorType(F32, (8, 4, 3, 3)))
    with pytest.raises(
        IRError, match=r"^conv1 \(nn.conv2d\): input has 3 channels but the weight expects 4 x groups 1$"
    ):
        b.add(Conv2d(x, w), label="conv1")
