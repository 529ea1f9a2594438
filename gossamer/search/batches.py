"""A network for one image as the same network for several: `with_batch(module, 128)`.

Networks of a space are written for one image. To measure one on many, the leading extent of its input grows, every op
says its result types anew, and a reshape or slice that keeps the leading extent 1 keeps the images apart.
"""

from dataclasses import replace

from gossamer.ir.errors import IRError, SearchError
from gossamer.ir.graph import Module, Node
from gossamer.ir.op import Op
from gossamer.ir.ops.tensor import Reshape, Slice
from gossamer.ir.types import Value


def with_batch(module: Module, images: int) -> Module:
    """SearchError where an op of the network does not treat images one by one."""
    if images == 1:
        return module
    graph = module.graph
    swap = {value: _grown(value, images) for value in graph.inputs}
    nodes = [_node(node, swap, images, module.name) for node in graph.nodes]
    outputs = tuple(swap.get(value, value) for value in graph.outputs)
    inputs = tuple(swap[value] for value in graph.inputs)
    return module.with_graph(replace(graph, inputs=inputs, nodes=tuple(nodes), outputs=outputs))


def _grown(value: Value, images: int) -> Value:
    return Value(value.name, replace(value.type, shape=(images, *value.type.shape[1:])))


def _node(node: Node, swap: dict[Value, Value], images: int, name: str) -> Node:
    """The node on grown operands; `swap` learns its results. What reads no image stays as it is."""
    if not any(value in swap for value in node.op.operands):
        return node
    op = _for_images(node.op.with_operands(swap), images)
    try:
        types = op.infer()
    except IRError as error:
        raise SearchError(f"{name}: {node.title} ({op.name}) cannot take {images} images at once: {error}") from None
    results = tuple(Value(value.name, type) for value, type in zip(node.results, types, strict=True))
    swap |= dict(zip(node.results, results))
    return replace(node, op=op, results=results)


def _for_images(op: Op, images: int) -> Op:
    if isinstance(op, Reshape) and op.shape[0] == 1:
        return replace(op, shape=(images, *op.shape[1:]))
    if isinstance(op, Slice) and (op.starts[0], op.stops[0], op.steps[0]) == (0, 1, 1):
        return replace(op, stops=(images, *op.stops[1:]))
    return op
