"""Scans on the CPU: the body is compiled once and run once per step, on buffers of its own.

What a step reads is copied into the body's inputs, what it gives is copied out: its states to the inputs of the next
step, its other results to their slice. Compiling takes as long for a thousand steps as for one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gossamer.backends.cpu.copies import View, copy_boxes
from gossamer.backends.cpu.manifest import Port
from gossamer.backends.cpu.tensors import Action, Copy, Loop
from gossamer.ir.graph import Graph, Module, Node
from gossamer.ir.ops.scan import Scan
from gossamer.ir.ops.structure import Param
from gossamer.ir.types import Value


def body_module(node: Node, module: Module, refs: Mapping[Value, str]) -> Module:
    """The body of a scan by itself; what it reads of the module's parameters (`refs`) are its own parameters."""
    op = node.op
    assert isinstance(op, Scan)
    held = {own: refs[given] for own, given in _fixed(op) if given in refs}
    params = tuple(Node(Param(ref, own.type), (own,)) for own, ref in held.items())
    inputs = tuple(v for v in op.body.inputs if v not in held)
    return module.with_graph(Graph(inputs, (*params, *op.body.nodes), op.body.outputs))


def passed(op: Scan, refs: Mapping[Value, str]) -> tuple[Value, ...]:
    """The operands of a scan that stand for the inputs of its `body_module`."""
    dropped = {own for own, given in _fixed(op) if given in refs}
    return tuple(given for own, given in zip(op.body.inputs, op.inputs, strict=True) if own not in dropped)


def _fixed(op: Scan) -> Iterator[tuple[Value, Value]]:
    first = op.states + op.scanned
    return zip(op.body.inputs[first:], op.inputs[first:], strict=True)


@dataclass(frozen=True)
class Carried:
    """A scan's tensors: `operands` (states, scanned, the rest) and `results` (states, stacked) outside, the others the
    body's, in the same order."""

    layer: int
    op: Scan
    operands: Sequence[Port]
    results: Sequence[Port]
    inputs: Sequence[Port]
    outputs: Sequence[Port]

    def actions(self, body: Sequence[Action], spare: Callable[[Port], Port]) -> tuple[Action, ...]:
        """Everything the scan does around and with its `body`. `spare`: a buffer like a port's, for one step."""
        states, last = self.op.states, self.op.states + self.op.scanned
        given = list(zip(self.inputs, self.operands, strict=True))
        before = [self._copy(to, source) for to, source in (*given[:states], *given[last:])]
        slices = [self._slice(to, source, reading=True) for to, source in given[states:last]]
        loop = Loop(self.layer, self.op.steps, self.op.reverse, (*slices, *body, *self._carry(spare)))
        after = [self._copy(to, source) for to, source in zip(self.results[:states], self.inputs[:states], strict=True)]
        return (*before, loop, *after)

    def _carry(self, spare: Callable[[Port], Port]) -> list[Action]:
        """Results of a step to their slices, then states to the next step; a state that is another one is saved."""
        states = self.op.states
        rooms, found = self.inputs[:states], list(self.outputs)
        pairs = zip(self.results[states:], found[states:], strict=True)
        actions: list[Action] = [self._slice(to, source, reading=False) for to, source in pairs]
        taken = {room.buffer for room in rooms}
        for k, room in enumerate(rooms):
            if found[k].buffer in taken and found[k].buffer != room.buffer:
                saved = spare(found[k])
                actions.append(self._copy(saved, found[k]))
                found[k] = saved
        moves = [(room, f) for room, f in zip(rooms, found, strict=False) if room.buffer != f.buffer]
        return actions + [self._copy(room, source) for room, source in moves]

    def _copy(self, to: Port, source: Port) -> Copy:
        boxes = copy_boxes(View.of(to.layout), View.of(source.layout))
        return Copy(self.layer, to.buffer, source.buffer, boxes)

    def _slice(self, one: Port, other: Port, reading: bool) -> Copy:
        """Of a stack: `reading` to `one` from a slice of `other`, else to a slice of `one` from `other`."""
        if reading:
            view, step = View.of(other.layout).slices()
            return Copy(self.layer, one.buffer, other.buffer, copy_boxes(View.of(one.layout), view), 0, step)
        view, step = View.of(one.layout).slices()
        return Copy(self.layer, one.buffer, other.buffer, copy_boxes(view, View.of(other.layout)), step, 0)
