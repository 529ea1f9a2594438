"""Building and rewriting graphs: the one place that invents names and infers result types.

    b = GraphBuilder()
    x = b.input("x", TensorType(F32, (1, 3, 32, 32)))
    y = b.add(Relu(x), "y")
    graph = b.finish((y,))

A pass that rewrites node by node:

    def rule(node: Node, r: Rewriter) -> bool:           # True: node is replaced (or dropped)
        if not isinstance(node.op, Identity): return False
        r.replace(node.result, node.op.x)
        return True
    new_graph = rewrite(graph, rule)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from gossamer.ir.errors import IRError
from gossamer.ir.graph import Graph, Node
from gossamer.ir.op import Op
from gossamer.ir.schedule import Schedule
from gossamer.ir.types import TensorType, Value


class GraphBuilder:
    """Collects inputs and nodes. `taken` names are never given to a new value."""

    def __init__(self, taken: set[str] | None = None) -> None:
        self.inputs: list[Value] = []
        self.nodes: list[Node] = []
        self._taken = set(taken or ())
        self._serial = 0

    def input(self, name: str, type: TensorType) -> Value:
        value = Value(self._claim(name), type)
        self.inputs.append(value)
        return value

    def add(self, op: Op, name: str = "", *, label: str = "", schedule: Schedule | None = None) -> Value:
        """Append an op and return its first result, called `name` (or a fresh name; made unique when taken)."""
        return self.add_all(op, (name,), label=label, schedule=schedule)[0]

    def add_all(self, op: Op, names: Sequence[str] = (), *, label: str = "", schedule: Schedule | None = None) -> tuple[Value, ...]:
        """Append an op with several results."""
        try:
            types = op.infer()
        except IRError as error:
            where = label or (names[0] if names else "") or op.name
            raise IRError(f"{where} ({op.name}): {error}") from None
        wanted = [*names, *[""] * (len(types) - len(names))]
        results = tuple(Value(self._claim(name), type) for name, type in zip(wanted, types, strict=True))
        self.nodes.append(Node(op, results, schedule, label))
        return results

    def finish(self, outputs: Sequence[Value]) -> Graph:
        return Graph(tuple(self.inputs), tuple(self.nodes), tuple(outputs))

    def _claim(self, name: str) -> str:
        base, unique = name, name
        while not unique or unique in self._taken:
            self._serial += 1
            unique = f"{base}_{self._serial}" if base else str(self._serial)
        self._taken.add(unique)
        return unique


class Rewriter(GraphBuilder):
    """A builder that walks an old graph; `replace` redirects every later use of a value."""

    def __init__(self, graph: Graph) -> None:
        super().__init__({v.name for v in graph.inputs} | {v.name for n in graph.nodes for v in n.results})
        self.graph = graph
        self.inputs = list(graph.inputs)
        self._swap: dict[Value, Value] = {}

    def replace(self, old: Value, new: Value) -> None:
        self._swap[old] = self.value(new)

    def value(self, old: Value) -> Value:
        """What stands for `old` now."""
        return self._swap.get(old, old)

    def redirected(self, node: Node) -> Node:
        """The node with every operand that was replaced so far redirected."""
        op = node.op.with_operands(self._swap)
        return node if op is node.op else replace(node, op=op)

    def keep(self, node: Node) -> None:
        """Carry a node over with its operands redirected; result types are inferred anew when an operand changed."""
        op = node.op.with_operands(self._swap)
        if op is node.op:
            self.nodes.append(node)
            return
        results = tuple(Value(v.name, t) for v, t in zip(node.results, op.infer(), strict=True))
        for old, new in zip(node.results, results, strict=True):
            if old.type != new.type:
                self._swap[old] = new
        self.nodes.append(replace(node, op=op, results=results))

    def emit(self, node: Node) -> None:
        """Append a ready-made node as it is."""
        self.nodes.append(node)

    def finish_rewrite(self) -> Graph:
        """The new graph; outputs keep their names: a replaced output takes the old name where that is free to take."""
        return Graph(tuple(self.inputs), tuple(self.nodes), tuple(self.value(v) for v in self.graph.outputs))


def rewrite(graph: Graph, rule: Callable[[Node, Rewriter], bool]) -> Graph:
    """Apply `rule` to every node (already redirected) in order; nodes it declines are kept. Same graph if nothing changed."""
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        current = rewriter.redirected(node)
        if not rule(current, rewriter):
            rewriter.keep(node)
    result = rewriter.finish_rewrite()
    return graph if result.nodes == graph.nodes and result.outputs == graph.outputs else result


def renamed(graph: Graph, names: Mapping[str, str]) -> Graph:
    """The graph with values renamed (old -> new)."""
    swap: dict[Value, Value] = {}

    def fresh(value: Value) -> Value:
        if value.name in names:
            swap[value] = Value(names[value.name], value.type)
        return swap.get(value, value)

    inputs = tuple(fresh(v) for v in graph.inputs)
    nodes = tuple(
        replace(n, op=n.op.with_operands(swap), results=tuple(fresh(v) for v in n.results)) for n in graph.nodes
    )
    return Graph(inputs, nodes, tuple(swap.get(v, v) for v in graph.outputs))
