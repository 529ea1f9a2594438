"""LSTM, GRU and RNN in every direction and variant against onnxruntime."""

import re

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from gossamer.frontends import load
from gossamer.ir.errors import FrontendError
from gossamer.ir.reference import evaluate

STEPS, BATCH, FEATURES, UNITS = 4, 3, 5, 6
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
OPERANDS = {"W": 1, "R": 2, "B": 3, "lengths": 4, "h": 5, "c": 6, "P": 7}
X = np.random.default_rng(0).standard_normal((STEPS, BATCH, FEATURES)).astype(np.float32)


def operand(name, gates, directions):
    shapes = {
        "W": (directions, gates * UNITS, FEATURES), "R": (directions, gates * UNITS, UNITS),
        "B": (directions, 2 * gates * UNITS), "h": (directions, BATCH, UNITS), "c": (directions, BATCH, UNITS),
        "P": (directions, 3 * UNITS),
    }  # fmt: skip
    if name == "lengths":
        return np.asarray([4, 1, 3], np.int32)
    return (0.4 * np.random.default_rng(len(name) + ord(name)).standard_normal(shapes[name])).astype(np.float32)


def network(make, kind, given=("W", "R", "B"), outputs=None, runtime=(), **attributes):
    """A model of one layer. `given`: its operands; `runtime`: those that are inputs of the model."""
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    names = [""] * max(OPERANDS[n] for n in given)
    for name in given:
        names[OPERANDS[name] - 1] = name
    arrays = {n: operand(n, GATES[kind], directions) for n in given}
    outputs = outputs or (["Y", "Y_h", "Y_c"] if kind == "LSTM" else ["Y", "Y_h"])
    node = helper.make_node(kind, ["x", *names], outputs, hidden_size=UNITS, **attributes)
    inputs = {"x": X.shape} | {n: arrays[n].shape for n in runtime}
    constants = {n: a for n, a in arrays.items() if n not in runtime}
    proto = make([node], inputs, [o for o in outputs if o], constants, opset=22)
    return proto, {"x": X} | {n: arrays[n] for n in runtime}


OPERANDS_OF_ALL = [("W", "R"), ("W", "R", "B"), ("W", "R", "B", "h"), ("W", "R", "lengths", "h")]
OPERANDS_OF_LSTM = [("W", "R", "h", "c"), ("W", "R", "B", "P"), ("W", "R", "B", "lengths", "c", "P")]


@pytest.mark.parametrize("given", OPERANDS_OF_ALL, ids="".join)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("kind", GATES)
def test_directions_and_operands(kind, direction, given, same, make):
    same(*network(make, kind, given, direction=direction))


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
@pytest.mark.parametrize("given", OPERANDS_OF_LSTM, ids="".join)
def test_lstm_operands(given, direction, same, make):
    same(*network(make, "LSTM", given, direction=direction))


VARIANTS = {
    "clip": {"clip": 0.3},
    "relu": {"activations": ["Relu"]},
    "affine": {"activations": ["Affine"], "activation_alpha": [0.5], "activation_beta": [0.1]},
    "leaky": {"activations": ["LeakyRelu"], "activation_alpha": [0.2]},
    "thresholded": {"activations": ["ThresholdedRelu"], "activation_alpha": [0.1]},
    "scaled tanh": {"activations": ["ScaledTanh"], "activation_alpha": [0.7], "activation_beta": [0.9]},
    "hard sigmoid": {"activations": ["HardSigmoid"], "activation_alpha": [0.3], "activation_beta": [0.4]},
    "elu": {"activations": ["Elu"], "activation_alpha": [0.8]},
    "softsign": {"activations": ["Softsign"]},
    "softplus": {"activations": ["Softplus"]},
}


@pytest.mark.parametrize("direction", ["reverse", "bidirectional"])
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.replace(" ", "_"))
def test_rnn_activation_functions(variant, direction, same, make):
    count = 2 if direction == "bidirectional" else 1
    attributes = {k: v * count if isinstance(v, list) else v for k, v in VARIANTS[variant].items()}
    same(*network(make, "RNN", direction=direction, **attributes))


