"""Kernels of several ops made one: `concatenated` puts a graph's kernels in a row, `inline_pointwise` melts the stages."""

from dataclasses import replace

from gossamer.ir.graph import Graph
from gossamer.ir.nest import Apply, Convert, Expr, Kernel, Load, Nest


def concatenated(graph: Graph) -> Kernel | None:
    """One kernel for a graph: its operands are the graph's inputs, its results the graph's outputs. None if a node is opaque."""
    count = len(graph.inputs)
    place = {value: i for i, value in enumerate(graph.inputs)}
    stages: list[Nest] = []
    for node in graph.nodes:
        kernel = node.op.kernel()
        if kernel is None:
            return None
        base = count + len(stages)
        slots = [place[v] for v in node.op.operands] + [base + i for i in range(len(kernel.stages))]
        stages.extend(with_slots(stage, slots) for stage in kernel.stages)
        place.update((value, base + i) for value, i in zip(node.results, kernel.results))
    return Kernel(count, tuple(stages), tuple(place[v] - count for v in graph.outputs))


def with_slots(nest: Nest, slots: list[int]) -> Nest:
    """The nest with operand k read from slots[k]."""
    epilogue = None if nest.epilogue is None else _with_slots(nest.epilogue, slots)
    return replace(nest, body=_with_slots(nest.body, slots), epilogue=epilogue)


def _with_slots(expr: Expr, slots: list[int]) -> Expr:
    if isinstance(expr, Load):
        return replace(expr, operand=slots[expr.operand])
    if isinstance(expr, Apply):
        return Apply(expr.function, tuple(_with_slots(a, slots) for a in expr.args))
    if isinstance(expr, Convert):
        return replace(expr, value=_with_slots(expr.value, slots))
    return expr
