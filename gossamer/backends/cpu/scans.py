"""Scans on the CPU: the body is compiled once and called once per step, on buffers of its own.

What a step reads is copied into the body's inputs, what it gives is copied out: its states to the inputs of the next
step, its other results to their slice. Compiling takes as long for a thousand steps as for one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from gossamer.backends.cpu.manifest import Loop, Port
from gossamer.ir.graph import Array, Graph, Module, Node
from gossamer.ir.ops.scan import Scan
from gossamer.ir.ops.structure import Param
from gossamer.ir.types import Value

Call: TypeAlias = tuple[Callable[..., None], tuple[Any, ...]]
"""A function and what it is called on."""


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


class Looped:
    """A loop ready to run. `arrays`: every buffer; `calls`: those of one step."""

    def __init__(self, loop: Loop, arrays: Sequence[Array], calls: Sequence[Call]) -> None:
        self._loop, self._arrays, self._calls = loop, arrays, tuple(calls)
        rooms = [arrays[p.buffer][interior(p)] for p in loop.body_inputs]
        last = loop.states + loop.scanned
        self._states, self._slices, self._fixed = rooms[: loop.states], rooms[loop.states : last], rooms[last:]
        self._given = [self._reader(port) for port in loop.body_outputs]
        self._operands = [self._reader(port) for port in loop.operands]
        self._results = [arrays[p.buffer][interior(p)] for p in loop.results]

    def run(self) -> None:
        """All steps."""
        loop, last = self._loop, self._loop.states + self._loop.scanned
        operands = [read() for read in self._operands]
        for room, array in zip([*self._states, *self._fixed], [*operands[: loop.states], *operands[last:]]):
            room[...] = array.reshape(room.shape)
        stacks = self._results[loop.states :]
        for step in reversed(range(loop.steps)) if loop.reverse else range(loop.steps):
            for room, array in zip(self._slices, operands[loop.states : last], strict=True):
                room[...] = array[step].reshape(room.shape)
            for function, tensors in self._calls:
                function(*tensors)
            self._carry([read() for read in self._given], stacks, step)
        for room, state in zip(self._results, self._states, strict=False):
            room[...] = state.reshape(room.shape)

    def _carry(self, found: list[Array], stacks: list[Array], step: int) -> None:
        """A result that is a state of this step is a copy already: `_reader` sees to it."""
        for stack, array in zip(stacks, found[self._loop.states :], strict=True):
            stack[step] = array
        for room, array in zip(self._states, found, strict=False):
            room[...] = array.reshape(room.shape)

    def _reader(self, port: Port) -> Callable[[], Array]:
        """What reads a port's logical array: a view where it lies row-major in a buffer that no input is copied to."""
        array, layout = self._arrays[port.buffer], port.layout
        inputs = {p.buffer for p in self._loop.body_inputs}
        if array.shape == layout.logical and port.buffer not in inputs:
            return lambda: array
        return lambda: layout.unpack(array)


def interior(port: Port) -> tuple[Any, ...]:
    """Index of the view inside the halo of a row-major buffer; a view for a scalar too."""
    return (*(slice(b, b + e) for b, e in zip(port.layout.before, port.layout.logical, strict=True)), ...)


def function_calls(
    launches: Sequence[Any], arrays: Sequence[Array], tensors: Sequence[Any], function: Callable[[str], Any]
) -> list[Call]:
    """Every launch as a call: of a kernel on tensors, or of a loop."""
    found: list[Call] = []
    for launch in launches:
        if isinstance(launch, Loop):
            inner = function_calls(launch.launches, arrays, tensors, function)
            found.append((Looped(launch, arrays, inner).run, ()))
        else:
            found.append((function(launch.kernel), tuple(tensors[i] for i in launch.buffers)))
    return found
