"""The walk over a module: values to tensors, fused nodes opened, precision to QuantizeLinear and DequantizeLinear."""

from collections.abc import Iterable, Mapping

from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from gossamer.codegen.onnx import operators  # noqa: F401  (fills the table)
from gossamer.codegen.onnx.table import EMITTERS, Emit
from gossamer.codegen.onnx.types import QUANTIZED, carrier
from gossamer.codegen.onnx.writer import Tensor, Writer, as_float
from gossamer.ir.errors import BackendError
from gossamer.ir.graph import Graph, Module, Node
from gossamer.ir.ops import AvgPool2d, BatchNorm, Cast, Conv2d, Fused, Gemm, Param
from gossamer.ir.types import F32, Value

OPSET, IR_VERSION = 21, 10
_FLOAT_ONLY = (Conv2d, Gemm, BatchNorm, AvgPool2d)


def exported_model(module: Module) -> ModelProto:
    """See `export_onnx`."""
    _check(module)
    graph = module.graph
    writer = Writer({v.name for v in graph.inputs} | {v.name for n in graph.nodes for v in n.results})
    tensors = {value: _given(value) for value in graph.inputs}
    walk = _Walk(module, writer)
    walk.nodes(graph.nodes, tensors, {v: v.name for n in graph.nodes for v in n.results})
    outputs = [_output(writer, value, tensors[value]) for value in graph.outputs]
    inputs = [_info(value) for value in graph.inputs]
    written = helper.make_graph(writer.nodes, module.name, inputs, outputs, writer.initializers)
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(written, opset_imports=[opset], ir_version=IR_VERSION, producer_name="gossamer")


class _Walk:
    def __init__(self, module: Module, writer: Writer) -> None:
        self._params, self._writer = module.params, writer
        self._outputs = {value.name for value in module.graph.outputs}

    def nodes(self, nodes: Iterable[Node], tensors: dict[Value, Tensor], names: Mapping[Value, str]) -> None:
        """Write nodes; `tensors` holds what is defined so far, `names` says what results are to be called."""
        for node in nodes:
            match node.op:
                case Param():
                    tensors[node.result] = self._param(node.op, names[node.result])
                case Fused():
                    self._fused(node, tensors, names)
                case Cast():
                    tensors[node.result] = self._cast(node.op, tensors[node.op.x], names[node.result])
                case _:
                    self._plain(node, tensors, names)

    def _param(self, op: Param, name: str) -> Tensor:
        packed = op.type.quant is not None and name not in self._outputs  # an output is in the type of all outputs
        self._writer.parameter(name, self._params[op.ref], carrier(op.type.dtype, packed))
        return Tensor(name, op.type, stored=name, real="" if op.type.quant else name, packed=packed)

    def _fused(self, node: Node, tensors: dict[Value, Tensor], names: Mapping[Value, str]) -> None:
        assert isinstance(node.op, Fused)
        body: Graph = node.op.body
        inner = {v: tensors[given] for v, given in zip(body.inputs, node.op.inputs)}
        outer = {v: names[result] for v, result in zip(body.outputs, node.results)}
        made = [v for n in body.nodes for v in n.results]
        own = {v: outer.get(v) or self._writer.fresh(f"{names[node.result]}.{v.name}") for v in made}
        self.nodes(body.nodes, inner, own)
        for value, result in zip(body.outputs, node.results):
            tensors[result] = inner[value]

    def _cast(self, op: Cast, x: Tensor, name: str) -> Tensor:
        if op.type.quant is not None:
            stored = self._writer.quantized(as_float(self._writer, x), op.type, name)
            return Tensor(name, op.type, stored=stored)
        real = self._writer.real(x)
        if x.type.quant is not None and op.type.dtype == F32:
            return Tensor(name, op.type, real, real)  # the float numbers are the result already
        self._writer.node("Cast", [real], name, to=carrier(op.type.dtype))
        return Tensor(name, op.type, name, name)

    def _plain(self, node: Node, tensors: dict[Value, Tensor], names: Mapping[Value, str]) -> None:
        """An op on real numbers; a quantised result is stored as integers, but for an accumulator."""
        reals = [self._writer.real(tensors[v]) for v in node.op.operands]
        stored = [v.type.quant is not None and carrier(v.dtype) in QUANTIZED for v in node.results]
        outputs = [self._writer.fresh(f"{names[v]}.raw") if s else names[v] for v, s in zip(node.results, stored)]
        EMITTERS[type(node.op)](Emit(self._writer, node.op, reals, outputs, node.label))
        for value, output, keep in zip(node.results, outputs, stored):
            tensor = Tensor(names[value], value.type, "" if value.type.quant else output, output)
            if keep:
                tensor.stored, tensor.real = self._writer.stored(tensor), ""
            elif value.type.quant is not None:
                # The name belongs to the floats; integers, if ever asked for, get another.
                tensor.name = self._writer.fresh(f"{names[value]}.stored")
            tensors[value] = tensor


def _check(module: Module) -> None:
    """BackendError that lists every node that cannot be written."""
    bad = [
        f"{node.title} ({node.op.name}{reason})"
        for node in _flat(module.graph)
        if (reason := _refusal(node)) is not None
    ]
    if bad:
        count = f"{len(bad)} nodes" if len(bad) > 1 else "1 node"
        raise BackendError(f"{module.name}: {count} cannot be written as ONNX: {', '.join(bad)}")
    missing = [n.op.ref for n in module.graph.nodes if isinstance(n.op, Param) and n.op.ref not in module.params]
    if missing:
        raise BackendError(f"{module.name}: the module holds no weights for '{missing[0]}', which ONNX needs")


def _refusal(node: Node) -> str | None:
    """None when the node can be written, else what to add to its name."""
    if isinstance(node.op, (Param, Cast, Fused)):
        return None
    if type(node.op) not in EMITTERS:
        return ""
    x = node.op.operands[0].type
    if isinstance(node.op, _FLOAT_ONLY) and x.dtype.integer and x.quant is None:
        return f" on plain {x.dtype}"
    return None


def _flat(graph: Graph) -> Iterable[Node]:
    for node in graph.nodes:
        yield node
        if isinstance(node.op, Fused):
            yield from _flat(node.op.body)


def _given(value: Value) -> Tensor:
    return Tensor(value.name, value.type, stored=value.name, real="" if value.type.quant else value.name)


def _info(value: Value, code: int | None = None) -> ValueInfoProto:
    return helper.make_tensor_value_info(value.name, code or carrier(value.dtype), value.shape)


def _output(writer: Writer, value: Value, tensor: Tensor) -> ValueInfoProto:
    """The elements of an output under its own name; an accumulator is given as the float numbers it stands for."""
    accumulator = value.type.quant is not None and not tensor.stored
    name = tensor.real if accumulator else writer.stored(tensor)
    if name != value.name:
        writer.node("Identity", [name], value.name)
    return _info(value, TensorProto.FLOAT if accumulator else None)
