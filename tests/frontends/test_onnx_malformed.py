"""Operands that no exporter writes: one sentence each, and no warning of numpy's."""

import numpy as np
import pytest
from onnx import helper

from gossamer.frontends import load
from gossamer.ir.errors import FrontendError


def _recurrent(**weights: tuple[int, ...]) -> tuple:
    """A bidirectional LSTM of x [4, 1, 3] with 2 units whose weights have these shapes."""
    operands = [name if name in weights else "" for name in "WRB"]
    node = helper.make_node("LSTM", ["x", *operands], ["y"], "n", direction="bidirectional", hidden_size=2)
    return node, (4, 1, 3), {name: np.ones(shape, np.float32) for name, shape in weights.items()}


MALFORMED = {
    "no W": (*_recurrent(R=(2, 8, 2)), "operand 1 is missing"),
    "W of one direction": (*_recurrent(W=(1, 8, 3), R=(2, 8, 2)), "its operand 1 has shape [1, 8, 3], needed 2 x ..."),
    "B of one": (*_recurrent(W=(2, 8, 3), R=(2, 8, 2), B=(1, 16)), "its operand 3 has shape [1, 16], needed 2 x ..."),
    "axes twice": (helper.make_node("Unsqueeze", ["x", "a"], ["y"], "n"), (2, 3), {"a": np.array([0, 0])},
                   "its axes [0, 0] name one axis twice"),
    "no matrix": (helper.make_node("Trilu", ["x"], ["y"], "n"), (3,), {},
                  "its input has shape [3], needed matrices"),
    "no condition": (helper.make_node("Compress", ["x", ""], ["y"], "n"), (3,), {}, "it has no condition"),
}  # fmt: skip


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_operands(what, make):
    node, shape, constants, message = MALFORMED[what]
    with pytest.raises(FrontendError) as caught:
        load(make([node], {"x": shape}, constants=constants))
    assert str(caught.value) == f"n ({node.op_type}): {message}"


@pytest.mark.filterwarnings("error")
def test_a_division_by_zero_at_import_warns_of_nothing(make):
    nodes = [helper.make_node("Div", ["k", "k"], ["nan"]), helper.make_node("Add", ["x", "nan"], ["y"])]
    assert len(load(make(nodes, {"x": (1,)}, constants={"k": np.zeros(1, np.float32)})).graph.nodes) == 2


def test_a_function_with_fewer_outputs_than_its_node(make):
    """Its first output can be used, the other one cannot."""
    model = make([helper.make_node("F", ["x"], ["a", "y"], domain="d")], {"x": (1,)}, domains=["d"])
    relu = helper.make_node("Relu", ["i"], ["o"])
    model.functions.append(helper.make_function("d", "F", ["i"], ["o"], [relu], [helper.make_opsetid("", 21)]))
    with pytest.raises(FrontendError, match="^the graph is malformed: nothing computes output 'y'$"):
        load(model)
    model.graph.output[0].name = "a"
    assert [node.op.name for node in load(model).graph.nodes] == ["nn.relu"]


def test_outputs_that_are_other_names_of_one_value(make):
    """Each gets an op of its own; one renamed value does not."""
    nodes = [helper.make_node("Relu", ["x"], ["r"])]
    nodes += [helper.make_node("Identity", ["r"], [name]) for name in ("y", "z")]
    module = load(make(nodes, {"x": (1,)}, outputs=("y", "z")))
    assert [v.name for v in module.graph.outputs] == ["y", "z"]
    assert [node.op.name for node in module.graph.nodes] == ["nn.relu", "tensor.reshape"]
