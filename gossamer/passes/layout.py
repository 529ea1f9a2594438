"""Where every value lies in memory, as the target would have it: one layout a statement, copies where they pay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from gossamer.ir.errors import GossamerError, PassError
from gossamer.ir.graph import Graph, Module, Node
from gossamer.ir.op import Op
from gossamer.ir.ops.quant import Cast, View
from gossamer.ir.registry import BACKENDS
from gossamer.ir.schedule import Schedule
from gossamer.ir.types import Value
from gossamer.passes.base import Pass, placed_on


class Copied(Protocol):
    """A value that some of its readers read from a copy, and the layout of that, as it is written."""

    @property
    def value(self) -> Value: ...
    @property
    def layout(self) -> str: ...
    @property
    def readers(self) -> Sequence[Node]: ...


@dataclass(frozen=True)
class Layout(Pass, name="layout"):
    """Write on every statement in which layout its results lie, chosen over the whole graph by the target.

        %1 = nn.conv2d %x, %w      ->      %1 = nn.conv2d %x, %w
                                              @schedule layout=NCHW16c
        %2 = nn.max_pool2d %1 ...          %2 = nn.max_pool2d %1 ...
                                              @schedule layout=NCHW

    Layouts that are written already stay, and the others are chosen to go with them. Where several readers are better
    served by a second layout, a copy of the value with that layout is made for them: `%1_NCHW = quant.cast %1`. A
    target without layouts leaves the module alone. Refuses a module made for another target, and a written layout that
    a value cannot have.
    """

    target: str = "cpu"

    def run(self, module: Module) -> Module:
        # optional: gives (result of a node -> layout, copies), or raises GossamerError
        if not hasattr(BACKENDS.load(self.target), "layouts"):
            return module
        backend, hardware = placed_on(self.name, module, self.target)
        try:
            layouts, copies = backend.layouts(module, hardware)
        except GossamerError as error:
            raise PassError(str(error)) from error
        graph = with_copies(_with_layouts(module.graph, layouts), copies)
        placed = module if graph == module.graph else module.with_graph(graph)
        return placed if module.hardware == hardware else placed.with_hardware(hardware)


def _with_layouts(graph: Graph, layouts: Mapping[Value, str]) -> Graph:
    nodes = tuple(_written(node, layouts.get(node.result, "")) for node in graph.nodes)
    return replace(graph, nodes=nodes)


def _written(node: Node, layout: str) -> Node:
    schedule = node.schedule or Schedule()
    return replace(node, schedule=replace(schedule, layout=layout)) if layout and not schedule.layout else node


def with_copies(graph: Graph, copies: Sequence[Copied]) -> Graph:
    """Every copy comes right after its value."""
    by_value = {copy.value: copy for copy in copies}
    taken = {v.name for v in graph.inputs} | {v.name for node in graph.nodes for v in node.results}
    swaps: dict[Value, dict[Value, Value]] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        nodes.append(replace(node, op=node.op.with_operands(swaps[node.result])) if node.result in swaps else node)
        for value in node.results:
            if value in by_value:
                made = _copy(by_value[value], taken)
                nodes.append(made)
                for reader in by_value[value].readers:
                    swaps.setdefault(reader.result, {})[value] = made.result
    return replace(graph, nodes=tuple(nodes))


def _copy(copy: Copied, taken: set[str]) -> Node:
    value, name = copy.value, f"{copy.value.name}_{copy.layout.replace('.', '_')}"
    while name in taken:
        name += "_"
    taken.add(name)
    op: Op = View(value, value.type) if value.type.quant is not None else Cast(value, value.type)
    return Node(op, (Value(name, value.type),), Schedule(layout=copy.layout))
