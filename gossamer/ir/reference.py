"""What a module computes, by the meaning of its ops: the yardstick for every backend and pass.

    outputs = evaluate(module, {"x": image})

Slow beside compiled code, fast enough for whole networks: a ResNet-18 forward takes a fraction of a second. Values are
freed after their last use. `exact=True` does float32 arithmetic in float64, for judging rounding errors.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

from gossamer.ir.errors import IRError, nearest
from gossamer.ir.graph import Array, Graph, Module, Node, Params
from gossamer.ir.inputs import checked_inputs, fitted
from gossamer.ir.op import Op
from gossamer.ir.ops.scan import Scan
from gossamer.ir.ops.structure import Fused, Param
from gossamer.ir.reference_nest import evaluate_kernel
from gossamer.ir.reference_scan import evaluate_scan
from gossamer.ir.types import Value

Observer: TypeAlias = Callable[[Value, Array], None]


def evaluate(
    module: Module, inputs: Mapping[str, Array], *, exact: bool = False, observe: Observer | None = None
) -> dict[str, Array]:
    """The module's outputs by name. DataError when an input is missing, unknown, or of another shape or type."""
    return evaluate_graph(module.graph, inputs, module.params, exact=exact, observe=observe)


def evaluate_graph(
    graph: Graph,
    values: Mapping[str, Array],
    params: Mapping[str, Array] = Params(),
    *,
    exact: bool = False,
    observe: Observer | None = None,
) -> dict[str, Array]:
    """A graph's outputs by name; `values` are its inputs by name. `observe` is called with every value once known."""
    known = checked_inputs(graph.inputs, values, exact=exact)
    for value in graph.inputs if observe else ():
        cast(Observer, observe)(value, known[value])
    last = _last_uses(graph)
    for position, node in enumerate(graph.nodes):
        results = _run(node, [known[v] for v in node.op.operands], params, exact, observe)
        for value, array in zip(node.results, results, strict=True):
            known[value] = array
            if observe is not None:
                observe(value, array)
        for value in {*node.op.operands, *node.results}:
            if last.get(value, position) == position:
                del known[value]
    return {value.name: known[value] for value in graph.outputs}


def evaluate_op(op: Op, operands: Sequence[Array], *, exact: bool = False) -> tuple[Array, ...]:
    """The results of one op (not of an ir.param) on arrays, which are in its operands' types."""
    if isinstance(op, Fused):
        return _run_body(op.body, dict(zip((v.name for v in op.body.inputs), operands, strict=True)), exact)
    if isinstance(op, Scan):
        return evaluate_scan(op, operands, lambda inputs: _run_body(op.body, inputs, exact), exact)
    kernel = op.kernel()
    if kernel is not None:
        return evaluate_kernel(kernel, operands, exact)
    reference = cast("Callable[..., Array | tuple[Array, ...]] | None", getattr(op, "reference", None))
    if reference is None:
        raise IRError(f"{op.name} has no meaning: it needs a `kernel`, or a `reference` on arrays if it is opaque")
    result = reference(*operands)
    return result if isinstance(result, tuple) else (result,)


def _run_body(body: Graph, inputs: Mapping[str, Array], exact: bool) -> tuple[Array, ...]:
    found = evaluate_graph(body, inputs, exact=exact)
    return tuple(found[value.name] for value in body.outputs)


def _run(
    node: Node, operands: list[Array], params: Mapping[str, Array], exact: bool, observe: Observer | None
) -> tuple[Array, ...]:
    if not isinstance(node.op, Param):
        return evaluate_op(node.op, operands, exact=exact)
    ref = node.op.ref
    if ref not in params:
        raise IRError(f"{node.title} (ir.param): the module has no parameter '{ref}'{nearest(ref, params)}")
    return (fitted(f"parameter '{ref}'", params[ref], node.op.type, exact),)


def _last_uses(graph: Graph) -> dict[Value, int]:
    """Value -> position of the node that reads it last; outputs outlive every node."""
    last = {v: position for position, node in enumerate(graph.nodes) for v in node.op.operands}
    return last | dict.fromkeys(graph.outputs, len(graph.nodes))
