"""Which channels of a network must go together when some are pruned.

A convolution makes new channels; what is pointwise, pools, or convolves depthwise keeps those it reads; an addition
ties those of its operands. So values fall into groups, and a group is cut as one. A group that touches an input, an
output or an op that mixes or moves channels (concat, shuffle, grouped convolution, ...) is left alone.

    groups = Channels(module.graph)
    groups.prunable                          # names of groups: the title of the first layer that makes their channels
    groups.of(value)                         # such a name, or None
"""

from dataclasses import dataclass, field
from functools import cached_property

from gossamer.ir.graph import Graph, Node
from gossamer.ir.ops.nn import BatchNorm, Conv2d, Gemm
from gossamer.ir.ops.pooling import AvgPool2d, MaxPool2d
from gossamer.ir.ops.reductions import ReduceMean
from gossamer.ir.ops.structure import Param
from gossamer.ir.ops.tensor import Reshape
from gossamer.ir.types import Value
from gossamer.passes.regions import meaning

CHANNEL = 1
"""The axis of a value that holds its channels."""


@dataclass
class Channels:
    """Groups of the values of a graph. `axes`: parameter -> its axis -> a value whose channels lie along it."""

    graph: Graph
    axes: dict[Value, dict[int, Value]] = field(default_factory=dict[Value, dict[int, Value]])

    def __post_init__(self) -> None:
        self._roots: dict[Value, Value] = {}
        self._makers: list[Node] = []
        self._params = {node.result for node in self.graph.nodes if isinstance(node.op, Param)}
        self._frozen = {*self.graph.inputs, *self.graph.outputs}
        for node in self.graph.nodes:
            if not isinstance(node.op, Param):
                self._take(node)

    @cached_property
    def makers(self) -> dict[str, tuple[Node, ...]]:
        """Group that may be cut -> the layers that make its channels; called as the first of them."""
        frozen = {self._root(value) for value in self._frozen}
        found: dict[Value, list[Node]] = {}
        for node in self._makers:
            if self._root(node.result) not in frozen:
                found.setdefault(self._root(node.result), []).append(node)
        return {nodes[0].title: tuple(nodes) for nodes in found.values()}

    @property
    def prunable(self) -> tuple[str, ...]:
        return tuple(self.makers)

    def of(self, value: Value) -> str | None:
        """The group that the value's channels belong to; None where they stay."""
        return self._names.get(self._root(value))

    @cached_property
    def _names(self) -> dict[Value, str]:
        return {self._root(nodes[0].result): name for name, nodes in self.makers.items()}

    def _root(self, value: Value) -> Value:
        while value in self._roots:
            value = self._roots[value]
        return value

    def _tie(self, one: Value, other: Value) -> None:
        left, right = self._root(one), self._root(other)
        if left != right:
            self._roots[right] = left

    def _take(self, node: Node) -> None:
        op = node.op
        if isinstance(op, Conv2d) and op.weight in self._params and (op.groups == 1 or depthwise(op)):
            self._conv(node, op)
        elif isinstance(op, Gemm) and op.b in self._params:
            self._gemm(node, op)
        elif isinstance(op, BatchNorm):
            self._tie(op.x, node.result)
            for value in (op.scale, op.bias, op.mean, op.variance):
                self._along(value, 0, node.result)
        elif self._keeps(node):
            self._tie(node.op.operands[0], node.result)
        elif meaning(op).pointwise and node.result.type.rank in (2, 4):
            self._pointwise(node)
        else:
            self._frozen.update(node.op.operands, node.results)

    def _conv(self, node: Node, op: Conv2d) -> None:
        self._along(op.weight, 0, node.result)
        if op.bias is not None:
            self._along(op.bias, 0, node.result)
        if op.groups > 1:
            self._tie(op.x, node.result)
            return
        self._along(op.weight, 1, op.x)
        self._makers.append(node)

    def _gemm(self, node: Node, op: Gemm) -> None:
        self._along(op.b, 0 if op.transpose_b else 1, node.result)
        self._along(op.b, 1 if op.transpose_b else 0, op.a)
        if op.bias is not None:
            self._along(op.bias, op.bias.type.rank - 1, node.result)
        self._makers.append(node)

    def _keeps(self, node: Node) -> bool:
        """Whether channels pass one by one from the first operand."""
        op = node.op
        if isinstance(op, ReduceMean):
            rank = op.x.type.rank
            return sorted(axis % rank for axis in op.axes) == list(range(2, rank))
        if isinstance(op, Reshape):
            return min(op.x.type.rank, len(op.shape)) >= 2 and _no_image(op.x.shape) and _no_image(op.shape)
        return isinstance(op, AvgPool2d | MaxPool2d)

    def _pointwise(self, node: Node) -> None:
        """Operands that have the result's channels are tied to it; those that have one number for all are not."""
        rank, channels = node.result.type.rank, node.result.shape[CHANNEL]
        for value in node.op.operands:
            axis = value.type.rank - rank + CHANNEL
            if axis < 0 or value.shape[axis] == 1:
                continue
            if value in self._params:
                self._along(value, axis, node.result)
            elif value.type.rank == rank and value.shape[axis] == channels:
                self._tie(value, node.result)
            else:
                self._frozen.update((value, node.result))

    def _along(self, param: Value, axis: int, value: Value) -> None:
        """A parameter that two layers share ties, axis by axis, what lies along it; one that is computed stays."""
        if param not in self._params:
            self._frozen.add(value)
        elif axis in (known := self.axes.setdefault(param, {})):
            self._tie(known[axis], value)
        else:
            known[axis] = value


def depthwise(op: Conv2d) -> bool:
    """Whether every channel has a kernel of its own."""
    return op.groups == op.x.shape[CHANNEL] == op.weight.shape[0] > 1


def _no_image(shape: tuple[int, ...]) -> bool:
    return all(extent == 1 for extent in shape[2:])
