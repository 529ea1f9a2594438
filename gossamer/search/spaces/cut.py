"""Structured pruning: a network with fewer channels, those with the largest weights kept.

    cut(module, channels, {"conv1": 24})        # the group called conv1 keeps 24 of its channels

How much a channel matters is the sum of the magnitudes of the weights that make it (Li et al., "Pruning filters for
efficient ConvNets", ICLR 2017), over all layers of its group.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.build import GraphBuilder
from gossamer.ir.graph import Array, Module, Node, Params
from gossamer.ir.op import Op
from gossamer.ir.ops.nn import Conv2d, Gemm
from gossamer.ir.ops.structure import Param
from gossamer.ir.ops.tensor import Reshape
from gossamer.ir.types import TensorType, Value
from gossamer.search.spaces.channels import CHANNEL, Channels, depthwise


def cut(module: Module, channels: Channels, widths: Mapping[str, int]) -> Module:
    """`widths`: how many channels each group keeps; groups that are not named keep all. Weights are cut when read."""
    cutter = _Cutter(module, channels, widths)
    for node in module.graph.nodes:
        cutter.take(node)
    outputs = tuple(cutter.now[value] for value in module.graph.outputs)
    return Module(module.name, cutter.builder.finish(outputs), Params(cutter.params))


@dataclass
class _Cutter:
    """`now`: what stands for a value of the old graph."""

    module: Module
    channels: Channels
    widths: Mapping[str, int]
    builder: GraphBuilder = field(default_factory=GraphBuilder)
    now: dict[Value, Value] = field(default_factory=dict[Value, Value])
    params: dict[str, Callable[[], Array]] = field(default_factory=dict[str, Callable[[], Array]])

    def __post_init__(self) -> None:
        for value in self.module.graph.inputs:
            self.now[value] = self.builder.input(value.name, value.type)
        self._kept = cache(self._largest)

    def take(self, node: Node) -> None:
        op = self._param(node.result, node.op) if isinstance(node.op, Param) else self._resized(node)
        names = [value.name for value in node.results]
        self.now |= dict(zip(node.results, self.builder.add_all(op, names, label=node.label)))

    def _param(self, value: Value, op: Param) -> Param:
        groups = {axis: self.channels.of(along) for axis, along in self.channels.axes.get(value, {}).items()}
        cuts = {axis: group for axis, group in groups.items() if group is not None and group in self.widths}
        shape = tuple(self.widths[cuts[axis]] if axis in cuts else size for axis, size in enumerate(value.shape))
        self.params[op.ref] = lambda: self._sliced(op.ref, cuts)
        return replace(op, type=TensorType(value.dtype, shape, value.type.quant))

    def _sliced(self, ref: str, cuts: Mapping[int, str]) -> Array:
        found = self.module.params[ref]
        for axis, group in cuts.items():
            found = np.take(found, self._kept(group), axis)
        return found

    def _largest(self, group: str) -> NDArray[np.int64]:
        total = sum(self._magnitudes(node) for node in self.channels.makers[group])
        return np.sort(np.argsort(-np.asarray(total), kind="stable")[: self.widths[group]])

    def _magnitudes(self, maker: Node) -> NDArray[np.float64]:
        op = maker.op
        assert isinstance(op, Conv2d | Gemm)
        value = op.weight if isinstance(op, Conv2d) else op.b
        weight = np.abs(np.asarray(self.module.params[self._ref(value)], np.float64))
        across = isinstance(op, Gemm) and not op.transpose_b
        return weight.sum(axis=0) if across else weight.reshape(len(weight), -1).sum(axis=1)

    def _ref(self, value: Value) -> str:
        op = self.module.graph.producers[value].op
        assert isinstance(op, Param)
        return op.ref

    def _resized(self, node: Node) -> Op:
        op = node.op.with_operands({value: self.now[value] for value in node.op.operands})
        if isinstance(op, Conv2d) and isinstance(node.op, Conv2d) and depthwise(node.op):
            return replace(op, groups=op.x.shape[CHANNEL])
        if isinstance(op, Reshape) and self.channels.of(node.result) is not None:
            shape = list(op.shape)
            shape[CHANNEL] = op.x.shape[CHANNEL]
            return replace(op, shape=tuple(shape))
        return op
