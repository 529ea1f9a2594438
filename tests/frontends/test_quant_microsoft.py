"""Operators of onnxruntime's quantiser, one at a time, against onnxruntime: known scales and scales at run time."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from gossamer.frontends import load
from gossamer.ir.errors import FrontendError
from gossamer.ir.reference import evaluate
from gossamer.ir.verify import verify

RNG = np.random.default_rng(3)
DOMAIN = "com.microsoft"
CODES = {"uint8": TensorProto.UINT8, "int8": TensorProto.INT8, "float32": TensorProto.FLOAT}


def tensor(dtype, *shape):
    info = np.iinfo(dtype)
    return RNG.integers(info.min, info.max + 1, shape).astype(dtype)


def scale(value):
    return np.asarray(value, np.float32)


def zero(value, dtype=np.uint8):
    return np.asarray(value, dtype)


X = tensor(np.uint8, 1, 4, 6, 6)
ONE = (scale(0.02), zero(120))
TO = (scale(0.03), zero(100))
BIAS = np.int32([500, -500, 0, 70])
CASES = {
    "add": ("QLinearAdd", (X, *ONE, tensor(np.uint8, 4, 1, 1), scale(0.01), zero(7), *TO), {}),
    "mul": ("QLinearMul", (X, *ONE, X[::-1], scale(0.01), zero(7), *TO), {}),
    "sigmoid": ("QLinearSigmoid", (X, *ONE, scale(1 / 256), zero(0)), {}),
    "leaky relu": ("QLinearLeakyRelu", (X, *ONE, *TO), {"alpha": 0.2}),
    "softmax": ("QLinearSoftmax", (X, *ONE, scale(1 / 256), zero(0)), {"axis": -1, "opset": 13}),
    "global pool": ("QLinearGlobalAveragePool", (X, *ONE, *TO), {}),
    "global pool, channels last": ("QLinearGlobalAveragePool", (X, *ONE, *TO), {"channels_last": 1}),
    "pool": ("QLinearAveragePool", (X, *ONE, *TO), {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 0, 1]}),
    "concat": ("QLinearConcat", (*TO, X, *ONE, X, scale(0.05), zero(3)), {"axis": 1}),
    "gemm": (
        "QGemm",
        (tensor(np.uint8, 3, 5), *ONE, tensor(np.int8, 4, 5), scale(0.01), zero(0, np.int8), BIAS, *TO),
        {"transB": 1},
    ),
}


def net(operator, operands, attributes, known):
    """Integer tensors are inputs; scales and zero points are too, unless they are `known`."""
    names = [f"o{i}" for i in range(len(operands))]
    given = {n: a for n, a in zip(names, operands) if (a.ndim and a.dtype != np.int32) or not known}
    given = {n: a for n, a in given.items() if a.dtype != np.int32}
    graph = helper.make_graph(
        [helper.make_node(operator, names, ["y"], domain=DOMAIN, **attributes)],
        "net",
        [helper.make_tensor_value_info(n, CODES[a.dtype.name], a.shape) for n, a in given.items()],
        [helper.make_tensor_value_info("y", TensorProto.UINT8, None)],
        [numpy_helper.from_array(a, n) for n, a in zip(names, operands) if n not in given],
    )
    imports = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8), given


@pytest.mark.parametrize("case", CASES)
def test_known_scales(case, onnxruntime):
    proto, given = net(*CASES[case], known=True)
    module = load(proto)
    verify(module)
    (wanted,) = onnxruntime(proto, given)
    found = evaluate(module, given)["y"]
    assert found.dtype == np.uint8 and found.shape == wanted.shape
    # A half between two steps may go either way: kernels of onnxruntime round some sums in fixed point.
    assert np.abs(found.astype(int) - wanted.astype(int)).max() <= 1
    assert (found != wanted).sum() <= max(1, 0.02 * found.size)


@pytest.mark.parametrize("case", [c for c in CASES if c != "softmax"])
def test_scales_at_run_time_are_plain_mathematics(case):
    proto, given = net(*CASES[case], known=False)
    known, fewer = net(*CASES[case], known=True)
    found, wanted = evaluate(load(proto), given)["y"], evaluate(load(known), fewer)["y"]
    assert np.abs(found.astype(int) - wanted.astype(int)).max() <= 1


def test_what_is_refused():
    operands, attributes = CASES["pool"][1:]
    with pytest.raises(FrontendError, match="its channels come last"):
        load(net("QLinearAveragePool", operands, {**attributes, "channels_last": 1}, known=True)[0])
    with pytest.raises(FrontendError, match="has transA or an alpha other than 1"):
        load(net("QGemm", CASES["gemm"][1], {"transB": 1, "alpha": 0.5}, known=True)[0])
