"""Statements that do nothing, and chains that one statement says better."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, TypeAlias

from gossamer.ir.build import Rewriter, rewrite
from gossamer.ir.graph import Graph, Module, Node
from gossamer.ir.op import Op
from gossamer.ir.ops.activations import Clip, HardSigmoid, HardSwish, Relu, Sigmoid, Silu
from gossamer.ir.ops.convolution3d import Conv3d
from gossamer.ir.ops.math import Mul
from gossamer.ir.ops.nn import ChannelShuffle, Conv2d
from gossamer.ir.ops.pooling import AvgPool2d, MaxPool2d
from gossamer.ir.ops.quant import Cast
from gossamer.ir.ops.tensor import Concat, Pad, Reshape, Slice, Split, Transpose
from gossamer.ir.types import F32, F64, TensorType, Value
from gossamer.passes.base import Pass
from gossamer.passes.bodies import with_bodies
from gossamer.passes.dce import live, pruned

Source: TypeAlias = Callable[[Value], "Op | None"]
"""The op that computes a value; None for an input."""

Rule: TypeAlias = Callable[[Any, Source], "Op | Value | None"]
"""What an op is better said as: another op, a value that exists, or None when it is fine."""


@dataclass(frozen=True)
class Simplify(Pass, name="simplify"):
    """Remove no-ops and merge chains:

        reshape, transpose, slice, pad, split, concat, shuffle, pool that change nothing    ->  their input
        reshape of reshape, transpose of transpose, relu or clip of clip                    ->  one statement
        reshape [n,g,c/g,h,w], transpose (0,2,1,3,4), reshape [n,c,h,w]                     ->  channel_shuffle
        cast to a wider type and back                                                       ->  the value itself
        x * sigmoid(x), x * hard_sigmoid(x)                                                 ->  silu, hard_swish
        zero padding before a convolution                                                   ->  the convolution's pads

    Inside the bodies of scans too. An output keeps its name; a no-op stays where an input or another output would
    need a second one.
    """

    def run(self, module: Module) -> Module:
        graph = module.graph
        while (simpler := with_bodies(graph, _simplified)) is not graph:
            graph = simpler
        return pruned(module, graph, module.params) if graph is not module.graph else module


def _simplified(graph: Graph) -> Graph:
    walk = _Walk(set(graph.outputs), {*graph.inputs, *graph.outputs})
    simpler = rewrite(graph, walk.rule)
    return graph if simpler is graph else live(simpler)


@dataclass
class _Walk:
    """`named`: values that have a name to keep. `ops`: what computes each value of the new graph."""

    outputs: set[Value]
    named: set[Value]
    ops: dict[Value, Op] = field(default_factory=dict[Value, Op])

    def rule(self, node: Node, r: Rewriter) -> bool:
        rule = RULES.get(type(node.op))
        better = rule(node.op, self.ops.get) if rule else None
        if better is None or (isinstance(better, Value) and node.result in self.outputs and better in self.named):
            self.ops.update((value, node.op) for value in node.results)
            return False
        if isinstance(better, Value):
            r.replace(node.result, better)
        else:
            self.ops[node.result] = better
            r.emit(replace(node, op=better))
        return True


def _reshape(op: Reshape, source: Source) -> Op | Value | None:
    if op.shape == op.x.shape:
        return op.x
    before = source(op.x)
    if isinstance(before, Reshape):
        return _same_type(Reshape(before.x, op.shape), op)
    return _shuffle(op, before, source) if isinstance(before, Transpose) else None


def _shuffle(op: Reshape, transpose: Transpose, source: Source) -> Op | None:
    split = source(transpose.x)
    rank = len(op.shape)
    if not isinstance(split, Reshape) or split.x.shape != op.shape or len(split.shape) != rank + 1 or rank < 2:
        return None
    (n, groups, each, *rest), (on, oc, *orest) = split.shape, op.shape
    swapped = transpose.perm == (0, 2, 1, *range(3, rank + 1))
    fits = swapped and (n, groups * each, rest) == (on, oc, orest)
    return _same_type(ChannelShuffle(split.x, groups), op) if fits else None


def _transpose(op: Transpose, source: Source) -> Op | Value | None:
    if op.perm == tuple(range(len(op.perm))):
        return op.x
    before = source(op.x)
    if isinstance(before, Transpose):
        return Transpose(before.x, tuple(before.perm[p] for p in op.perm))
    moved = [p for p in op.perm if op.x.shape[p] != 1]
    if moved == sorted(moved):  # only extents of 1 move: the elements stay in order
        return _same_type(Reshape(op.x, tuple(op.x.shape[p] for p in op.perm)), op)
    return None


def _same_type(better: Op, op: Op) -> Op | None:
    """`better`, when it gives just what `op` does (a scale per channel may not survive a detour)."""
    return better if better.infer() == op.infer() else None


def _cast(op: Cast, source: Source) -> Value | None:
    if op.type == op.x.type:
        return op.x
    before = source(op.x)
    back = isinstance(before, Cast) and before.x.type == op.type and _holds(before.type, op.type)
    return before.x if back and isinstance(before, Cast) else None


def _holds(wide: TensorType, narrow: TensorType) -> bool:
    """Whether every number of `narrow` comes back from `wide` unchanged: f32 holds integers of 16 bits safely."""
    if wide.quant is not None or not wide.dtype.floating:
        return False
    if narrow.dtype.integer:
        return wide.dtype == F64 and narrow.dtype.bits <= 32 or wide.dtype == F32 and narrow.dtype.bits <= 16
    return narrow.dtype.floating and wide.dtype in (F32, F64) and wide.dtype.bits >= narrow.dtype.bits


def _relu(op: Relu, source: Source) -> Op | Value | None:
    before = source(op.x)
    if isinstance(before, Relu) or (isinstance(before, Clip) and before.low >= 0):
        return op.x
    return Clip(before.x, 0.0, before.high) if isinstance(before, Clip) and before.high >= 0 else None


def _clip(op: Clip, source: Source) -> Op | Value | None:
    before = source(op.x)
    if (op.low, op.high) == (-inf, inf):
        return op.x
    if (op.low, op.high) == (0.0, inf):
        return Relu(op.x)
    if isinstance(before, Relu) and op.low <= 0 <= op.high:
        return Clip(before.x, 0.0, op.high)
    if isinstance(before, Clip) and max(before.low, op.low) <= min(before.high, op.high):
        return Clip(before.x, max(before.low, op.low), min(before.high, op.high))
    return None


def _mul(op: Mul, source: Source) -> Op | None:
    for x, gate in ((op.x, source(op.y)), (op.y, source(op.x))):
        if isinstance(gate, Sigmoid) and gate.x == x:
            return Silu(x)
        if isinstance(gate, HardSigmoid) and gate.x == x and abs(gate.alpha - 1 / 6) < 1e-6 and gate.beta == 0.5:
            return HardSwish(x)
    return None


def _conv(op: Conv2d | Conv3d, source: Source) -> Op | None:
    pad = source(op.x)
    if not isinstance(pad, Pad) or pad.mode != "constant" or pad.value != 0:
        return None
    if any(map(any, pad.pads[:2])) or min(map(min, pad.pads)) < 0:
        return None
    added = (*(begin for begin, _ in pad.pads[2:]), *(end for _, end in pad.pads[2:]))
    return replace(op, x=pad.x, pads=tuple(own + more for own, more in zip(op.pads, added, strict=True)))


def _pool(op: MaxPool2d | AvgPool2d, source: Source) -> Value | None:
    alone = op.kernel_shape == (1, 1) and op.strides == (1, 1) and not any(op.pads)
    return op.x if alone else None


def _shuffled(op: ChannelShuffle, source: Source) -> Value | None:
    return op.x if op.groups in (1, op.x.shape[1]) else None


def _slice(op: Slice, source: Source) -> Value | None:
    whole = not any(op.starts) and op.stops == op.x.shape and set(op.steps) <= {1}
    return op.x if whole else None


def _concat(op: Concat, source: Source) -> Value | None:
    return op.inputs[0] if len(op.inputs) == 1 else None


def _split(op: Split, source: Source) -> Value | None:
    return op.x if len(op.sizes) == 1 else None


def _pad(op: Pad, source: Source) -> Value | None:
    return None if any(map(any, op.pads)) else op.x


RULES: dict[type[Op], Rule] = {
    Cast: _cast, ChannelShuffle: _shuffled, Clip: _clip, Concat: _concat, Conv2d: _conv, Conv3d: _conv, Mul: _mul,
    MaxPool2d: _pool, AvgPool2d: _pool, Pad: _pad, Relu: _relu, Reshape: _reshape, Slice: _slice, Split: _split,
    Transpose: _transpose,
}  # fmt: skip
