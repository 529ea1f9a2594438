"""The data of the page: stages, ops and texts, each stored once.

    {"title", "targets": [name], "texts": [...], "ops": [op], "stages": [stage]}

An op has short keys: k kind, t title, s summary, x statement, n nest (indices into texts), m MACs, r and w bytes read
and written, a operands and o results as [name, type, bytes, name in the nest, parameter's name], c prices by target,
sc schedule, g blocks it lies in, b its body. A stage lists ops by number, `was` says which op of the stage before each
one was (-1: new), `gone` which ops it lacks and where their work went.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gossamer.ir.ops.scan import Scan
from gossamer.ir.ops.structure import Fused
from gossamer.report.inspection.details import Describer, Details, Operand
from gossamer.report.inspection.groups import kept, paths, repeats, shown, worth_showing
from gossamer.report.inspection.match import absorbed, matched
from gossamer.report.inspection.prices import Price, Pricer, targets_for
from gossamer.report.inspection.stages import Stage, stage_names
from gossamer.report.inspection.titles import kinds_in, macs_of, summary_of, weights_of

if TYPE_CHECKING:
    from gossamer.ir.graph import Graph, Module, Node


def page_data(title: str, stages: Sequence[Stage]) -> dict[str, Any]:
    """Everything the page draws from, as JSON's own types."""
    work = _Collector([paths(stage.module.graph) for stage in stages])
    found = [work.stage(i, name, stage, stages[i - 1] if i else None) for i, (name, stage) in
             enumerate(zip(stage_names(stages), stages))]  # fmt: skip
    return {"title": title, "targets": work.targets, "texts": list(work.texts), "ops": work.ops, "stages": found}


class _Collector:
    def __init__(self, places: Sequence[Sequence[tuple[str, ...]]]) -> None:
        self.texts: dict[str, int] = {}
        self.ops: list[dict[str, Any]] = []
        self.targets: list[str] = []
        self._places = places
        self._levels = worth_showing(places)
        self._numbers: dict[str, int] = {}
        self._pricers: dict[tuple[str, str], Pricer] = {}
        self._described: dict[int, tuple[Node, Details]] = {}

    def stage(self, place: int, name: str, stage: Stage, before: Stage | None) -> dict[str, Any]:
        module, nodes = stage.module, shown(stage.module.graph)
        pricers = self._pricers_of(module)
        describer = Describer(module, pricers)
        for pricer in pricers:  # all layers at once: a price is then a look-up
            pricer.prices([(node, describer.layer(node)) for node in nodes])
        levels = [kept(path, self._levels) for path in self._places[place]]
        numbers = [self._op(describer, node, groups) for node, groups in zip(nodes, levels)]
        elements, size = weights_of(module)
        return {
            "name": name, "title": stage.name or "as imported", "ms": 1e3 * stage.seconds, "ops": numbers,
            "in": [[v.name, describer.type_text(v)] for v in module.graph.inputs],
            "out": [v.name for v in module.graph.outputs], "kinds": kinds_in(module), "macs": macs_of(module),
            "params": elements, "bytes": size, "refused": dict(stage.refusals),
            "repeats": [list(run) for run in repeats([summary_of(node) for node in nodes])],
            **self._changes(nodes, module.graph, before),
        }  # fmt: skip

    def _changes(self, nodes: "Sequence[Node]", graph: "Graph", before: Stage | None) -> dict[str, Any]:
        """Places in the stage before are those among its shown nodes."""
        if before is None:
            return {"was": [-1] * len(nodes), "gone": []}
        old = before.module.graph
        old_shown = {id(node): i for i, node in enumerate(shown(old))}
        new_shown = {id(node): i for i, node in enumerate(nodes)}
        pairs = {id(new): at for new, at in zip(graph.nodes, matched(old, graph))}
        was = [old_shown.get(id(old.nodes[at]), -1) if (at := pairs[id(node)]) is not None else -1 for node in nodes]
        stayed = set(was)
        gone = [node for node in shown(old) if old_shown[id(node)] not in stayed]
        went = [absorbed(node, graph) for node in gone]
        into = [-1 if at is None else new_shown.get(id(graph.nodes[at]), -1) for at in went]
        return {"was": was, "gone": [[old_shown[id(node)], at] for node, at in zip(gone, into)]}

    def _pricers_of(self, module: "Module") -> tuple[Pricer, ...]:
        found: list[Pricer] = []
        for target in targets_for(module):
            found.append(self._pricers.setdefault((target.name, repr(target.hardware)), Pricer(target)))
            if target.name not in self.targets:
                self.targets.append(target.name)
        return tuple(found)

    def _op(self, describer: Describer, node: "Node", groups: Sequence[str]) -> int:
        """The op's number; ops that would look the same share one."""
        known = self._described.get(id(node))
        found = describer.details(node) if known is None else describer.priced(node, known[1])
        self._described[id(node)] = node, found  # holds the node, so that its id stays its own
        record = self._record(found) | ({"g": list(groups)} if groups else {}) | self._body(node)
        return self._number(record)

    def _number(self, record: dict[str, Any]) -> int:
        key = repr(record)
        if key not in self._numbers:
            self._numbers[key] = len(self.ops)
            self.ops.append(record)
        return self._numbers[key]

    def _body(self, node: "Node") -> dict[str, Any]:
        op = node.op
        if not isinstance(op, (Fused, Scan)):
            return {}
        inner = Describer(_as_module(op.body))
        numbers = [self._number(self._record(inner.details(each)) | self._body(each)) for each in op.body.nodes]
        names = {"in": [v.name for v in op.body.inputs], "out": [v.name for v in op.body.outputs]}
        given = [value.name for value in op.inputs]
        return {"b": {"ops": numbers, "given": given, **names, "scan": isinstance(op, Scan)}}

    def _record(self, found: Details) -> dict[str, Any]:
        record: dict[str, Any] = {
            "k": found.kind, "t": found.title, "x": self._text(found.text), "n": self._text(found.nest),
            "m": found.macs, "r": found.bytes_read, "w": found.bytes_written,
            "a": [self._value(item) for item in found.operands], "o": [self._value(item) for item in found.results],
            "c": {str(self.targets.index(name)): _price(price) for name, price in found.prices.items()},
        }  # fmt: skip
        extra = {"s": found.summary if found.summary != found.kind else "", "sc": found.schedule}
        return record | {key: text for key, text in extra.items() if text}

    def _value(self, item: Operand) -> list[Any]:
        plain = [item.name, self._text(item.type), item.bytes, item.called]
        return [*plain, 1] if item.where == "parameter" else plain

    def _text(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts))


def _as_module(body: "Graph") -> "Module":
    from gossamer.ir.graph import Module

    return Module("body", body)


def _price(price: Price) -> list[Any] | str:
    if price.problem:
        return price.problem
    return [_short(price.latency_s), _short(price.energy_j), _short(price.utilization), _short(price.dram_bytes),
            price.mapping]  # fmt: skip


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
