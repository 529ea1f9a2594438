"""Nodes of a function body or of an inner graph, under names that are free in the graph they are put into."""

from collections.abc import Callable, Mapping, Sequence

from onnx import AttributeProto, GraphProto, NodeProto


class Renaming:
    """Old name -> new name. Names that are bound keep what they are bound to; names defined inside get a fresh one.

    `reserve` makes a fresh name out of a wish; `label` is the name of the node that is replaced, which messages show.
    """

    def __init__(self, reserve: Callable[[str], str], stem: str, label: str) -> None:
        self._reserve, self._stem, self._label = reserve, stem, label
        self._names: dict[str, str] = {"": ""}

    def bind(self, inner: Sequence[str], outer: Sequence[str], keep_missing: bool = True) -> None:
        """Formal names stand for these; what is left out stands for nothing, or (not `keep_missing`) gets a name."""
        for i, name in enumerate(inner):
            given = outer[i] if i < len(outer) else ""
            if given or keep_missing:
                self._names[name] = given

    def define(self, name: str) -> str:
        """The new name of something that is defined inside."""
        if name not in self._names:
            self._names[name] = self._reserve(f"{self._stem}.{name}")
        return self._names[name]

    def look(self, name: str) -> str:
        """The new name of something that is used: its own when it is defined outside."""
        return self._names.get(name, name)

    def node(self, node: NodeProto, attributes: Mapping[str, AttributeProto]) -> NodeProto:
        """The node renamed; attributes that refer to those of the function are replaced by the given ones."""
        new = NodeProto(op_type=node.op_type, domain=node.domain, name=self._label)
        new.input.extend(self.look(name) for name in node.input)
        new.output.extend(self.define(name) for name in node.output)
        for attribute in node.attribute:
            found = _resolved(attribute, attributes)
            if found is not None:
                new.attribute.append(self._inner(found, attributes))
        return new

    def _inner(self, attribute: AttributeProto, attributes: Mapping[str, AttributeProto]) -> AttributeProto:
        """An attribute whose graph, if it holds one, uses the new names of what it takes from outside."""
        if attribute.type != AttributeProto.GRAPH:
            return attribute
        renamed = AttributeProto(name=attribute.name, type=attribute.type)
        renamed.g.CopyFrom(self._graph(attribute.g, attributes))
        return renamed

    def _graph(self, graph: GraphProto, attributes: Mapping[str, AttributeProto]) -> GraphProto:
        own = {info.name for info in (*graph.input, *graph.initializer)} | {o for n in graph.node for o in n.output}
        hidden = {name: self._names.pop(name) for name in own if name and name in self._names}
        new = GraphProto()
        new.CopyFrom(graph)
        del new.node[:]
        new.node.extend(self._outer_names(node, own, attributes) for node in graph.node)
        self._names.update(hidden)
        return new

    def _outer_names(self, node: NodeProto, own: set[str], attributes: Mapping[str, AttributeProto]) -> NodeProto:
        new = NodeProto(op_type=node.op_type, domain=node.domain, name=node.name, output=node.output)
        new.input.extend(name if name in own else self.look(name) for name in node.input)
        for attribute in node.attribute:
            found = _resolved(attribute, attributes)
            if found is not None:
                new.attribute.append(self._inner(found, attributes))
        return new


def _resolved(attribute: AttributeProto, attributes: Mapping[str, AttributeProto]) -> AttributeProto | None:
    """The attribute itself, or what the function's attribute that it refers to is; None when that is left out."""
    if not attribute.ref_attr_name:
        return attribute
    found = attributes.get(attribute.ref_attr_name)
    if found is None:
        return None
    new = AttributeProto()
    new.CopyFrom(found)
    new.name = attribute.name
    return new