UNUSUAL = {
    "lstm functions": ("LSTM", {"activations": ["HardSigmoid", "Softsign", "Relu"], "activation_alpha": [0.3],
                                "activation_beta": [0.4]}),
    "lstm peepholes": ("LSTM", {"activations": ["Relu", "Tanh", "Tanh"], "given": ("W", "R", "B", "P", "h", "c")}),
    "lstm coupled gates": ("LSTM", {"input_forget": 1}),
    "lstm clip": ("LSTM", {"clip": 0.2}),
    "gru linear": ("GRU", {"linear_before_reset": 1}),
    "gru clip": ("GRU", {"clip": 0.2}),
    "gru clip without bias": ("GRU", {"clip": 0.2, "given": ("W", "R")}),
    "gru functions linear": ("GRU", {"activations": ["HardSigmoid", "Relu"], "linear_before_reset": 1,
                                     "activation_alpha": [0.3], "activation_beta": [0.4]}),
    "only the last state": ("LSTM", {"outputs": ["", "Y_h"]}),
    "only the outputs": ("GRU", {"outputs": ["Y"]}),
    "weights at run time": ("LSTM", {"runtime": ("W", "R", "B"), "direction": "bidirectional"}),
    "states at run time": ("LSTM", {"given": ("W", "R", "B", "h", "c"), "runtime": ("h", "c")}),
}  # fmt: skip


@pytest.mark.parametrize("case", UNUSUAL, ids=lambda c: c.replace(" ", "_"))
def test_unusual_forms(case, same, make):
    kind, options = UNUSUAL[case]
    same(*network(make, kind, **options))


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("direction", ["reverse", "bidirectional"])
def test_batch_first_is_the_same_network_with_axes_moved(kind, direction, make):
    """Against layout 0, as onnxruntime has no layout 1."""
    proto, inputs = network(make, kind, ("W", "R", "B", "h"), direction=direction)
    wanted = evaluate(load(proto), inputs)
    node = proto.graph.node[0]
    node.attribute.append(helper.make_attribute("layout", 1))
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = BATCH
    proto.graph.input[0].type.tensor_type.shape.dim[1].dim_value = STEPS
    for tensor in proto.graph.initializer:
        if tensor.name == "h":
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).swapaxes(0, 1).copy(), "h"))
    found = evaluate(load(proto), {"x": X.swapaxes(0, 1)})
    np.testing.assert_array_equal(found["Y"], wanted["Y"].transpose(2, 0, 1, 3))
    np.testing.assert_array_equal(found["Y_h"], wanted["Y_h"].swapaxes(0, 1))


def test_softplus_of_a_large_number_is_finite(make):
    proto, inputs = network(make, "RNN", ("W", "R"), activations=["Softplus"])
    found = evaluate(load(proto), {"x": 1000 * inputs["x"]})
    assert found["Y"].max() > 500 and np.isfinite(found["Y"]).all()


def test_lengths_at_run_time(make, onnxruntime):
    proto, inputs = network(make, "GRU", ("W", "R", "lengths"), direction="bidirectional", runtime=("lengths",))
    proto.graph.input[1].type.tensor_type.elem_type = TensorProto.INT32
    found = evaluate(load(proto), inputs)
    for name, wanted in zip(("Y", "Y_h"), onnxruntime(proto, inputs), strict=True):
        np.testing.assert_allclose(found[name], wanted, atol=1e-5)


def test_the_products_with_the_inputs_are_one_gemm_outside_the_loop(make):
    module = load(network(make, "LSTM")[0])
    kinds = [node.op.name for node in module.graph.nodes if node.op.name in ("nn.gemm", "ir.scan")]
    assert kinds == ["nn.gemm", "ir.scan"]
    scan = next(node.op for node in module.graph.nodes if node.op.name == "ir.scan")
    assert [node.op.name for node in scan.body.nodes] == ["nn.lstm_cell"]


REFUSED = {
    "its direction 'up'": {"direction": "up"},
    "its hidden_size is malformed": {"hidden_size": 7},
    "its activations ['Tanh'] are malformed: 3 for each direction are needed": {"activations": ["Tanh"]},
    "its activation function 'Sine' is not supported": {"activations": ["Sine", "Tanh", "Tanh"]},
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused(text, make):
    proto, _ = network(make, "LSTM")
    kept = [a for a in proto.graph.node[0].attribute if a.name not in REFUSED[text]]
    del proto.graph.node[0].attribute[:]
    proto.graph.node[0].attribute.extend(kept)
    proto.graph.node[0].attribute.extend(helper.make_attribute(n, v) for n, v in REFUSED[text].items())
    with pytest.raises(FrontendError, match=re.escape(text)):
        load(proto)
