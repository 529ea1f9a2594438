"""A body repeated over the slices of tensors: recurrent layers, and loops whose number of turns is known."""

from dataclasses import dataclass

from gossamer.ir.errors import IRError
from gossamer.ir.graph import Graph
from gossamer.ir.op import Op
from gossamer.ir.ops.structure import Param, typed_text
from gossamer.ir.types import TensorType, Value


@dataclass(frozen=True)
class Scan(Op, name="ir.scan"):
    """Runs `body` once per step, `steps` times.

        state = inputs[:states]
        for t in 0 .. steps - 1 (from the last to the first with `reverse`):
            state, out[t] = body(state, slices t of inputs[states : states + scanned], inputs[states + scanned :])
        results: the final states, then every out, stacked

    inputs: carried states; then what is scanned, whose axis 0 has `steps` slices; then what every step sees alike.
    Body inputs: the states, the slices (axis 0 dropped), the rest. Body outputs: the new states, of the states' types,
    then what is stacked on a new axis 0 of `steps`. The body has names of its own and holds no ir.param.
    """

    inputs: tuple[Value, ...]
    body: Graph
    states: int
    scanned: int
    steps: int
    reverse: bool = False

    def infer(self) -> tuple[TensorType, ...]:
        self._check_counts()
        for i, (given, needed) in enumerate(zip(self._seen(), self.body.inputs)):
            if given.type != needed.type:
                raise IRError(f"a step sees input {i} as {typed_text(given)}, the body's %{needed.name} needs "
                              f"{typed_text(needed)}")  # fmt: skip
        self._check_body()
        stacked = self.body.outputs[self.states :]
        for value in stacked:
            if value.type.quant is not None and value.type.quant.axis is not None:
                raise IRError(f"the body's %{value.name} has a scale per index, needed one scale: it is to be stacked")
        carried = tuple(v.type for v in self.inputs[: self.states])
        return (*carried, *(v.type.with_shape((self.steps, *v.shape)) for v in stacked))

    def _seen(self) -> tuple[Value, ...]:
        """The inputs as one step has them."""
        last = self.states + self.scanned
        slices = tuple(Value(v.name, v.type.with_shape(v.shape[1:])) for v in self.inputs[self.states : last])
        return (*self.inputs[: self.states], *slices, *self.inputs[last:])

    def _check_counts(self) -> None:
        if min(self.states, self.scanned, self.steps) < 0:
            raise IRError(f"states, scanned and steps are {self.states}, {self.scanned}, {self.steps}, needed >= 0")
        if len(self.inputs) != len(self.body.inputs):
            raise IRError(f"there are {len(self.inputs)} inputs, the body needs {len(self.body.inputs)}")
        if len(self.inputs) < self.states + self.scanned:
            found = f"{self.states} states and {self.scanned} scanned"
            raise IRError(f"there are {len(self.inputs)} inputs, needed at least {found}")
        if len(self.body.outputs) < max(self.states, 1):
            raise IRError(f"the body has {len(self.body.outputs)} outputs, needed at least {max(self.states, 1)}")
        for value in self.inputs[self.states : self.states + self.scanned]:
            if value.shape[:1] != (self.steps,):
                raise IRError(f"%{value.name} has shape {value.shape}, needed {self.steps} slices on axis 0 to scan")
            if value.type.quant is not None and value.type.quant.axis is not None:
                raise IRError(f"%{value.name} has a scale per index, needed one scale: it is to be cut into slices")

    def _check_body(self) -> None:
        for old, new in zip(self.inputs[: self.states], self.body.outputs):
            if old.type != new.type:
                raise IRError(f"the state {typed_text(old)} becomes {typed_text(new)}, needed one type for all steps")
        if any(isinstance(node.op, Param) for node in self.body.nodes):
            raise IRError("the body holds an ir.param, needed it outside and passed in as an input")
