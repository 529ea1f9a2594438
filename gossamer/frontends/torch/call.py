"""One call of an ATen operator as the importing functions see it: arguments by name, and where to put the result."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gossamer.frontends.problems import Unsupported
from gossamer.ir.build import GraphBuilder
from gossamer.ir.graph import Array, Params
from gossamer.ir.op import Op
from gossamer.ir.ops import Cast, Param
from gossamer.ir.types import DType, TensorType, Value


class Scope:
    """The graph being built and its parameters."""

    def __init__(self) -> None:
        self.builder = GraphBuilder()
        self._arrays: dict[str, Array] = {}

    def param(self, name: str, array: Array, dtype: DType) -> Value:
        unique, serial = name, 1
        while unique in self._arrays:
            serial += 1
            unique = f"{name}.{serial}"
        self._arrays[unique] = array
        return self.builder.add(Param(unique, TensorType(dtype, array.shape)), unique, label=unique)

    def params(self) -> Params:
        return Params(self._arrays)


class Call:
    """Arguments have the names of the operator's schema; those that are left out have its defaults."""

    def __init__(
        self, scope: Scope, operator: str, arguments: Mapping[str, Any], name: str, label: str, dtype: DType
    ) -> None:
        self.operator, self._scope, self._arguments = operator, scope, arguments
        self._name, self._label, self._dtype = name, label, dtype

    # --- arguments

    def __getitem__(self, name: str) -> Any:
        """An argument as it is: a Value, a number, a list of them, None."""
        return self._arguments[name]

    def has(self, name: str) -> bool:
        return self._arguments.get(name) is not None

    def value(self, name: str) -> Value:
        item = self._arguments[name]
        if not isinstance(item, Value):
            raise Unsupported(f"its argument '{name}' is not a tensor")
        return item

    def optional(self, name: str) -> Value | None:
        return self.value(name) if self.has(name) else None

    def operand(self, name: str) -> Value:
        """A tensor, or a number as a parameter; of the result's element type, as torch promotes them."""
        item = self._arguments[name]
        if isinstance(item, Value):
            return item if item.dtype == self._dtype else self.step(Cast(item, TensorType(self._dtype, item.shape)))
        return self._scope.param(f"{self._name}.number", np.full((), item, self._dtype.numpy), self._dtype)

    def pair(self, name: str, default: tuple[int, int] | None = None) -> tuple[int, int]:
        """Two whole numbers, or one for both."""
        numbers = self.ints(name)
        if not numbers and default is not None:
            return default
        if len(numbers) not in (1, 2):
            raise Unsupported(f"its {name} has {len(numbers)} numbers and only 2 spatial axes are supported")
        return (numbers[0], numbers[-1])

    def ints(self, name: str) -> tuple[int, ...]:
        item = self._arguments[name]
        items: Sequence[Any] = item if isinstance(item, (list, tuple)) else () if item is None else (item,)
        if not all(isinstance(n, int) for n in items):
            raise Unsupported(f"its {name} is computed at run time and has to be known")
        return tuple(items)

    def axis(self, name: str, rank: int) -> int:
        return int(self._arguments[name]) % rank if rank else 0

    # --- results

    def emit(self, op: Op) -> Value:
        """Append the op that computes the result."""
        return self._append(op, (self._name,))[0]

    def emit_all(self, op: Op) -> tuple[Value, ...]:
        """Append an op with several results."""
        return self._append(op, [f"{self._name}.{i}" for i in range(len(op.infer()))])

    def step(self, op: Op) -> Value:
        """Append an op on the way there."""
        return self._append(op, (f"{self._name}.step",))[0]

    def number(self, number: float, like: Value) -> Value:
        """A number as a parameter of `like`'s element type."""
        return self.filled(number, (), like)

    def filled(self, number: float, shape: tuple[int, ...], like: Value) -> Value:
        """A parameter of one number all over, of `like`'s element type."""
        return self._scope.param(f"{self._name}.number", np.full(shape, number, like.dtype.numpy), like.dtype)

    def _append(self, op: Op, names: Sequence[str]) -> tuple[Value, ...]:
        op.infer()  # its complaint says nothing of where; the builder's would, and the importer does
        return self._scope.builder.add_all(op, names, label=self._label)
