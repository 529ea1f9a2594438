"""One ONNX node as the importing functions see it: operands, attributes, and where to put what they make of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from onnx import AttributeProto, GraphProto, NodeProto, helper

from gossamer.frontends.onnx.scope import Scope
from gossamer.frontends.onnx.tensors import Constant, Item, Listed, checked_type, constant_of, dtype_of
from gossamer.frontends.problems import Unsupported
from gossamer.ir.errors import FrontendError
from gossamer.ir.graph import Array
from gossamer.ir.op import Op
from gossamer.ir.ops import Reshape
from gossamer.ir.types import DType, TensorType, Value


class Graphs(Protocol):
    """Imports inner graphs, those of If and Loop."""

    def graph(self, graph: GraphProto, given: Sequence[Item], node: NodeProto) -> tuple[str, ...]: ...


class Call:
    """Operands are counted as in the ONNX standard; an optional one that is left out is None."""

    def __init__(self, scope: Scope, node: NodeProto, opset: int, graphs: "Graphs") -> None:
        self.node, self.opset = node, opset
        self._scope, self._graphs = scope, graphs
        self._attributes = {a.name: a for a in node.attribute}

    # --- operands

    def has(self, index: int) -> bool:
        return index < len(self.node.input) and bool(self.node.input[index])

    def item(self, index: int) -> Value | Constant:
        """Operand `index`, known at import or not."""
        if not self.has(index):
            raise FrontendError(f"operand {index} is missing")
        return self._scope.look(self.node.input[index])

    def anything(self, index: int) -> Item:
        """Operand `index`, though it be a sequence."""
        if not self.has(index):
            raise FrontendError(f"operand {index} is missing")
        return self._scope.anything(self.node.input[index])

    def listed(self, index: int) -> Listed:
        """Operand `index`, which has to be a sequence."""
        item = self.anything(index)
        if not isinstance(item, Listed):
            raise FrontendError(f"its operand '{self.node.input[index]}' is a tensor, and a sequence is needed")
        return item

    def value(self, index: int) -> Value:
        """Operand `index` as a value; a constant becomes a parameter."""
        return self._scope.value(self.node.input[index], self.item(index))

    def optional(self, index: int) -> Value | None:
        return self.value(index) if self.has(index) else None

    def values(self) -> tuple[Value, ...]:
        return tuple(self.value(i) for i in range(len(self.node.input)))

    def constant(self, index: int) -> Array | None:
        """The numbers of operand `index`; None when it is left out. Unsupported when they are not known at import."""
        if not self.has(index):
            return None
        item = self.item(index)
        if isinstance(item, Constant):
            return item.numbers()
        raise Unsupported(self._scope.unknown(self.node.input[index]))

    # --- attributes

    def attr_int(self, name: str, default: int) -> int:
        return int(self._attribute(name, AttributeProto.INT, default))

    def attr_float(self, name: str, default: float) -> float:
        return float(self._attribute(name, AttributeProto.FLOAT, default))

    def attr_text(self, name: str, default: str) -> str:
        found = self._attribute(name, AttributeProto.STRING, default)
        return found.decode("utf-8", "replace") if isinstance(found, bytes) else found

    def attr_ints(self, name: str, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        return tuple(self._attribute(name, AttributeProto.INTS, default))

    def attribute(self, name: str) -> AttributeProto | None:
        return self._attributes.get(name)

    def ints_or_operand(self, name: str, index: int) -> tuple[int, ...] | None:
        """Whole numbers that older opsets keep in attribute `name` and newer ones in operand `index`."""
        if name in self._attributes:
            return self.attr_ints(name)
        array = self.constant(index)
        return None if array is None else whole(array)

    def axis(self, rank: int, default: int) -> int:
        """Attribute `axis` counted from the front."""
        return from_front(self.attr_int("axis", default), rank)

    def attr_dtype(self, name: str, default: DType) -> DType:
        """The element type that the attribute names by its ONNX number."""
        return dtype_of(self.attr_int(name, 0), "its result") if name in self._attributes else default

    def graph(self, name: str, given: Sequence[Item]) -> tuple[Item, ...]:
        """Import the inner graph in attribute `name` on `given` inputs: what its outputs are."""
        found = self._attributes.get(name)
        if found is None or found.type != AttributeProto.GRAPH:
            raise FrontendError(f"its attribute '{name}' is malformed: a graph is needed")
        return tuple(self._scope.anything(output) for output in self._graphs.graph(found.g, given, self.node))

    def _attribute(self, name: str, kind: int, default: Any) -> Any:
        found = self._attributes.get(name)
        if found is None:
            return default
        if found.type != kind:
            raise FrontendError(f"its attribute '{name}' is malformed")
        return helper.get_attribute_value(found)

    # --- results

    def emit(self, op: Op) -> Value:
        """Append the op that computes the node's first output."""
        return self.emit_at(0, op)

    def emit_at(self, index: int, op: Op) -> Value:
        """Append the op that computes output `index` alone."""
        return self._append(op, self.node.output[index : index + 1])[0]

    def emit_shaped(self, op: Op, shape: tuple[int, ...]) -> Value:
        """Append the op that computes the node's first output, but for its shape."""
        if op.infer()[0].shape == shape:
            return self.emit(op)
        return self.emit(Reshape(self.step(op), shape))

    def wants(self, index: int) -> bool:
        """Does the file use output `index`?"""
        return index < len(self.node.output) and bool(self.node.output[index])

    def emit_all(self, op: Op) -> tuple[Value, ...]:
        """Append the op that computes all outputs."""
        return self._append(op, tuple(self.node.output))

    def step(self, op: Op) -> Value:
        """Append an op on the way there; its result gets a fresh name."""
        return self._append(op, (self._scope.fresh(f"{self._stem}.step"),))[0]

    def steps(self, op: Op) -> tuple[Value, ...]:
        """Append an op of several results on the way there."""
        return self._append(op, [self._scope.fresh(f"{self._stem}.step") for _ in op.infer()])

    def as_value(self, item: Item, suffix: str) -> Value:
        """What is perhaps a constant, as a value: a new parameter then. Unsupported for a sequence."""
        if isinstance(item, Listed):
            raise Unsupported("it gives a sequence where a tensor is needed")
        return item if isinstance(item, Value) else self.derived(item, suffix)

    def derived(self, constant: Constant, suffix: str) -> Value:
        """A new parameter whose numbers are computed from the file's when they are asked for."""
        return self._scope.value(self._scope.fresh(f"{self._stem}.{suffix}"), constant)

    def param(self, array: Array, suffix: str, dtype: DType | None = None) -> Value:
        """A new parameter, made up by the importer; of the array's own element type, or of `dtype`."""
        self.count_made(array.size)
        constant = constant_of(array if dtype is None else np.asarray(array, dtype.numpy))
        if dtype is not None:  # bf16, which numpy holds as float32
            constant = replace(constant, type=TensorType(dtype, constant.type.shape))
        return self._scope.value(self._scope.fresh(f"{self._stem}.{suffix}"), constant)

    def count_made(self, elements: int) -> None:
        """Counts a constant that the importer makes up. FrontendError when all of them together are too large."""
        self._scope.count_made(elements)

    def number(self, number: float, like: Value, suffix: str = "number") -> Value:
        """A new parameter: a scalar of the element type of `like`."""
        return self.param(np.asarray(number), suffix, like.dtype)

    def typed_param(self, index: int, retyped: Callable[[Constant], Constant]) -> Value | None:
        """Operand `index`, if a constant, as a parameter of another type over the same numbers; else None."""
        item = self.item(index)
        return self._scope.value(self.node.input[index], retyped(item)) if isinstance(item, Constant) else None

    @property
    def _stem(self) -> str:
        """What made-up names start with: the first output that has one."""
        return next((name for name in self.node.output if name), self.node.op_type)

    def _append(self, op: Op, names: Sequence[str]) -> tuple[Value, ...]:
        for kind in op.infer():
            checked_type(kind.dtype, kind.shape, "its result")
        return self._scope.builder.add_all(op, names, label=self.node.name)


def whole(array: Array) -> tuple[int, ...]:
    """The numbers of an integer tensor."""
    if array.dtype.kind not in "iu":
        raise FrontendError(f"a list of whole numbers is malformed: it is {array.dtype}")
    return tuple(int(n) for n in np.ravel(array))


def from_front(axis: int, rank: int) -> int:
    if not -rank <= axis < max(rank, 1):
        raise FrontendError(f"its axis {axis} is malformed: the tensor has {rank} axes")
    return axis % rank if rank else 0
