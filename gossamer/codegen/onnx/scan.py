"""A scan as ONNX's Scan: the body is a graph of its own, what every step sees alike is read from around it."""

from collections.abc import Callable, Sequence

from onnx import helper

from gossamer.codegen.onnx.types import carrier
from gossamer.codegen.onnx.writer import Tensor, Writer
from gossamer.ir.graph import Node
from gossamer.ir.ops import Scan
from gossamer.ir.types import F32, TensorType, Value

Known = dict[Value, Tensor]
Run = Callable[[Sequence[Node], Known, dict[Value, str]], None]


def scan(
    writer: Writer, op: Scan, operands: Sequence[Tensor], outputs: Sequence[str], title: str, run: Run
) -> list[Tensor]:
    """The results, as real numbers called `outputs`; `run` writes the nodes of the body."""
    last, near = op.states + op.scanned, outputs[0]
    reals = [writer.real(t) for t in operands]
    known: Known = {}
    given: list[str] = []
    for value, real in zip(op.body.inputs, reals):
        seen = len(given) < last
        name = writer.fresh(f"{near}.{value.name}") if seen else real
        given.append(name)
        known[value] = Tensor(name, _real(value.type), name, name)
    made = {v: writer.fresh(f"{near}.{v.name}") for n in op.body.nodes for v in n.results}
    with writer.nested() as nodes:
        run(op.body.nodes, known, made)
        results = [writer.step("Identity", [writer.real(known[v])], near) for v in op.body.outputs]
    inputs = [_info(name, v.type) for name, v in zip(given[:last], op.body.inputs)]
    made_here = [_info(name, v.type) for name, v in zip(results, op.body.outputs)]
    body = helper.make_graph(nodes, f"{near}.body", inputs, made_here)
    stacked = len(op.body.outputs) - op.states
    writer.node(
        "Scan", reals[:last], list(outputs), title, body=body, num_scan_inputs=op.scanned,
        scan_input_directions=[int(op.reverse)] * op.scanned, scan_output_directions=[int(op.reverse)] * stacked,
    )  # fmt: skip
    return [Tensor(name, _real(type), name, name) for name, type in zip(outputs, op.infer())]


def _real(type: TensorType) -> TensorType:
    """Quantised tensors go through the loop as the numbers they stand for."""
    return type if type.quant is None else TensorType(F32, type.shape)


def _info(name: str, type: TensorType):  # noqa: ANN202  (onnx's protobuf)
    return helper.make_tensor_value_info(name, carrier(_real(type).dtype), type.shape)
