"""The table of ops: IR class -> the function that writes it as ONNX operators on float (or plain) tensors.

    @emits(Relu)
    def relu(call: Emit) -> None:
        call.node("Relu", [call.x])

A function that returns False has written nothing: the op is then written by its loop nest, as are ops without a
function here. A package with ops of its own adds functions here.
"""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from gossamer.codegen.onnx.writer import Writer
from gossamer.ir.graph import Array
from gossamer.ir.op import Op
from gossamer.ir.types import TensorType

OpType = TypeVar("OpType", bound=Op)


class Emit(Generic[OpType]):
    """One op with the ONNX names of its operands (in order) and results, which hold real numbers."""

    def __init__(
        self, writer: Writer, op: OpType, inputs: Sequence[str], outputs: Sequence[str], title: str = ""
    ) -> None:
        self.op, self.inputs, self.outputs = op, tuple(inputs), tuple(outputs)
        self._writer, self._title = writer, title

    @property
    def x(self) -> str:
        """The first operand."""
        return self.inputs[0]

    @property
    def type(self) -> TensorType:
        """Type of the first operand."""
        return self.op.operands[0].type

    def node(self, kind: str, inputs: Sequence[str], **attributes: Any) -> None:
        """The operator that computes the results."""
        self._writer.node(kind, inputs, self.outputs, self._title, **attributes)

    def step(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """An operator on the way there."""
        return self._writer.step(kind, inputs, self.outputs[0], **attributes)

    @property
    def plain_integers(self) -> bool:
        """Is the first operand of integers that stand for themselves? ONNX's layers want floats."""
        return self.type.dtype.integer and self.type.quant is None

    def whole(self, number: int) -> str:
        """A scalar of i64."""
        return self._writer.constant(np.asarray(number, np.int64), self.outputs[0])

    def ints(self, *numbers: int) -> str:
        return self._writer.ints(numbers, self.outputs[0])

    def number(self, number: float) -> str:
        """A scalar of the first operand's element type (float32 for a quantised one)."""
        kind = np.dtype(np.float32) if self.type.quant else self.type.dtype.numpy
        return self._writer.constant(np.asarray(number, kind), self.outputs[0])

    def constant(self, array: Array) -> str:
        return self._writer.constant(array, self.outputs[0])


Emitter = Callable[[Emit[Any]], bool | None]
EMITTERS: dict[type[Op], Emitter] = {}


def emits(*kinds: type[Op]) -> Callable[[Emitter], Emitter]:
    """Put a function into the table, for every class in `kinds`."""

    def register(function: Emitter) -> Emitter:
        EMITTERS.update(dict.fromkeys(kinds, function))
        return function

    return register
