"""Scans written out step by step."""

from collections.abc import Sequence
from dataclasses import dataclass

from gossamer.ir.build import Rewriter, rewrite
from gossamer.ir.errors import PassError
from gossamer.ir.graph import Module, Node
from gossamer.ir.ops.scan import Scan
from gossamer.ir.ops.tensor import Concat, Reshape, Slice
from gossamer.ir.types import Value
from gossamer.passes.base import Pass


@dataclass(frozen=True)
class Unroll(Pass, name="unroll"):
    """Replace every scan by copies of its body, one per step, with slices before and concatenations after.

        %last, %all = ir.scan %h, %x, %w states=1 ... {        %x.0 = tensor.slice %x ... (and reshape)
          %1 = nn.gru_cell %xt, %ht recurrence=%r       ->     %1.0 = nn.gru_cell %x.0, %h recurrence=%w
          return %1, %1 }                                      %x.1 = ...
                                                               %last = nn.gru_cell %x.1, %1.0 ...
                                                               %all = tensor.concat %1.0, %last (reshaped)

    Scans inside bodies are unrolled too. Declines a scan of no steps, or of more than `limit`.
    """

    limit: int = 1000

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise PassError(f"unroll: limit={self.limit} needs to be at least 1")

    def run(self, module: Module) -> Module:
        graph = module.graph
        while any(self._obstacle(node) is None for node in graph.nodes):
            graph = rewrite(graph, self._rule)
        return module if graph is module.graph else module.with_graph(graph)

    def refusals(self, module: Module) -> dict[str, str]:
        """Title of every scan that stays -> why."""
        scans = (node for node in module.graph.nodes if isinstance(node.op, Scan))
        return {node.title: reason for node in scans if (reason := self._obstacle(node)) is not None}

    def _obstacle(self, node: Node) -> str | None:
        if not isinstance(node.op, Scan):
            return "no scan"
        if node.op.steps == 0:
            return "no steps: what it stacks is empty"
        return f"{node.op.steps} steps exceed limit={self.limit}" if node.op.steps > self.limit else None

    def _rule(self, node: Node, r: Rewriter) -> bool:
        if self._obstacle(node) is not None:
            return False
        op = node.op
        assert isinstance(op, Scan)
        states: tuple[Value, ...] = op.inputs[: op.states]
        last = op.states + op.scanned
        stacks: list[list[Value]] = [[] for _ in op.body.outputs[op.states :]]
        for step in reversed(range(op.steps)) if op.reverse else range(op.steps):
            slices = tuple(_slice(r, value, step) for value in op.inputs[op.states : last])
            found = _copy(r, node, (*states, *slices, *op.inputs[last:]), step)
            states = found[: op.states]
            for stack, value in zip(stacks, found[op.states :], strict=True):
                stack.insert(0 if op.reverse else step, value)
        for old, new in zip(node.results, (*states, *(_stacked(r, stack) for stack in stacks)), strict=True):
            r.replace(old, new)
        return True


def _copy(r: Rewriter, node: Node, inputs: Sequence[Value], step: int) -> tuple[Value, ...]:
    """The body on the values that one step sees; what it gives."""
    assert isinstance(node.op, Scan)
    body = node.op.body
    outer = dict(zip(body.inputs, inputs, strict=True))
    for inner in body.nodes:
        names = [f"{v.name}.{step}" for v in inner.results]
        label = f"{inner.label}.{step}" if inner.label else ""
        results = r.add_all(inner.op.with_operands(outer), names, label=label)
        outer.update(zip(inner.results, results, strict=True))
    return tuple(outer[value] for value in body.outputs)


def _slice(r: Rewriter, value: Value, step: int) -> Value:
    """value[step]."""
    shape = value.shape
    rest = (0,) * (len(shape) - 1)
    row = Slice(value, (step, *rest), (step + 1, *shape[1:]), (1,) * len(shape))
    return r.add(Reshape(r.add(row), shape[1:]), f"{value.name}.{step}")


def _stacked(r: Rewriter, values: Sequence[Value]) -> Value:
    rows = [r.add(Reshape(value, (1, *value.shape))) for value in values]
    return r.add(Concat(tuple(rows), 0)) if len(rows) > 1 else rows[0]
