"""One call of an ATen operator as the importing functions see it: arguments by name, and where to put the result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.torch.scope import Known, Scope
from gossamer.frontends.torch.tensors import array_of, dtype_of
from gossamer.ir.graph import Array
from gossamer.ir.op import Op
from gossamer.ir.ops import Cast
from gossamer.ir.types import DType, TensorType, Value


@dataclass(frozen=True)
class Site:
    """Where a call stands and what torch says of it: tensors without numbers for its arguments and results."""

    name: str
    label: str
    arguments: Mapping[str, Any]
    results: tuple[Any, ...]


class Call:
    """Arguments have the names of the operator's schema; those that are left out have its defaults."""

    def __init__(self, scope: Scope, operator: str, arguments: Mapping[str, Any], site: Site) -> None:
        self.operator, self._scope, self._arguments, self._site = operator, scope, arguments, site

    # --- arguments

    def __getitem__(self, name: str) -> Any:
        """An argument that is no tensor: a number, a text, a list of them, None."""
        return self._arguments[name]

    def __contains__(self, name: str) -> bool:
        """Does this overload have such an argument?"""
        return name in self._arguments

    def get(self, name: str) -> Any:
        """An argument that not every overload has; None where it is missing."""
        return self._arguments.get(name)

    def has(self, name: str) -> bool:
        return self._arguments.get(name) is not None

    def value(self, name: str) -> Value:
        item = self._arguments[name]
        if not isinstance(item, (Value, Known)):
            raise Unsupported(f"its argument '{name}' is not a tensor")
        return self.read(item)

    def optional(self, name: str) -> Value | None:
        return self.value(name) if self.has(name) else None

    def values(self, name: str) -> tuple[Value, ...]:
        """A list of tensors."""
        return tuple(self.read(item) for item in self._arguments[name])

    def read(self, item: Any) -> Value:
        """A tensor out of a list, as a value."""
        return self._scope.known(item) if isinstance(item, Known) else item

    def array(self, name: str) -> Array | None:
        """The numbers of a tensor; None when they are computed at run time."""
        item = self._arguments[name]
        return array_of(item.tensor) if isinstance(item, Known) else None

    def operand(self, name: str, dtype: DType | None = None) -> Value:
        """A tensor, or a number as a parameter; of the result's element type (or `dtype`), as torch promotes them."""
        item, kind = self._arguments[name], dtype or self.dtype
        if isinstance(item, (Value, Known)):
            return self.cast(self.read(item), kind)
        return self._scope.param(f"{self._site.name}.number", np.full((), item, kind.numpy), kind)

    def common(self, *names: str) -> tuple[Value, ...]:
        """Tensors or numbers in the element type that torch computes them in."""
        found = [self._site.arguments[name] for name in names]
        kind = torch.result_type(*found) if len(found) > 1 else found[0].dtype
        return tuple(self.operand(name, dtype_of(kind, "an operand")) for name in names)

    def pair(self, name: str, default: tuple[int, int] | None = None) -> tuple[int, int]:
        """Two whole numbers, or one for both."""
        first, second = self.spread(name, 2, default)
        return first, second

    def spread(self, name: str, count: int, default: tuple[int, ...] | None = None) -> tuple[int, ...]:
        """`count` whole numbers, or one for all."""
        numbers = self.ints(name)
        if not numbers and default is not None:
            return default
        if len(numbers) not in (1, count):
            raise Unsupported(f"its {name} has {len(numbers)} numbers, needed one or {count}")
        return numbers if len(numbers) == count else numbers * count

    def ints(self, name: str) -> tuple[int, ...]:
        item = self._arguments[name]
        items: Sequence[Any] = item if isinstance(item, (list, tuple)) else () if item is None else (item,)
        if not all(isinstance(n, int) for n in items):
            raise Unsupported(f"its {name} is computed at run time and has to be known")
        return tuple(items)

    def axis(self, name: str, rank: int) -> int:
        return int(self._arguments[name]) % rank if rank else 0

    # --- results

    @property
    def dtype(self) -> DType:
        """Element type of the first result."""
        return dtype_of(self._site.results[0].dtype, "its result")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the first result."""
        return tuple(int(extent) for extent in self._site.results[0].shape)

    def emit(self, op: Op) -> Value:
        """Append the op that computes the result."""
        return self._append(op, (self._site.name,))[0]

    def emit_all(self, op: Op) -> tuple[Value, ...]:
        """Append an op with several results."""
        return self._append(op, [f"{self._site.name}.{i}" for i in range(len(op.infer()))])

    def step(self, op: Op) -> Value:
        """Append an op on the way there."""
        return self._append(op, (f"{self._site.name}.step",))[0]

    def steps(self, op: Op) -> tuple[Value, ...]:
        """Append an op of several results on the way there."""
        return self._append(op, [f"{self._site.name}.step"] * len(op.infer()))

    def cast(self, x: Value, dtype: DType) -> Value:
        return x if x.dtype == dtype else self.step(Cast(x, TensorType(dtype, x.shape)))

    def number(self, number: float, like: Value) -> Value:
        """A number as a parameter of `like`'s element type."""
        return self.filled(number, (), like)

    def filled(self, number: float, shape: tuple[int, ...], like: Value) -> Value:
        """A parameter of one number all over, of `like`'s element type."""
        return self._scope.param(f"{self._site.name}.number", np.full(shape, number, like.dtype.numpy), like.dtype)

    def param(self, name: str, array: Array, dtype: DType) -> Value:
        """A parameter made at import."""
        return self._scope.param(name, np.ascontiguousarray(array), dtype)

    def name_of(self, name: str) -> str:
        """What a parameter is called in the user's module; the call's own name for anything else."""
        item = self._arguments[name]
        return item.name if isinstance(item, Known) else self._site.name

    def _append(self, op: Op, names: Sequence[str]) -> tuple[Value, ...]:
        op.infer()  # its complaint says nothing of where; the builder's would, and the importer does
        return self._scope.builder.add_all(op, names, label=self._site.label)
