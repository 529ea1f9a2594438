"""The body of an `ir.scan` while it is written: values of the graph outside come in as inputs of the body."""

from collections.abc import Sequence

import numpy as np

from gossamer.frontends.onnx.call import Call
from gossamer.ir.build import GraphBuilder
from gossamer.ir.op import Op
from gossamer.ir.ops import Scan
from gossamer.ir.types import Value


class Steps:
    """`states` are carried from step to step, of `scanned` a step sees one slice of axis 0."""

    def __init__(self, call: Call, states: Sequence[Value], scanned: Sequence[Value]) -> None:
        self._call, self._outer, self._count = call, [*states, *scanned], (len(states), len(scanned))
        self._builder = GraphBuilder()
        self.states = [self._builder.input(f"state{i}", v.type) for i, v in enumerate(states)]
        self.slices = [self._builder.input(f"slice{i}", v.type.with_shape(v.shape[1:])) for i, v in enumerate(scanned)]
        self._fixed: dict[str, Value] = {}
        self._steps = scanned[0].shape[0]

    def fixed(self, value: Value) -> Value:
        """A value from outside as every step sees it."""
        if value.name not in self._fixed:
            self._fixed[value.name] = self._builder.input(f"fixed{len(self._fixed)}", value.type)
            self._outer.append(value)
        return self._fixed[value.name]

    def number(self, number: float, like: Value) -> Value:
        return self.fixed(self._call.param(np.asarray(number), "number", like.dtype))

    def add(self, op: Op) -> Value:
        return self._builder.add(op)

    def add_all(self, op: Op) -> tuple[Value, ...]:
        return self._builder.add_all(op)

    def scan(self, states: Sequence[Value], stacked: Sequence[Value], reverse: bool) -> Scan:
        """The loop, given what a step makes of the states and what it leaves behind."""
        body = self._builder.finish((*states, *stacked))
        return Scan(tuple(self._outer), body, *self._count, self._steps, reverse)
