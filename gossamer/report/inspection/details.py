"""Everything there is to say of one op, as data: for the screen of `--op`, for `--json`, for the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from gossamer.ir.analysis import bytes_read, bytes_written, layer
from gossamer.ir.errors import DataError, nearest
from gossamer.ir.ops.structure import Param
from gossamer.ir.print import print_node
from gossamer.ir.print_nest import operand_names, print_nest
from gossamer.ir.print_values import BriefTypes, schedule
from gossamer.report.inspection.prices import Price, Pricer
from gossamer.report.inspection.titles import short_name, summary_of, visible, work_of

if TYPE_CHECKING:
    from gossamer.ir.graph import Module, Node
    from gossamer.ir.layer import Layer
    from gossamer.ir.types import Value


@dataclass(frozen=True)
class Operand:
    """A value the op reads or writes. `called`: its name in the loop nest. `where`: what makes it, or reads it."""

    name: str
    type: str
    bytes: int
    called: str = ""
    where: str = ""


@dataclass(frozen=True)
class Details:
    """One op. `intensity` is multiply-accumulates per byte; `prices` by target, empty for what costs nothing."""

    title: str
    kind: str
    summary: str
    text: str
    operands: tuple[Operand, ...]
    results: tuple[Operand, ...]
    nest: str
    macs: int
    bytes_read: int
    bytes_written: int
    intensity: float | None
    schedule: str
    prices: Mapping[str, Price]


class Describer:
    """Describes the ops of one module; pricers are shared between modules on the same hardware."""

    def __init__(self, module: "Module", pricers: Sequence[Pricer] = ()) -> None:
        self.module = module
        self._pricers = pricers
        self._types = BriefTypes()
        # by identity; holds the node, so that its id stays its own
        self._layers: dict[int, tuple[Node, Layer | None]] = {}

    @cached_property
    def params(self) -> "dict[Value, str]":
        """Values that are parameters, and what the module calls them."""
        nodes = self.module.graph.nodes
        return {value: n.op.ref for n in nodes if isinstance(n.op, Param) for value in n.results}

    def layer(self, node: "Node") -> "Layer | None":
        """The signature its price depends on."""
        known = self._layers.get(id(node))
        if known is None:
            known = self._layers[id(node)] = node, layer(node, self.params.keys() & set(node.op.operands))
        return known[1]

    def details(self, node: "Node") -> Details:
        reads, writes, work = bytes_read(node), bytes_written(node), work_of(node)
        return Details(
            title=node.title, kind=node.op.name, summary=summary_of(node), text=print_node(node),
            operands=self.operands(node), results=self.results(node), nest=print_nest(node.op), macs=work,
            bytes_read=reads, bytes_written=writes, intensity=work / (reads + writes) if reads + writes else None,
            schedule="" if node.schedule is None else schedule(node.schedule).removeprefix("@schedule "),
            prices=self._prices(node),
        )  # fmt: skip

    def priced(self, node: "Node", found: Details) -> Details:
        """Details of the same node made for another module, with this module's prices."""
        return replace(found, prices=self._prices(node))

    def type_text(self, value: "Value") -> str:
        return self._types.text(value.type)

    def _prices(self, node: "Node") -> dict[str, Price]:
        pair = [(node, self.layer(node))]
        found = {pricer.target.name: pricer.prices(pair)[0] for pricer in self._pricers}
        return {name: price for name, price in found.items() if price is not None}

    def operands(self, node: "Node") -> tuple[Operand, ...]:
        called = dict(zip(node.op.operands, operand_names(node.op)))
        return tuple(self._operand(value, called[value], self._source(value)) for value in called)

    def results(self, node: "Node") -> tuple[Operand, ...]:
        names = ["out"] if len(node.results) == 1 else [f"out{i}" for i in range(len(node.results))]
        return tuple(self._operand(value, name, self._readers(value)) for value, name in zip(node.results, names))

    def _operand(self, value: "Value", called: str, where: str) -> Operand:
        return Operand(value.name, self._types.text(value.type), -(-value.type.bits // 8), called, where)

    def _source(self, value: "Value") -> str:
        if value in self.params:
            return "parameter"
        maker = self.module.graph.producers.get(value)
        return "input" if maker is None else f"from {maker.title}"

    def _readers(self, value: "Value") -> str:
        readers = [node.title for node in self.module.graph.users.get(value, ())]
        returned = ["returned"] if value in self.module.graph.outputs else []
        return ", ".join([*returned, *([f"read by {', '.join(readers)}"] if readers else [])]) or "not used"


def node_called(module: "Module", name: str) -> "Node":
    """A node by its label or one of its results' names. DataError, with the nearest names, when there is none.

    A fused op also answers to the labels inside of it. Of several with one label it is the one that does most work;
    `namesakes` are the others.
    """
    wanted = name.removeprefix("%").strip('"')
    known: dict[str, Node] = {}
    for node in sorted(module.graph.nodes, key=work_of, reverse=True):
        for title in _titles(node):
            known.setdefault(title, node)
    for node in module.graph.nodes:
        for inner in _inner(node):
            known.setdefault(inner, node)
    for title in (wanted, f"/{wanted}"):
        if title in known:
            return known[title]
    ends = [title for title in known if title.endswith(wanted)] if len(wanted) > 2 else []
    if len({id(known[title]) for title in ends}) == 1:
        return known[ends[0]]
    if ends:
        shown = ", ".join([*(visible(title) for title in ends[:4]), *(["..."] if len(ends) > 4 else [])])
        raise DataError(f"{len(ends)} names end in '{name}': {shown}; give more of the one you mean")
    raise DataError(f"no op is called '{name}'{_hint(wanted, list(known))}")


def namesakes(module: "Module", node: "Node") -> tuple[str, ...]:
    """The other ops with the label of `node`: each one's kind and result."""
    others = [other for other in module.graph.nodes if other.label == node.label and other is not node]
    return tuple(f"%{short_name(other.result.name)} ({other.op.name})" for other in others if node.label)


def _titles(node: "Node") -> list[str]:
    return [*([node.label] if node.label else []), *(value.name for value in node.results)]


def _inner(node: "Node") -> list[str]:
    body = getattr(node.op, "body", None)
    return [title for inner in body.nodes for title in _titles(inner)] if body is not None else []


def _hint(wanted: str, known: list[str]) -> str:
    """The nearest names, compared by their ends where they are paths; all of them where they are few."""
    from difflib import get_close_matches

    if len(known) <= 8:
        return nearest(wanted, known)
    depth = wanted.strip("/").count("/") + 1
    ends: dict[str, str] = {}
    for name in known:
        ends.setdefault("/".join(name.split("/")[-depth:]), name)
    close = [ends[end] for end in get_close_matches(wanted, ends, n=3, cutoff=0.5)]
    close = close or [name for name in known if wanted.lower() in name.lower()][:3]
    if not close:
        return f", of {len(known)} names; `gossamer inspect` without --op lists them"
    return f"; did you mean {' or '.join(repr(name) for name in close)}?"
