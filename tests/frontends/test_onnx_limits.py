"""Small files that ask for much: each is refused before anything of that size is made."""

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from gossamer.frontends import load
from gossamer.ir.errors import FrontendError

ONE = numpy_helper.from_array(np.array([1], np.int64))


def refusal(model: ModelProto) -> str:
    with pytest.raises(FrontendError) as caught:
        load(model)
    return str(caught.value)


def loop(turns: int | None, *nodes, result: str | None = None) -> list:
    """A Loop over `nodes` whose condition stays true, and what it collects of `result` as `all`."""
    inputs = [helper.make_tensor_value_info(*v) for v in (("i", TensorProto.INT64, []), ("c", TensorProto.BOOL, []))]
    outputs = [helper.make_tensor_value_info("go", TensorProto.BOOL, [])]
    if result:
        outputs.append(helper.make_tensor_value_info(result, TensorProto.FLOAT, None))
    body = helper.make_graph([helper.make_node("Identity", ["c"], ["go"]), *nodes], "body", inputs, outputs)
    return [
        helper.make_node("Loop", ["" if turns is None else "turns", "true"], ["all"] if result else [""], body=body),
        helper.make_node("Add", ["x", "all"], ["y"]) if result else helper.make_node("Relu", ["x"], ["y"]),
    ]


OPERANDS = {
    "Split into 2^40": ([helper.make_node("Split", ["x"], ["y"], "n", num_outputs=1 << 40)], {},
                        "n (Split): its num_outputs is 1099511627776, and it has 1 outputs"),
    "constant Split into 2^40": ([helper.make_node("Split", ["k"], ["y"], "n", num_outputs=1 << 40)],
                                 {"k": np.ones(3, np.float32)},
                                 "n (Split): it would make a constant of 1.1e+12 elements"),
    "Clip of a column by a row": ([helper.make_node("Clip", ["k", "row"], ["y"], "n")],
                                  {"k": np.ones((9000, 1), np.float32), "row": np.ones((1, 9000), np.float32)},
                                  "n (Clip): it would make a constant of 8.1e+07 elements"),
    "bits of a column and a row": ([helper.make_node("BitwiseAnd", ["k", "row"], ["y"], "n")],
                                   {"k": np.ones((9000, 1), np.int32), "row": np.ones((1, 9000), np.int32)},
                                   "n (BitwiseAnd): it would make a constant of 8.1e+07 elements"),
    "Reshape to 2^27 axes": ([helper.make_node("ConstantOfShape", ["s"], ["ones"], value=ONE),
                              helper.make_node("Reshape", ["x", "ones"], ["y"], "n")], {"s": np.array([1 << 27])},
                             "n (Reshape): it needs the numbers of a constant of 1.34e+08 elements at import"),
    "Reshape to 100 axes": ([helper.make_node("Reshape", ["x", "ones"], ["y"], "n")], {"ones": np.ones(100, int)},
                            "n (Reshape): its result declares 100 axes and may have 64"),
    "a loop that collects 2^30 numbers": (loop(4, helper.make_node("ConstantOfShape", ["s"], ["k"]), result="k"),
                                          {"turns": np.array(4), "true": np.array(True), "s": np.array([1 << 28])},
                                          "all (Loop): with it the constants computed at import have more than"),
    "a loop that copies its body": (loop(None, helper.make_node("Constant", [], ["k"], value=numpy_helper.from_array(
                                         np.zeros(1 << 20, np.float32)))), {"true": np.array(True)},
                                    "unnamed (Loop): its inner nodes and their copies take more than 536870912 bytes"),
    "a loop for ever": (loop(None), {"true": np.array(True)}, "deep, or 20000 nodes"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("what", OPERANDS)
def test_much_out_of_little(what, make):
    nodes, constants, message = OPERANDS[what]
    assert message in refusal(make(nodes, {"x": (1,)}, constants=constants))


def test_a_sequence_of_an_absurd_number_of_parts(make):
    nodes = [
        helper.make_node("SplitToSequence", ["x"], ["parts"], "n"),
        helper.make_node("ConcatFromSequence", ["parts"], ["y"], axis=0),
    ]
    assert "n (SplitToSequence): it makes 8589934592 parts" in refusal(make(nodes, {"x": (1 << 33,)}))


def test_a_large_constant_is_scanned_by_ops(make):
    """Cut at import it would be made anew for every step."""
    one = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("s", "e")]
    body = helper.make_graph([helper.make_node("Add", ["s", "e"], ["t"])], "body", one,
                             [helper.make_tensor_value_info("t", TensorProto.FLOAT, [1])])  # fmt: skip
    nodes = [
        helper.make_node("ConstantOfShape", ["s"], ["k"]),
        helper.make_node("Scan", ["x", "k"], ["y"], body=body, num_scan_inputs=1),
    ]
    module = load(make(nodes, {"x": (1,)}, constants={"s": np.array([3, 1 << 20])}))
    assert [node.op.name for node in module.graph.nodes].count("tensor.slice") == 3
    assert len(module.params) == 1
