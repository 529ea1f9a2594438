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
        self._invented: set[str] = set()
        self._serial = 0

    def input(self, name: str, type: TensorType) -> Value:
        value = Value(self._claim(name), type)
        self.inputs.append(value)
        return value

    def add(self, op: Op, name: str = "", *, label: str = "", schedule: Schedule | None = None) -> Value:
        """Append an op and return its first result, called `name` (or a fresh name; made unique when taken)."""
        return self.add_all(op, (name,), label=label, schedule=schedule)[0]

    def add_all(
        self, op: Op, names: Sequence[str] = (), *, label: str = "", schedule: Schedule | None = None
    ) -> tuple[Value, ...]:
        """Append an op with several results, called `names` as far as they go."""
        try:
            types = op.infer()
        except IRError as error:
            where = label or (names[0] if names else "") or op.name
            raise IRError(f"{where} ({op.name}): {error}") from None
        missing = len(types) - len(names)
        wanted = (*names, *("",) * missing) if missing else names
        results = tuple([Value(self._claim(name), type) for name, type in zip(wanted, types, strict=True)])
        self.nodes.append(Node(op, results, schedule, label))
        return results

    def finish(self, outputs: Sequence[Value]) -> Graph:
        return Graph(tuple(self.inputs), tuple(self.nodes), tuple(outputs))

    def _claim(self, name: str) -> str:
        unique = name
        while not unique or unique in self._taken:
            self._serial += 1
            unique = f"{name}_{self._serial}" if name else str(self._serial)
        if unique != name:
            self._invented.add(unique)
        self._taken.add(unique)
        return unique


class Rewriter(GraphBuilder):
    """A builder that walks an old graph; `replace` redirects every later use of a value.

    Users address inputs and outputs by name, so the new graph has the old one's; see `finish_rewrite`.
    """

    def __init__(self, graph: Graph) -> None:
        self._old = {v.name: v for v in (*graph.inputs, *(v for n in graph.nodes for v in n.results))}
        super().__init__(set(self._old))
        self.graph = graph
        self.inputs = list(graph.inputs)
        self._swap: dict[str, Value] = {}  # name -> what stands for it, perhaps the same name with another type

    def replace(self, old: Value, new: Value) -> None:
        """Every later use of `old`, and its place among the outputs, becomes `new` (or what stands for `new` now)."""
        new = self.value(new)
        if new.name != old.name or new != self._old.get(old.name, new):
            self._swap[old.name] = new
        else:
            self._swap.pop(old.name, None)

    def value(self, old: Value) -> Value:
        """What stands for `old` now."""
        while (new := self._swap.get(old.name)) is not None:
            if new.name == old.name:
                return new
            old = new
        return old

    def redirected(self, node: Node) -> Node:
        """The node reading what stands for its operands now, its result types to match; itself if none was replaced."""
        swap = {v: self.value(v) for v in node.op.operands if v.name in self._swap} if self._swap else {}
        if all(old == new for old, new in swap.items()):
            return node
        op = node.op.with_operands(swap)
        try:
            results = tuple(Value(v.name, t) for v, t in zip(node.results, op.infer(), strict=True))
        except IRError as error:
            raise IRError(f"{node.title} ({op.name}): {error}") from None
        return replace(node, op=op, results=results)

    def keep(self, node: Node) -> None:
        """Carry a node over with its operands redirected."""
        self.emit(self.redirected(node))

    def emit(self, node: Node) -> None:
        """Append a ready-made node as it is. A result called as a value of the old graph stands for that value."""
        self.nodes.append(node)
        for new in node.results:
            self._taken.add(new.name)
            if new != self._old.get(new.name, new):
                self._swap.setdefault(new.name, new)

    def finish_rewrite(self) -> Graph:
        """The new graph, its outputs called as the old one's were.

        What replaced an output takes the output's name; a statement left over under that name gets another. Where that
        cannot be, because an input or another output became this output, a `tensor.reshape` to the same shape gives
        the second name. Elsewhere a value that `add` had to invent a name for takes the name of what it replaced,
        where that is free, so that things stay called what the model's author called them.
        """
        inputs = set(self.inputs)
        outputs = [old if old in inputs else self.value(old) for old in self.graph.outputs]
        graph = Graph(tuple(self.inputs), tuple(self.nodes), tuple(outputs))
        return self._named(graph) if self._swap else graph

    def _named(self, graph: Graph) -> Graph:
        wanted = [value.name for value in self.graph.outputs]
        final = {v.name: v.name for v in graph.inputs}
        final |= {new.name: name for new, name in zip(graph.outputs, wanted) if new.name == name}
        for new, name in zip(graph.outputs, wanted):
            final.setdefault(new.name, name)
        present = [v.name for node in graph.nodes for v in node.results]
        for name in present:
            if name in wanted and name not in final:
                final[name] = self._claim(name)
        self._inherit(final, {*(v.name for v in graph.inputs), *wanted, *(final.get(n, n) for n in present)})
        names = {old: new for old, new in final.items() if old != new}
        return _with_aliases(renamed(graph, names) if names else graph, wanted)

    def _inherit(self, final: dict[str, str], used: set[str]) -> None:
        """Names for values that had to be given an invented one."""
        for old in self._swap:
            new = self.value(self._swap[old]).name
            if old not in used and new in self._invented and new not in final:
                final[new] = old
                used.add(old)


def _with_aliases(graph: Graph, wanted: Sequence[str]) -> Graph:
    """The graph with outputs that are called something else given their name by an op that changes nothing."""
    from gossamer.ir.ops.tensor import Reshape  # ops may build graphs themselves

    aliases: dict[str, Node] = {}
    for value, name in zip(graph.outputs, wanted):
        if value.name != name:
            op = Reshape(value, value.shape)
            aliases[name] = Node(op, (Value(name, op.infer()[0]),))
    outputs = tuple(aliases[name].result if name in aliases else v for v, name in zip(graph.outputs, wanted))
    return Graph(graph.inputs, (*graph.nodes, *aliases.values()), outputs)


def rewrite(graph: Graph, rule: Callable[[Node, Rewriter], bool]) -> Graph:
    """Apply `rule` to every node (already redirected) in order, keep what it declines; the same graph if no change."""
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        current = rewriter.redirected(node)
        if not rule(current, rewriter):
            rewriter.keep(current)
    result = rewriter.finish_rewrite()
    return graph if result == graph else result


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
