"""The walk over a module: values to tensors, fused nodes opened, precision to QuantizeLinear and DequantizeLinear."""

from collections.abc import Iterable, Mapping

from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from gossamer.codegen.array_nests import run_kernel
from gossamer.codegen.arrays import Held, on_reals
from gossamer.codegen.onnx import indexing, layers, operators  # noqa: F401  (fill the table)
from gossamer.codegen.onnx.library import OnnxArrays
from gossamer.codegen.onnx.scan import scan
from gossamer.codegen.onnx.support import has_kernel, in_f32
from gossamer.codegen.onnx.table import EMITTERS, Emit
from gossamer.codegen.onnx.types import QUANTIZED, carrier
from gossamer.codegen.onnx.writer import Tensor, Writer, as_float
from gossamer.ir.errors import BackendError
from gossamer.ir.graph import Graph, Module, Node
from gossamer.ir.op import Op
from gossamer.ir.ops import Cast, Fused, Param, Scan, View
from gossamer.ir.types import F32, TensorType, Value

OPSET, IR_VERSION = 21, 10


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
                case View():
                    tensors[node.result] = self._view(node.op, tensors[node.op.x], names[node.result])
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

    def _view(self, op: View, x: Tensor, name: str) -> Tensor:
        """The same integers, read with another scale."""
        stored = self._writer.node("Identity", [self._writer.stored(x)], name)
        return Tensor(name, op.type, stored=stored, real="" if op.type.quant else stored)

    def _plain(self, node: Node, tensors: dict[Value, Tensor], names: Mapping[Value, str]) -> None:
        """An op on real numbers; a quantised result is stored as integers, but for an accumulator."""
        reals = [self._writer.real(tensors[v]) for v in node.op.operands]
        stored = [v.type.quant is not None and carrier(v.dtype) in QUANTIZED for v in node.results]
        outputs = [self._writer.fresh(f"{names[v]}.raw") if s else names[v] for v, s in zip(node.results, stored)]
        self._emit(node, [tensors[v] for v in node.op.operands], reals, outputs)
        for value, output, keep in zip(node.results, outputs, stored):
            tensor = Tensor(names[value], value.type, "" if value.type.quant else output, output)
            if keep:
                tensor.stored, tensor.real = self._writer.stored(tensor), ""
            elif value.type.quant is not None:
                # The name belongs to the floats; integers, if ever asked for, get another.
                tensor.name = self._writer.fresh(f"{names[value]}.stored")
            tensors[value] = tensor


    def _emit(self, node: Node, operands: list[Tensor], reals: list[str], outputs: list[str]) -> None:
        """The operators that compute real numbers: ONNX's own, a Scan, or what the loop nest says."""
        if isinstance(node.op, Scan):
            scan(self._writer, node.op, operands, outputs, node.label, self.nodes)
            return
        if in_f32(node.op):
            self._in_f32(node, reals, outputs)
        else:
            self._written(node.op, reals, outputs, node.label)

    def _written(self, op: Op, reals: list[str], outputs: list[str], title: str) -> None:
        emitter = EMITTERS.get(type(op)) if has_kernel(op) else None
        if emitter is None or emitter(Emit(self._writer, op, reals, outputs, title)) is False:
            self._by_loops(on_reals(op), reals, outputs, title)

    def _in_f32(self, node: Node, reals: list[str], outputs: list[str]) -> None:
        """Operands of f16, bf16 or fp8 made f32, and the results stored back."""
        swap, given = dict[Value, Value](), list[str]()
        for value, real in zip(node.op.operands, reals):
            narrow = value.dtype.floating and value.dtype.bits < 32
            given.append(self._writer.step("Cast", [real], outputs[0], to=carrier(F32)) if narrow else real)
            if narrow:
                swap[value] = Value(value.name, TensorType(F32, value.shape))
        wide = node.op.with_operands(swap)
        made = [self._writer.fresh(f"{name}.f32") for name in outputs]
        self._written(wide, given, made, node.label)
        for name, result, output in zip(made, node.results, outputs):
            self._writer.node("Cast", [name], output, to=carrier(result.dtype))

    def _by_loops(self, op: Op, reals: list[str], outputs: list[str], title: str) -> None:
        kernel = op.kernel()
        assert kernel is not None  # _check has seen to it
        held = [Held(x, v.shape, v.dtype) for x, v in zip(reals, op.operands)]
        found = run_kernel(OnnxArrays(self._writer, outputs[0]), kernel, held)
        for result, output in zip(found, outputs):
            self._writer.node("Identity", [result.array], output, title)


def _check(module: Module) -> None:
    """BackendError that lists every node that cannot be written."""
    bad = [f"{node.title} ({node.op.name})" for node in _flat(module.graph) if not _writable(node.op)]
    if bad:
        count = f"{len(bad)} nodes" if len(bad) > 1 else "1 node"
        raise BackendError(f"{module.name}: {count} cannot be written as ONNX: {', '.join(bad)}")
    missing = [n.op.ref for n in module.graph.nodes if isinstance(n.op, Param) and n.op.ref not in module.params]
    if missing:
        raise BackendError(f"{module.name}: the module holds no weights for '{missing[0]}', which ONNX needs")


def _writable(op: Op) -> bool:
    return isinstance(op, (Param, Cast, Fused, Scan)) or type(op) in EMITTERS or op.kernel() is not None


def _flat(graph: Graph) -> Iterable[Node]:
    for node in graph.nodes:
        yield node
        if isinstance(node.op, (Fused, Scan)):
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
