"""Every op of the box as ONNX: the checker accepts it, onnxruntime computes what the reference does, it comes back."""

import numpy as np
import onnx
import pytest

from gossamer.codegen.onnx import export_onnx
from gossamer.frontends import load
from gossamer.ir.reference import evaluate

from . import op_cases

BY_LOOPS = {
    "math.cum_prod": "Gather", "nn.lstm_cell": "Einsum", "nn.gru_cell": "Einsum", "math.bitwise": "BitwiseXor",
    "integers": "Where",
}  # fmt: skip
"""Cases that show an op written by its loop nest (all or in part), and an operator that shows it."""
STEP_APART = {"convolution"}
"""Integer accumulators are floats here: a number may round to the next step of the grid."""


@pytest.mark.slow
@pytest.mark.parametrize("name", op_cases.CASES | op_cases.QUANTISED, ids=lambda n: n.replace(" ", "_"))
def test_op(name):
    ort = pytest.importorskip("onnxruntime")
    module, inputs = op_cases.case(name), op_cases.inputs()
    model = export_onnx(module)
    onnx.checker.check_model(model, full_check=True)
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    # onnxruntime 1.32 turns signed activations into unsigned ones and forgets their zero points' type on the way.
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    wanted = evaluate(module, inputs)
    found = ort.InferenceSession(model.SerializeToString(), options).run(None, inputs)
    returned = evaluate(load(model), inputs)
    for (output, right), ours in zip(wanted.items(), found, strict=True):
        same(ours, right, name)
        same(returned[output], right, name)
    if name in BY_LOOPS:
        assert BY_LOOPS[name] in [node.op_type for node in model.graph.node]


def same(ours, right, name):
    assert (ours.shape, ours.dtype) == (right.shape, right.dtype)
    if name in STEP_APART:
        assert np.abs(ours.astype(int) - right.astype(int)).max() <= 1
    else:
        np.testing.assert_allclose(ours, right, rtol=1e-4, atol=2e-5)


def test_a_scan_is_a_scan():
    model = export_onnx(op_cases.case("ir.scan"))
    (node,) = [n for n in model.graph.node if n.op_type == "Scan"]
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    assert attributes["num_scan_inputs"] == 1 and list(attributes["scan_input_directions"]) == [1]
    assert [n.op_type for n in attributes["body"].node][:3] == ["Mul", "Add", "Sub"]
