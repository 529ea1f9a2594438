"""Batch normalisation folded into the convolution or gemm before it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.build import Rewriter, rewrite
from gossamer.ir.graph import Array, Module, Node
from gossamer.ir.ops.convolution3d import Conv3d
from gossamer.ir.ops.nn import BatchNorm, Conv2d, Gemm
from gossamer.ir.ops.structure import Param
from gossamer.ir.ops.transposed import ConvTranspose
from gossamer.ir.types import TensorType, Value
from gossamer.passes.base import Pass
from gossamer.passes.dce import pruned, without_unused_params

Product: TypeAlias = Conv2d | Conv3d | ConvTranspose | Gemm
"""What a batch norm folds into."""


@dataclass(frozen=True)
class FoldBatchNorm(Pass, name="fold-bn"):
    """Scale the weight and shift the bias instead of normalising.

        %1 = nn.conv2d %x, %w, %b                                        %2 = nn.conv2d %x, %w', %b'
        %2 = nn.batch_norm %1, %scale, %bias, %mean, %variance    ->         w' = w * f, b' = (b - mean) * f + bias,
                                                                             f = scale / sqrt(variance + epsilon)

    for a convolution (2-D, 3-D, transposed) or a gemm, with or without a bias. The new parameters are computed when
    first asked for, in float64, and rounded once. Declines a batch norm whose input anyone else reads, whose input is
    not a convolution or gemm of floats, or one of whose tensors is not a parameter.
    """

    def run(self, module: Module) -> Module:
        while (folder := _Folder(module)).plan:  # again for a batch norm of a batch norm
            graph = without_unused_params(rewrite(module.graph, folder.rule))
            module = pruned(module, graph, module.params.updated(folder.made))
        return module


@dataclass
class _Folder:
    """`plan`: the result of a convolution or gemm -> the batch norm that goes into it; `made`: new parameters."""

    module: Module
    plan: dict[Value, Node] = field(init=False)
    made: dict[str, Callable[[], Array]] = field(init=False, default_factory=dict[str, Callable[[], Array]])

    def __post_init__(self) -> None:
        graph = self.module.graph
        self.refs = {n.result: n.op.ref for n in graph.nodes if isinstance(n.op, Param)}
        self.plan = {n.op.x: n for n in graph.nodes if isinstance(n.op, BatchNorm) and self._foldable(n.op)}
        self.folded = {n.result for n in self.plan.values()}
        merged = {*self.plan, *self.folded}
        self.free_names = {  # parameters that only disappearing statements read: the new ones take their names
            v
            for v in self.refs
            if v not in graph.outputs and all(user.result in merged for user in graph.users.get(v, ()))
        }
        self.dropped = frozenset(self.free_names)  # the old statements go even where they stand after the convolution

    def rule(self, node: Node, r: Rewriter) -> bool:
        if node.result in self.plan:
            self._fold(node, self.plan[node.result], r)
            return True
        return node.result in self.folded or node.result in self.dropped

    def _foldable(self, norm: BatchNorm) -> bool:
        graph = self.module.graph
        producer = graph.producers.get(norm.x)
        if producer is None or not isinstance(producer.op, Product) or not norm.x.dtype.floating:
            return False
        fixed = (*producer.op.operands[1:], norm.scale, norm.bias, norm.mean, norm.variance)
        alone = len(graph.users[norm.x]) == 1 and norm.x not in graph.outputs
        return alone and all(value in self.refs for value in fixed)

    def _fold(self, node: Node, norm: Node, r: Rewriter) -> None:
        op, bn = node.op, norm.op
        assert isinstance(op, Product) and isinstance(bn, BatchNorm)
        weight = op.b if isinstance(op, Gemm) else op.weight
        scaled = self._param(r, weight, lambda: _scaled(op, self._read(weight), self._factor(bn)))
        shifted = self._param(r, op.bias or bn.bias, lambda: self._shifted(op.bias, bn), bn.bias.type)
        folded = (
            replace(op, b=scaled, bias=shifted)
            if isinstance(op, Gemm)
            else replace(op, weight=scaled, bias=shifted)
        )
        r.emit(replace(node, op=folded, results=norm.results))

    def _param(self, r: Rewriter, old: Value, array: Callable[[], Array], type: TensorType | None = None) -> Value:
        """A new parameter computed from `old`, under its name in the graph where that is free."""
        ref = f"{self.refs[old]}.bn"
        while ref in self.made or ref in self.module.params:
            ref += "'"
        self.made[ref] = array
        op = Param(ref, type or old.type)
        if old not in self.free_names:
            return r.add(op, old.name)
        self.free_names.discard(old)
        value = Value(old.name, op.type)
        r.emit(Node(op, (value,)))
        return value

    def _read(self, value: Value) -> NDArray[Any]:
        return self.module.params[self.refs[value]]

    def _factor(self, bn: BatchNorm) -> NDArray[np.float64]:
        return self._read(bn.scale) / np.sqrt(self._read(bn.variance).astype(np.float64) + bn.epsilon)

    def _shifted(self, bias: Value | None, bn: BatchNorm) -> Array:
        start = 0.0 if bias is None else self._read(bias)
        shifted = (start - self._read(bn.mean).astype(np.float64)) * self._factor(bn) + self._read(bn.bias)
        return shifted.astype(bn.bias.dtype.numpy)


def _scaled(op: Product, weight: NDArray[Any], factor: NDArray[np.float64]) -> Array:
    """The weight times one factor per output channel."""
    if isinstance(op, ConvTranspose):  # [IC, OC / groups, ...]: each group of input channels has factors of its own
        rows = np.repeat(factor.reshape(op.groups, -1), weight.shape[0] // op.groups, axis=0)
        spread = rows.reshape(*weight.shape[:2], *(1,) * (weight.ndim - 2))
    else:
        axis = 1 if isinstance(op, Gemm) and not op.transpose_b else 0
        spread = factor.reshape(tuple(-1 if k == axis else 1 for k in range(weight.ndim)))
    return (weight * spread).astype(weight.dtype)
