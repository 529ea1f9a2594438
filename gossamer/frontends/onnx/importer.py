"""The walk over an ONNX graph. Every node that cannot be imported is found before anything is reported."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

from gossamer.frontends.onnx import operators  # noqa: F401  (fills the table)
from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.fold import FOLDED, SMALL, folded
from gossamer.frontends.onnx.inputs import input_types
from gossamer.frontends.onnx.read import opset_of
from gossamer.frontends.onnx.scope import Lost, Scope
from gossamer.frontends.onnx.table import HANDLERS, Result
from gossamer.frontends.onnx.tensors import Constant, constant_of, read_tensor
from gossamer.frontends.problems import Problems, UnknownOperator, Unsupported
from gossamer.ir.build import renamed
from gossamer.ir.errors import FrontendError, IRError
from gossamer.ir.graph import Graph, Module
from gossamer.ir.ops import Reshape
from gossamer.ir.types import Value


def import_model(model: ModelProto, name: str, folder: Path, shapes: Mapping[str, Sequence[int]]) -> Module:
    """A parsed model as a module called `name`. `folder` is where external data may lie."""
    graph = model.graph
    scope = Scope({name for node in graph.node for name in (*node.input, *node.output)})
    if graph.sparse_initializer:
        raise FrontendError(f"tensor '{graph.sparse_initializer[0].values.name}' is sparse, which is not supported")
    weights = {tensor.name: read_tensor(tensor, folder) for tensor in graph.initializer}
    types = input_types([i for i in graph.input if i.name not in weights], shapes)
    for given, kind in types.items():
        scope.define(given, scope.builder.input(given, kind))
    for given, weight in weights.items():
        scope.define(given, weight)
    _import_nodes(graph, scope, opset_of(model), folder)
    return Module(re.sub(r"\W", "_", name) or "model", _finished(graph, scope), scope.params())


def _import_nodes(graph: GraphProto, scope: Scope, opset: int, folder: Path) -> None:
    problems = Problems()
    for node in graph.node:
        results: tuple[Value | Constant | None, ...] = (None,) * len(node.output)
        try:
            results = _import_node(node, scope, opset, folder)
        except UnknownOperator as operator:
            problems.unknown(str(operator), _title(node))
        except Unsupported as reason:
            problems.refused(_title(node), node.op_type, reason)
        except Lost:
            if _handler_missing(node):
                problems.unknown(_operator(node), _title(node))
        for output, result in zip(node.output, results, strict=False):
            if output:
                scope.define(output, result)
    problems.check()


def _import_node(node: NodeProto, scope: Scope, opset: int, folder: Path) -> tuple[Value | Constant | None, ...]:
    if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
        return (read_tensor(node.attribute[0].t, folder, node.output[0]),)
    try:
        found = _fold(node, scope, opset)
        if found is not None:
            return found
        if _handler_missing(node):
            raise UnknownOperator(_operator(node))
        result: Result = HANDLERS[_domain(node), node.op_type](Call(scope, node, opset))
    except IRError as error:
        raise Unsupported(str(error)) from error
    except FrontendError as error:
        raise FrontendError(f"{_title(node)} ({node.op_type}): {error}") from error
    except (ValueError, IndexError, TypeError, OverflowError) as error:  # operands of a shape no exporter writes
        raise FrontendError(f"{_title(node)} ({node.op_type}): it is malformed: {error}") from error
    return result if isinstance(result, tuple) else (result,)


def _fold(node: NodeProto, scope: Scope, opset: int) -> tuple[Constant, ...] | None:
    """The node's outputs when they follow from small constants; None when the table has to deal with it."""
    if _domain(node) or node.op_type not in FOLDED or not all(scope.known(i) for i in node.input if i):
        return None
    items = [scope.look(i) if i else None for i in node.input]
    constants = [item if isinstance(item, Constant) else None for item in items]
    if sum(c.type.elements for c in constants if c) > SMALL and not _handler_missing(node):
        return None
    return tuple(constant_of(array) for array in folded(node, opset, [c and c.load() for c in constants]))


def _finished(graph: GraphProto, scope: Scope) -> Graph:
    """The graph, its outputs called what the file calls them."""
    outputs: dict[str, Value] = {}  # by name: some exporters list an output twice, which says nothing more
    fixed = {v.name for v in scope.builder.inputs} | {info.name for info in graph.output}
    for info in graph.output:
        value = scope.value(info.name, scope.look(info.name))
        if value.name != info.name and (value.name in fixed or value in outputs.values() or _is_param(scope, value)):
            # A second name for the same thing needs an op that defines it.
            value = scope.builder.add(Reshape(value, value.shape), info.name, label=info.name)
        _check_declared(info, value)
        outputs[info.name] = value
    if not outputs:
        raise FrontendError("the graph is malformed: it has no outputs")
    names = {value.name: name for name, value in outputs.items() if value.name != name}
    result = scope.builder.finish(tuple(outputs.values()))
    return renamed(result, names) if names else result


def _is_param(scope: Scope, value: Value) -> bool:
    return any(node.result == value and node.op.name == "ir.param" for node in scope.builder.nodes)


def _check_declared(info: ValueInfoProto, value: Value) -> None:
    """What the file says of an output must agree with what came out."""
    dims = info.type.tensor_type.shape.dim
    declared = [d.dim_value for d in dims if d.HasField("dim_value")]
    if dims and len(declared) == len(dims) and tuple(declared) != value.shape:
        found = list(value.shape)
        raise FrontendError(f"the file is malformed: output '{info.name}' is declared {declared} and comes out {found}")


def _handler_missing(node: NodeProto) -> bool:
    return (_domain(node), node.op_type) not in HANDLERS


def _domain(node: NodeProto) -> str:
    return "" if node.domain == "ai.onnx" else node.domain


def _operator(node: NodeProto) -> str:
    return f"{_domain(node)}:{node.op_type}" if _domain(node) else node.op_type


def _title(node: NodeProto) -> str:
    return node.name or next((o for o in node.output if o), "unnamed")

