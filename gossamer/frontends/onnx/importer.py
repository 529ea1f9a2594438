"""From a parsed ONNX model to a module: inputs and weights first, then the nodes (walk.py), then the outputs."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from onnx import GraphProto, ModelProto, ValueInfoProto

from gossamer.frontends.onnx.inputs import fixed_inputs, input_types
from gossamer.frontends.onnx.read import opsets_of
from gossamer.frontends.onnx.scope import Lost, Scope
from gossamer.frontends.onnx.tensors import Listed, read_tensor
from gossamer.frontends.onnx.walk import Walk
from gossamer.ir.build import renamed
from gossamer.ir.errors import FrontendError
from gossamer.ir.graph import Array, Graph, Module
from gossamer.ir.ops import Reshape
from gossamer.ir.types import Value


def import_model(
    model: ModelProto,
    name: str,
    folder: Path,
    shapes: Mapping[str, Sequence[int]],
    constants: Mapping[str, Array],
) -> Module:
    """A parsed model as a module called `name`. `folder` is where external data may lie."""
    graph = model.graph
    scope = Scope({name for node in graph.node for name in (*node.input, *node.output)})
    if graph.sparse_initializer:
        raise FrontendError(f"tensor '{graph.sparse_initializer[0].values.name}' is sparse, which is not supported")
    weights = {tensor.name: read_tensor(tensor, folder) for tensor in graph.initializer}
    open_inputs = [i for i in graph.input if i.name not in weights]
    weights |= fixed_inputs(open_inputs, constants)
    for given, kind in input_types([i for i in open_inputs if i.name not in constants], shapes).items():
        scope.define(given, scope.builder.input(given, kind))
    for given, weight in weights.items():
        scope.define(given, weight)
    walk = Walk(scope, opsets_of(model), folder, model.functions)
    walk.nodes(graph.node)
    walk.problems.check()
    return Module(re.sub(r"\W", "_", name) or "model", _finished(graph, scope), scope.params())


def _finished(graph: GraphProto, scope: Scope) -> Graph:
    """The graph, its outputs called what the file calls them."""
    outputs: dict[str, Value] = {}  # by name: some exporters list an output twice, which says nothing more
    # Names that are taken: a second name for the same thing needs an op that defines it.
    fixed = {v.name for v in scope.builder.inputs} | {info.name for info in graph.output}
    for info in graph.output:
        try:
            item = scope.anything(info.name)
        except Lost:  # a function has fewer outputs than the node that calls it
            raise FrontendError(f"the graph is malformed: nothing computes output '{info.name}'") from None
        if isinstance(item, Listed):
            raise FrontendError(f"output '{info.name}' is a sequence, and only tensors are supported")
        value = scope.value(info.name, item)
        if value.name != info.name and (value.name in fixed or value.name in scope.param_names):
            value = scope.builder.add(Reshape(value, value.shape), info.name, label=info.name)
        _check_declared(info, value)
        outputs[info.name] = value
        fixed.add(value.name)
    if not outputs:
        raise FrontendError("the graph is malformed: it has no outputs")
    names = {value.name: name for name, value in outputs.items() if value.name != name}
    result = scope.builder.finish(tuple(outputs.values()))
    return renamed(result, names) if names else result


def _check_declared(info: ValueInfoProto, value: Value) -> None:
    """What the file says of an output must agree with what came out."""
    dims = info.type.tensor_type.shape.dim
    declared = [d.dim_value for d in dims if d.HasField("dim_value")]
    if dims and len(declared) == len(dims) and tuple(declared) != value.shape:
        found = list(value.shape)
        raise FrontendError(f"the file is malformed: output '{info.name}' is declared {declared} and comes out {found}")
