"""Branches, loops, functions and constants: what is settled at import, against onnxruntime where it can say."""

import numpy as np
import pytest
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from gossamer.frontends import load
from gossamer.ir.errors import FrontendError
from gossamer.ir.reference import evaluate

X = np.float32([[1, -2, 3], [-4, 5, -6]])
FLOAT, INT, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def info(name, kind=FLOAT, shape=None):
    return helper.make_tensor_value_info(name, kind, shape)


def graph(nodes, inputs, outputs, constants=None):
    given = [numpy_helper.from_array(np.asarray(a), n) for n, a in (constants or {}).items()]
    return helper.make_graph(nodes, "inner", inputs, outputs, given)


def branch(kind, output, **attributes):
    """A branch that applies one operator to the outer x."""
    return graph([helper.make_node(kind, ["x"], [output], **attributes)], [], [info(output)])


def choice(condition):
    yes, no = branch("Relu", "a"), branch("Neg", "b")
    return helper.make_node("If", [condition], ["y"], "if", then_branch=yes, else_branch=no)


@pytest.mark.parametrize("known", [True, False])
def test_a_known_condition_leaves_one_branch(known, same, make):
    module = same(make([choice("c")], {"x": X.shape}, constants={"c": np.asarray(known)}), {"x": X})
    assert [node.op.name for node in module.graph.nodes] == ["nn.relu" if known else "math.neg"]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_condition_of_run_time_chooses_between_both_branches(sign, make):
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["total"], keepdims=0), helper.make_node("Less", ["zero", "total"], ["c"]),
        choice("c"),
    ]  # fmt: skip
    x = sign * np.abs(X)
    module = load(make(nodes, {"x": X.shape}, constants={"zero": np.float32(0)}))
    np.testing.assert_array_equal(evaluate(module, {"x": x})["y"], np.maximum(x, 0) if sign > 0 else -x)


def loop(count, condition="", nodes=None):
    """s = s + x, the number of the iteration collected."""
    nodes = nodes or [helper.make_node("Identity", ["go"], ["again"])]
    body = graph(
        [*nodes, helper.make_node("Add", ["s", "x"], ["s_next"]), helper.make_node("Mul", ["s_next", "x"], ["each"])],
        [info("i", INT, []), info("go", BOOL, []), info("s", FLOAT, X.shape)],
        [info("again", BOOL, []), info("s_next", FLOAT, X.shape), info("each", FLOAT, X.shape)],
    )
    return helper.make_node("Loop", [count, condition, "start"], ["y", "all"], "loop", body=body)


def test_a_loop_of_known_length_is_unrolled(same, make):
    constants = {"n": np.asarray(4), "start": np.ones(X.shape, np.float32)}
    module = same(make([loop("n")], {"x": X.shape}, ("y", "all"), constants), {"x": X})
    assert [v.shape for v in module.graph.outputs] == [(2, 3), (4, 2, 3)]


def test_a_loop_stops_when_its_condition_says_so(same, make):
    nodes = [helper.make_node("Less", ["i", "two"], ["again"])]
    constants = {"n": np.asarray(9), "start": np.ones(X.shape, np.float32), "two": np.asarray(2)}
    constants["go"] = np.asarray(True)
    module = same(make([loop("n", "go", nodes)], {"x": X.shape}, ("y", "all"), constants), {"x": X})
    assert module.graph.outputs[1].shape == (3, 2, 3)


def refused(proto, **more):
    with pytest.raises(FrontendError) as caught:
        load(proto, **more)
    return str(caught.value)


def test_a_loop_whose_length_is_an_input(make):
    proto = make([loop("n")], {"x": X.shape}, ("y",), {"start": np.ones(X.shape, np.float32)})
    proto.graph.input.append(info("n", INT, []))
    assert refused(proto) == (
        "1 node cannot be imported: loop (Loop): its operand 'n' is computed at run time and has to be a constant; "
        "if it is always the same, load the model with constants={'n': ...}"
    )
    assert load(proto, constants={"n": np.asarray(2)}).graph.outputs[0].shape == X.shape


@pytest.mark.slow
def test_loops_without_end_are_refused(make):
    body = graph([], [info("i", INT, []), info("go", BOOL, [])], [info("go", BOOL, [])])
    node = helper.make_node("Loop", ["", "go"], [], "forever", body=body)
    node.output.append("never")
    relu = helper.make_node("Relu", ["x"], ["y"])
    assert "nested more than 24 functions and graphs deep, or 20000 nodes" in refused(
        make([node, relu], {"x": X.shape}, constants={"go": np.asarray(True)})
    )


def test_scan(same, make):
    body = graph(
        [helper.make_node("Add", ["s", "slice"], ["s_next"]), helper.make_node("Neg", ["s_next"], ["each"])],
        [info("s", FLOAT, [2]), info("slice", FLOAT, [2])], [info("s_next", FLOAT, [2]), info("each", FLOAT, [2])],
    )  # fmt: skip
    node = helper.make_node(
        "Scan", ["start", "x"], ["y", "all"], num_scan_inputs=1, scan_input_axes=[1], scan_input_directions=[1],
        scan_output_axes=[1], scan_output_directions=[1], body=body,
    )  # fmt: skip
    module = same(make([node], {"x": X.shape}, ("y", "all"), {"start": np.ones(2, np.float32)}), {"x": X})
    assert module.graph.outputs[1].shape == (2, 3)


def functions(proto, *made):
    proto.functions.extend(made)
    proto.opset_import.append(helper.make_opsetid("mine", 1))
    return proto


