"""Every ONNX operator and its variants against onnxruntime, one node at a time."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from gossamer.frontends import load
from gossamer.ir.verify import verify


def floats(*shape):
    """The same numbers every time, whatever ran before."""
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def ints(*numbers):
    return np.asarray(numbers, np.int64)


X = floats(2, 4, 7, 6)

UNARY = [
    ("Relu", {}), ("Sigmoid", {}), ("Tanh", {}), ("HardSwish", {}), ("HardSigmoid", {}),
    ("HardSigmoid", {"alpha": 0.3, "beta": 0.4}), ("LeakyRelu", {"alpha": 0.2}), ("Elu", {"alpha": 0.7}),
    ("Softplus", {}),
    ("Gelu", {}), ("Gelu", {"approximate": "tanh"}), ("Neg", {}), ("Abs", {}), ("Exp", {}), ("Erf", {}), ("Floor", {}),
    ("Ceil", {}), ("Round", {}), ("Sign", {}), ("Identity", {}), ("Softmax", {}), ("Softmax", {"axis": 1}),
    ("LogSoftmax", {"axis": 1}),
    ("GlobalAveragePool", {}), ("GlobalMaxPool", {}), ("Flatten", {}), ("Flatten", {"axis": 3}),
    ("Flatten", {"axis": -1}),
    ("Flatten", {"axis": 0}), ("Transpose", {}), ("Transpose", {"perm": [0, 2, 3, 1]}), ("ReduceMean", {}),
    ("ReduceMax", {"keepdims": 0}), ("ReduceSum", {"noop_with_empty_axes": 1}), ("DepthToSpace", {"blocksize": 2}),
    ("DepthToSpace", {"blocksize": 2, "mode": "CRD"}), ("Dropout", {}), ("Reciprocal", {}),
    ("MaxPool", {"kernel_shape": [3, 2]}), ("MaxPool", {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    ("MaxPool", {"kernel_shape": [2, 2], "dilations": [2, 3], "pads": [1, 0, 1, 1]}),
    ("MaxPool", {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    ("MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_LOWER"}),
    ("MaxPool", {"kernel_shape": [2, 2], "auto_pad": "VALID"}),
    ("AveragePool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    ("AveragePool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    ("AveragePool", {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    ("AveragePool", {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "attributes"), UNARY, ids=lambda p: p if isinstance(p, str) else "-".join(p))
def test_one_operand(kind, attributes, same, make):
    same(make([helper.make_node(kind, ["x"], ["y"], **attributes)], {"x": X.shape}), {"x": X})


@pytest.mark.parametrize("kind", ["Log", "Sqrt", "ReduceL2"])
def test_one_positive_operand(kind, same, make):
    x = np.abs(X) + 0.1
    same(make([helper.make_node(kind, ["x"], ["y"])], {"x": x.shape}), {"x": x})


WITH_CONSTANTS = {
    "conv": ("Conv", [floats(6, 4, 3, 3), floats(6)], {"pads": [1, 1, 1, 1]}),
    "conv strided": ("Conv", [floats(6, 4, 3, 2)], {"strides": [2, 1], "dilations": [2, 2], "pads": [2, 1, 0, 1]}),
    "conv grouped": ("Conv", [floats(6, 2, 3, 3)], {"group": 2}),
    "conv same upper": ("Conv", [floats(4, 1, 3, 3)], {"group": 4, "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    "conv same lower": ("Conv", [floats(4, 4, 2, 2)], {"auto_pad": "SAME_LOWER", "kernel_shape": [2, 2]}),
    "batch norm": ("BatchNormalization", [floats(4), floats(4), floats(4), np.abs(floats(4)) + 0.1], {"epsilon": 1e-3}),
    "clip": ("Clip", [np.float32(-0.5), np.float32(0.5)], {}),
    "clip from below": ("Clip", [np.float32(-0.25)], {}),
    "clip at zero": ("Clip", [np.float32(0)], {}),
    "add": ("Add", [floats(4, 1, 1)], {}),
    "sub scalar": ("Sub", [np.float32(2)], {}),
    "mul": ("Mul", [floats(2, 1, 7, 6)], {}),
    "div": ("Div", [np.abs(floats(6)) + 1], {}),
    "pow with whole exponent": ("Pow", [ints(2)], {}),
    "max of one": ("Max", [], {}),
    "max of three": ("Max", [floats(6), floats(7, 6)], {}),
    "min": ("Min", [floats(6)], {}),
    "sum": ("Sum", [floats(6), floats(6), floats(1)], {}),
    "prelu": ("PRelu", [np.abs(floats(4, 1, 1))], {}),
    "reduce mean": ("ReduceMean", [ints(2, 3)], {}),
    "reduce mean from the end": ("ReduceMean", [ints(-1)], {"keepdims": 0}),
    "reduce min": ("ReduceMin", [ints(1)], {}),
    "reshape": ("Reshape", [ints(0, -1, 3)], {}),
    "squeeze": ("Squeeze", [], {}),
    "unsqueeze": ("Unsqueeze", [ints(0, -1)], {}),
    "expand": ("Expand", [ints(3, 1, 4, 7, 6)], {}),
    "slice": ("Slice", [ints(1, 0), ints(-1, 1000), ints(2, 1), ints(2, 1)], {}),
    "slice first axes": ("Slice", [ints(0, 1), ints(1, 3)], {}),
    "slice backwards": ("Slice", [ints(-1), ints(-100), ints(3), ints(-2)], {}),
    "gather one": ("Gather", [ints(1).reshape(())], {"axis": 1}),
    "gather a range": ("Gather", [ints(0, 2)], {"axis": 1}),
    "gather backwards": ("Gather", [ints(-1, -2, -3)], {"axis": 2}),
    "concat": ("Concat", [floats(2, 1, 7, 6)], {"axis": 1}),
    "pad": ("Pad", [ints(0, 0, 1, 2, 0, 0, 3, 0), np.float32(1.5)], {}),
    "pad some axes": ("Pad", [ints(1, 2), np.float32(0), ints(3)], {}),
    "pad crops": ("Pad", [ints(0, 0, -1, 0, 0, 0, 0, -2)], {}),
    "matmul batched": ("MatMul", [floats(6, 3)], {}),
    "matmul broadcast": ("MatMul", [floats(4, 6, 3)], {}),
}


@pytest.mark.parametrize("case", WITH_CONSTANTS, ids=lambda c: c.replace(" ", "_"))
def test_constants_beside(case, same, make):
    kind, constants, attributes = WITH_CONSTANTS[case]
    names = [f"c{i}" for i in range(len(constants))]
    node = helper.make_node(kind, ["x", *names], ["y"], "the node", **attributes)
    module = same(make([node], {"x": X.shape}, constants=dict(zip(names, constants))), {"x": X})
    assert all(n.label in ("the node", *names, "y", "y.ones", "y.number") for n in module.graph.nodes)


GEMMS = [
    {}, {"transB": 1}, {"transA": 1}, {"alpha": 0.5}, {"beta": 0.25},
    {"alpha": 2.0, "beta": 0.5, "transA": 1, "transB": 1},
]  # fmt: skip


@pytest.mark.parametrize("attributes", GEMMS, ids=str)
@pytest.mark.parametrize("bias", [(), (5,), (1, 5), (3, 5), (3, 1), None], ids=str)
def test_gemm(attributes, bias, same, make):
    a = floats(*((4, 3) if attributes.get("transA") else (3, 4)))
    b = floats(*((5, 4) if attributes.get("transB") else (4, 5)))
    constants = {"b": b} | ({} if bias is None else {"c": floats(*bias)})
    node = helper.make_node("Gemm", ["a", *constants], ["y"], **attributes)
    same(make([node], {"a": a.shape}, constants=constants), {"a": a})


def test_a_product_of_two_matrices_is_a_gemm(same, make):
    proto = make([helper.make_node("MatMul", ["a", "b"], ["y"])], {"a": (3, 4), "b": (4, 2)})
    module = same(proto, {"a": floats(3, 4), "b": floats(4, 2)})
    assert [n.op.name for n in module.graph.nodes] == ["nn.gemm"]


@pytest.mark.parametrize("sizes", [None, (1, 2, 1)])
def test_split(sizes, same, make):
    constants = {} if sizes is None else {"sizes": ints(*sizes)}
    attributes = {"num_outputs": 3} if sizes is None else {}
    node = helper.make_node("Split", ["x", *constants], ["a", "b", "c"], axis=1, **attributes)
    if sizes is None:  # 4 channels in 3 parts: 2, 2, 0 is refused by onnxruntime; 7 rows are 3, 3, 1
        node = helper.make_node("Split", ["x"], ["a", "b", "c"], axis=2, num_outputs=3)
    same(make([node], {"x": X.shape}, ["a", "b", "c"], constants), {"x": X})


OLDER = {
    "clip 6": (10, helper.make_node("Clip", ["x"], ["y"], min=-0.5, max=0.5), {}),
    "softmax 1": (11, helper.make_node("Softmax", ["x"], ["y"], axis=1), {}),
    "log softmax 1": (11, helper.make_node("LogSoftmax", ["x"], ["y"], axis=1), {}),
    "squeeze 1": (11, helper.make_node("Squeeze", ["x"], ["y"], axes=[1]), {}),
    "unsqueeze 1": (11, helper.make_node("Unsqueeze", ["x"], ["y"], axes=[1]), {}),
    "reduce 11": (11, helper.make_node("ReduceMean", ["x"], ["y"], axes=[2, 3]), {}),
    "slice 1": (9, helper.make_node("Slice", ["x"], ["y"], starts=[1], ends=[3], axes=[2]), {}),
    "pad 2": (10, helper.make_node("Pad", ["x"], ["y"], pads=[0, 0, 1, 1, 0, 0, 0, 0], value=2.0), {}),
    "dropout 7": (11, helper.make_node("Dropout", ["x"], ["y"], ratio=0.5), {}),
    "upgraded sum 13": (13, helper.make_node("ReduceSum", ["x", "axes"], ["y"]), {"axes": ints(2)}),
}


@pytest.mark.parametrize("case", OLDER, ids=lambda c: c.replace(" ", "_"))
def test_older_opsets(case, same, make):
    opset, node, constants = OLDER[case]
    x = X[:, :1] if "queeze" in case else X
    same(make([node], {"x": x.shape}, constants=constants, opset=opset), {"x": x})


def test_cast_keeps_float16(same, make):
    node = [
        helper.make_node("Cast", ["x"], ["half"], to=TensorProto.FLOAT16),
        helper.make_node("Cast", ["half"], ["y"], to=TensorProto.FLOAT),
    ]
    same(make(node, {"x": X.shape}), {"x": X})


@pytest.mark.parametrize("zero", [np.uint8(3), np.int8(-3), np.int16(0)], ids=lambda z: str(z.dtype))
def test_quantise_and_dequantise(zero, same, make):
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
    ]
    module = same(make(nodes, {"x": X.shape}, constants={"s": np.float32(0.05), "z": zero}), {"x": X})
    assert [n.op.name for n in module.graph.nodes] == ["quant.cast", "quant.cast"]


def test_dequantised_weights_become_parameters_of_a_quantised_type(same, make):
    constants = {
        "q": np.random.default_rng(1).integers(-127, 128, (6, 4, 3, 3)).astype(np.int8),
        "s": np.abs(floats(6)) + 0.01,
        "z": np.zeros(6, np.int8),
    }
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["w"], axis=0),
        helper.make_node("Conv", ["x", "w"], ["y"]),
    ]
    module = same(make(nodes, {"x": X.shape}, constants=constants), {"x": X})
    kind = module.graph.nodes[0].result.type
    assert (str(kind.dtype), kind.quant.axis, len(kind.quant.scale)) == ("i8", 0, 6)


@pytest.mark.parametrize("outputs", [("y", "a"), ("a", "y"), ("y", "x"), ("y", "z"), ("w", "y")], ids="-".join)
def test_outputs_keep_their_names_whatever_they_are(outputs, same, make):
    """One value under two names, an input, a parameter: as onnxruntime has them."""
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Identity", ["a"], ["y"]),
        helper.make_node("Identity", ["y"], ["z"]),
    ]  # fmt: skip
    proto = make(nodes, {"x": (2, 3)}, outputs, constants={"w": np.ones(3, np.float32)})
    module = same(proto, {"x": np.float32([[1, -2, 3], [-4, 5, -6]])})
    assert tuple(v.name for v in module.graph.outputs) == outputs


def test_an_output_listed_twice_is_one(make):
    module = load(make([helper.make_node("Relu", ["x"], ["y"])], {"x": (2, 3)}, ("y", "y")))
    assert [v.name for v in verify(module).graph.outputs] == ["y"]


def test_made_up_names_leave_the_file_s_own_alone(same, make):
    nodes = [
        helper.make_node("Softplus", ["x"], ["y"]), helper.make_node("Neg", ["x"], ["y.step"]),
        helper.make_node("Abs", ["y.step"], ["z"]),
    ]  # fmt: skip
    module = same(make(nodes, {"x": (2, 3)}, ("y", "y.step", "z")), {"x": np.float32([[1, -2, 3], [-4, 5, -6]])})
    assert [v.name for v in module.graph.outputs] == ["y", "y.step", "z"]


def test_parts_without_elements_leave_no_trace(same, make):
    """Function bodies split off what need not be turned, and join it again, where there is nothing of it."""
    nodes = [
        helper.make_node("Split", ["x", "sizes"], ["a", "b"], axis=1),
        helper.make_node("Neg", ["a"], ["n"]),
        helper.make_node("Concat", ["n", "b"], ["y"], axis=1),
    ]
    module = same(make(nodes, {"x": X.shape}, constants={"sizes": ints(4, 0)}), {"x": X})
    assert [n.op.name for n in module.graph.nodes] == ["math.neg"]
