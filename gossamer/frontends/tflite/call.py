"""One operator as the importing functions see it: operands in either layout, options, and where to put results."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from gossamer.frontends.limits import check_elements
from gossamer.frontends.problems import Unsupported
from gossamer.frontends.tflite.read import Operator
from gossamer.frontends.tflite.scope import Placed, Scope
from gossamer.frontends.tflite.tensors import Tensor
from gossamer.ir.errors import FrontendError
from gossamer.ir.graph import Array
from gossamer.ir.op import Op
from gossamer.ir.types import TensorType, Value

Options = TypeVar("Options")


class Call:
    """Operands are counted as in the schema; an optional one that is left out is None."""

    def __init__(self, scope: Scope, operator: Operator) -> None:
        self._scope, self.operator = scope, operator

    # --- operands

    def has(self, index: int) -> bool:
        return index < len(self.operator.inputs) and self.operator.inputs[index] >= 0

    def tensor(self, index: int) -> Tensor:
        """What the file says of operand `index`."""
        return self._scope.tensor(self._number(index))

    def plain(self, index: int) -> Value:
        """Operand `index` in the file's layout."""
        return self._scope.value(self._number(index))

    def image(self, index: int) -> Value:
        """Operand `index` as NCHW. Unsupported when it has not four axes."""
        rank = self.tensor(index).type.rank
        if rank != 4:
            raise Unsupported(f"operand {index} has {rank} axes and only images of 4 are supported")
        return self._scope.value(self._number(index), nchw=True)

    def any(self, index: int) -> Placed:
        """Operand `index` in the layout it was computed in."""
        number = self._number(index)
        nchw = self._scope.is_nchw(number)
        return Placed(self._scope.value(number, nchw), nchw)

    def in_layout(self, index: int, nchw: bool) -> Value:
        return self._scope.value(self._number(index), nchw)

    def computed_nchw(self, index: int) -> bool:
        return self._scope.is_nchw(self._number(index))

    def count(self) -> int:
        return len(self.operator.inputs)

    def constant(self, index: int) -> Array:
        """The numbers of operand `index`. Unsupported when they are not known at import."""
        tensor = self.tensor(index)
        if tensor.data is None:
            raise Unsupported(f"its operand '{tensor.name}' is computed at run time and has to be a constant")
        return tensor.array()

    def whole(self, index: int) -> tuple[int, ...]:
        """Operand `index`, a constant list of whole numbers."""
        array = self.constant(index)
        if array.dtype.kind not in "iu":
            raise FrontendError(f"a list of whole numbers is malformed: it is {array.dtype}")
        return tuple(int(n) for n in np.ravel(array))

    def _number(self, index: int) -> int:
        if not self.has(index):
            raise FrontendError(f"operand {index} is missing")
        return self.operator.inputs[index]

    # --- options

    def options(self, kind: type[Options]) -> Options:
        """The operator's options as the generated class `kind`. FrontendError when there are none or others."""
        import tflite

        found = self.operator.options
        if found is None or getattr(tflite.BuiltinOptions, kind.__name__, None) != self.operator.options_type:
            raise FrontendError(f"it is malformed: it has no {kind.__name__}")
        options: Any = kind()
        options.Init(found.Bytes, found.Pos)
        return options

    # --- results

    def out(self, index: int = 0) -> Tensor:
        """What the file says of result `index`."""
        return self._scope.tensor(self.operator.outputs[index])

    def emit(self, op: Op, nchw: bool = False) -> Value:
        """Append the op that computes the first result."""
        return self.emit_all(op, nchw)[0]

    def emit_all(self, op: Op, nchw: bool = False) -> tuple[Value, ...]:
        """Append the op that computes all results."""
        outputs = self._scope.network.outputs
        # A graph output keeps its name for the value in the file's own layout.
        names = [self._scope.names[n] + (".nchw" if nchw and n in outputs else "") for n in self.operator.outputs]
        return self._append(op, *names[: len(op.infer())])

    def step(self, op: Op, suffix: str = "step") -> Value:
        """Append an op on the way there."""
        return self._append(op, f"{self.label}.{suffix}")[0]

    def steps(self, op: Op) -> tuple[Value, ...]:
        """Append an op with several results on the way there."""
        return self._append(op, *(f"{self.label}.step" for _ in op.infer()))

    def param(self, name: str, kind: TensorType, load: Callable[[], Array]) -> Value:
        """A new parameter of the operator, called after it."""
        return self._scope.param(f"{self.label}.{name}", kind, load)

    def number(self, value: float, like: Value) -> Value:
        """A scalar of the element type of `like`."""
        array = np.asarray(value, like.dtype.numpy)
        return self.param("number", TensorType(like.dtype, ()), lambda: array)

    def _append(self, op: Op, *names: str) -> tuple[Value, ...]:
        for kind in op.infer():
            check_elements(kind.shape, "its result")
        return self._scope.builder.add_all(op, names, label=self.label)

    @property
    def label(self) -> str:
        """Operators have no names; one is called as its first result is."""
        return self._scope.names[self.operator.outputs[0]]


def from_front(axis: int, rank: int) -> int:
    """An axis that may be counted from the back."""
    if not -rank <= axis < max(rank, 1):
        raise FrontendError(f"it is malformed: axis {axis} of a tensor of {rank} axes")
    return axis % rank if rank else 0