def function(name, inputs, outputs, nodes, attributes=()):
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("mine", 1)]
    return helper.make_function("mine", name, inputs, outputs, nodes, opsets, attributes)


def test_functions_of_the_model(same, make):
    """Names inside are the function's own, attributes are handed on, and what a function calls may be one too."""
    leaky = helper.make_node("LeakyRelu", ["x"], ["t"])
    leaky.attribute.append(AttributeProto(name="alpha", type=AttributeProto.FLOAT, ref_attr_name="slope"))
    inner = function("Soft", ["x"], ["y"], [leaky, helper.make_node("Neg", ["t"], ["y"])], ["slope"])
    calls = (("x", "t", 0.25), ("t", "z", 4.0))
    twice = [helper.make_node("Soft", [a], [b], domain="mine", slope=s) for a, b, s in calls]
    outer = function("Twice", ["x"], ["z"], twice)
    proto = make([helper.make_node("Twice", ["x"], ["y"], "n", domain="mine")], {"x": X.shape})
    module = same(functions(proto, inner, outer), {"x": X})
    assert {node.label for node in module.graph.nodes} == {"n"}


def test_functions_that_call_themselves(make):
    nodes = [helper.make_node("Again", ["x"], ["y"], domain="mine")]
    proto = functions(make([helper.make_node("Again", ["x"], ["y"], "n", domain="mine")], {"x": X.shape}),
                      function("Again", ["x"], ["y"], nodes))  # fmt: skip
    assert "it is nested more than 24 functions and graphs deep" in refused(proto)


def test_functions_that_double_what_they_call(make):
    """Thirty levels of two calls each would be 10^9 nodes."""
    made = [function("F0", ["x"], ["y"], [helper.make_node("Neg", ["x"], ["y"])])]
    for i in range(1, 23):
        calls = [helper.make_node(f"F{i - 1}", [a], [b], domain="mine") for a, b in (("x", "t"), ("t", "y"))]
        made.append(function(f"F{i}", ["x"], ["y"], calls))
    node = helper.make_node("F22", ["x"], ["y"], "n", domain="mine")
    assert "or 20000 nodes" in refused(functions(make([node], {"x": X.shape}), *made))


def test_an_operator_through_its_function_body(same, make):
    node = helper.make_node("MeanVarianceNormalization", ["x"], ["y"], "mvn", axes=[1])
    module = same(make([node], {"x": X.shape}), {"x": X})
    assert {node.label for node in module.graph.nodes if node.op.name != "ir.param"} == {"mvn"}


def test_sequences_exist_at_import_alone(make):
    nodes = [helper.make_node("SequenceConstruct", ["x", "x"], ["s"]), helper.make_node("Relu", ["s"], ["y"], "r")]
    assert refused(make(nodes, {"x": X.shape})) == (
        "1 node cannot be imported: r (Relu): 's' is a sequence, and a tensor is needed"
    )
    message = "output 's' is a sequence, and only tensors are supported"
    assert refused(make(nodes[:1], {"x": X.shape}, ("s",))) == message
    joined = helper.make_node("ConcatFromSequence", ["s"], ["y"], axis=0, new_axis=1)
    module = load(make([nodes[0], joined], {"x": X.shape}))
    np.testing.assert_array_equal(evaluate(module, {"x": X})["y"], np.stack([X, X]))


RESHAPE = [helper.make_node("Reshape", ["x", "shape"], ["y"], "r")]


def with_shape(make, dims=(2,)):
    proto = make(RESHAPE, {"x": X.shape})
    proto.graph.input.append(info("shape", INT, dims))
    return proto


def test_an_input_made_a_constant(make):
    module = load(with_shape(make), constants={"shape": np.asarray([3, 2])})
    assert [v.name for v in module.graph.inputs] == ["x"] and module.graph.outputs[0].shape == (3, 2)


@pytest.mark.parametrize(
    ("constants", "message"),
    [
        ({"shap": np.asarray([3, 2])},
         "there is no input 'shap' to give a constant for; did you mean 'shape'? (known: shape, x)"),
        ({"shape": np.asarray([3, 2, 1])}, "input 'shape' has shape 2 in the file, and 3 does not fit it"),
        ({"shape": np.asarray([1.5, 4])}, "input 'shape' holds i64, which the constant's float64 numbers do not fit"),
        ({"shape": np.asarray(["3", "2"])}, "input 'shape' holds i64, which the constant's <U1 numbers do not fit"),
    ],
)  # fmt: skip
def test_constants_that_do_not_fit(constants, message, make):
    assert refused(with_shape(make), constants=constants) == message


def test_constants_are_for_onnx_alone(make):
    module = load(make([helper.make_node("Relu", ["x"], ["y"])], {"x": X.shape}))
    assert refused(module, constants={"x": X}) == "constants are for inputs of ONNX models; leave them out"


@pytest.mark.slow
def test_constants_computed_at_import_have_a_limit_together(make):
    """A few bytes each, four million numbers each."""
    nodes = [helper.make_node("Tile", ["s", "n"], [f"c{i}"]) for i in range(17)]
    constants = {"s": np.zeros(4096, np.int64), "n": np.asarray([1024])}
    message = "c16 (Tile): with it the constants computed at import have more than 67108864 elements"
    nodes.append(helper.make_node("Relu", ["x"], ["y"]))
    assert refused(make(nodes, {"x": X.shape}, constants=constants)) == message
