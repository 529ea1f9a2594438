"""Integer layers out of float layers between quantising casts, as quantised ONNX and QONNX files have them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from gossamer.ir.build import Rewriter, rewrite
from gossamer.ir.centred import centred
from gossamer.ir.errors import IRError
from gossamer.ir.graph import Array, Graph, Module, Node, Params
from gossamer.ir.op import Op
from gossamer.ir.ops.activations import Clip, Relu
from gossamer.ir.ops.convolution3d import Conv3d
from gossamer.ir.ops.math import Add
from gossamer.ir.ops.nn import ChannelShuffle, Conv2d, Gemm, MatMul
from gossamer.ir.ops.pooling import MaxPool2d
from gossamer.ir.ops.quant import Cast
from gossamer.ir.ops.structure import Param
from gossamer.ir.ops.tensor import Concat, Pad, Reshape, Slice, Split, Transpose
from gossamer.ir.ops.transposed import ConvTranspose
from gossamer.ir.types import TensorType, Value
from gossamer.passes.base import Pass
from gossamer.passes.dce import live, pruned

Product: TypeAlias = Conv2d | Conv3d | ConvTranspose | Gemm | MatMul

_MOVES = (ChannelShuffle, Concat, MaxPool2d, Pad, Reshape, Slice, Split, Transpose)
_BITS_MAX = 16
"""Wider integers are accumulators: moving them instead of floats saves nothing."""


@dataclass(frozen=True)
class FoldQDQ(Pass, name="fold-qdq"):
    """Compute in the integers that quantising casts leave, instead of in the floats that stand for them.

        %x = quant.cast %x.q      f32                 %1.acc = nn.conv2d %x.q, %w.q, %b.q    i32{scale}
        %w = quant.cast %w.q      f32                 %2 = quant.cast %1.acc                 u8{scale}
        %b = quant.cast %b.q      f32          ->
        %1 = nn.conv2d %x, %w, %b
        %2 = quant.cast %1        u8{scale}

    1. A convolution (transposed or not), gemm or matmul of two dequantised operands multiplies the integers. A bias of
       the accumulator's scale goes along; any other is added to the real result. A weight with zero points has them
       subtracted when it is a parameter; declines any other.
    2. Movement (reshape, transpose, concat, max pooling, zero padding, ...) of dequantised tensors moves the integers.
    3. A cast to reals and on to integers is one cast, which rounds once; one to the type it came from is nothing.
    4. A relu or clip before a cast to integers goes where the integers have that bound anyway.
    5. A relu of integers read back is done on what those were cast from, which gives the same integers.
    6. A concatenation that is cast to integers with one scale joins integers: each operand is cast by itself.

    Results differ from the float ones by rounding: less than one step of the type that is cast to.
    """

    def run(self, module: Module) -> Module:
        walk = _Walk(module.params, _read_once(module.graph))
        graph = rewrite(module.graph, walk.rule)
        return module if graph is module.graph else pruned(module, live(graph), module.params.updated(walk.made))


@dataclass
class _Walk:
    """`once`: values that a single statement reads. `ops`: what computes each value of the new graph. `made`: new
    parameters, computed when read.
    """

    params: Params
    once: frozenset[Value]
    made: dict[str, Callable[[], Array]] = field(default_factory=dict[str, Callable[[], Array]])
    ops: dict[Value, Op] = field(default_factory=dict[Value, Op])

    def rule(self, node: Node, r: Rewriter) -> bool:
        changed = self._changed(node, r)
        if not changed:
            self.ops.update((value, node.op) for value in node.results)
        return changed

    def _changed(self, node: Node, r: Rewriter) -> bool:
        op = node.op
        if isinstance(op, Cast):
            return self._cast(node, op, r)
        if isinstance(op, (Conv2d, Conv3d, ConvTranspose, Gemm, MatMul)):
            return self._product(node, op, r)
        if isinstance(op, Relu):
            return self._relu(node, op, r)
        return isinstance(op, _MOVES) and self._move(node, r)

    def integers(self, value: Value) -> Value | None:
        """The quantised integers that a float value was read back from."""
        op = self.ops.get(value)
        found = isinstance(op, Cast) and op.x.type.quant is not None and op.type.dtype.floating
        return op.x if found and isinstance(op, Cast) else None

    # --- casts

    def _cast(self, node: Node, op: Cast, r: Rewriter) -> bool:
        if op.type.quant is None:
            return False
        x = self._unbounded(op.x, op.type)
        source = self.integers(x)
        if source is None and x == op.x:
            return self._concat(node, op.x, op.type, r)
        if source is not None and source.type == op.type:
            r.replace(node.result, source)
        else:
            self._emit(r, replace(node, op=Cast(source or x, op.type)))
        return True

    def _unbounded(self, x: Value, kind: TensorType) -> Value:
        """What a relu or clip reads, where storing as `kind` bounds it at least as tightly."""
        op = self.ops.get(x)
        if isinstance(op, Relu) and op.x.type.quant is None and _reaches(kind, 0.0, None):
            return self._unbounded(op.x, kind)
        if isinstance(op, Clip) and _reaches(kind, op.low, op.high):
            return self._unbounded(op.x, kind)
        return x

    def _concat(self, node: Node, x: Value, kind: TensorType, r: Rewriter) -> bool:
        """cast(concat(read back(a), b)) = concat(cast(a), cast(b)): a cast is done number by number."""
        op = self.ops.get(x)
        if not isinstance(op, Concat) or x not in self.once or kind.quant is None or kind.quant.axis is not None:
            return False
        if all(self.integers(v) is None for v in op.inputs):
            return False
        parts: list[Value] = []
        for k, value in enumerate(op.inputs):
            cast = Cast(self.integers(value) or value, replace(kind, shape=value.shape))
            parts.append(r.add(cast, f"{node.result.name}.part{k}", label=node.label))
            self.ops[parts[-1]] = cast
        self._emit(r, replace(node, op=replace(op, inputs=tuple(parts))))
        return True

    def _relu(self, node: Node, op: Relu, r: Rewriter) -> bool:
        """relu(read back(cast(x))) = read back(cast(relu(x))): a cast keeps the order of numbers, and 0."""
        integers = self.integers(op.x)
        cast = self.ops.get(integers) if integers is not None else None
        if integers is None or not isinstance(cast, Cast) or _reaches(integers.type, 0.0, None):
            return False
        if cast.x.type.quant is not None and not cast.x.type.quant.symmetric:
            return False
        bounded = r.add(Relu(cast.x), f"{node.result.name}.acc", label=node.label)
        again = r.add(Cast(bounded, integers.type), f"{node.result.name}.q", label=node.label)
        self.ops[bounded], self.ops[again] = Relu(cast.x), Cast(bounded, integers.type)
        self._emit(r, Node(Cast(again, node.result.type), node.results, label=node.label))
        return True

    # --- movement

    def _move(self, node: Node, r: Rewriter) -> bool:
        if isinstance(node.op, Pad) and (node.op.value != 0 and node.op.mode == "constant"):
            return False
        sources = {v: self.integers(v) for v in node.op.operands}
        kinds = {(s.type.dtype, s.type.quant) for s in sources.values() if s is not None}
        if None in sources.values() or len(kinds) != 1 or next(iter(kinds))[0].bits > _BITS_MAX:
            return False
        op = node.op.with_operands({v: s for v, s in sources.items() if s is not None})
        try:
            op.infer()
        except IRError:  # a scale per channel that the movement would spread over another axis
            return False
        moved = r.add_all(op, [f"{v.name}.q" for v in node.results], label=node.label, schedule=node.schedule)
        for integers, value in zip(moved, node.results, strict=True):
            self.ops[integers] = op
            self._emit(r, Node(Cast(integers, value.type), (value,), label=node.label))
        return True

    # --- products

    def _product(self, node: Node, op: Product, r: Rewriter) -> bool:
        first, second, *_ = op.operands
        x, weight = self.integers(first), self.integers(second)
        if x is None or weight is None:
            return False
        weight = self._symmetric(weight, r)
        plain = _without_bias(op).with_operands({first: x, second: weight}) if first != second else None
        try:
            kind = plain.infer()[0] if plain is not None else None
        except IRError:  # zero points in the weight, a scale per channel of x
            return False
        if plain is None or kind is None:
            return False
        bias = None if isinstance(op, MatMul) else op.bias
        whole = self._with_bias(plain, bias)
        acc = r.add(whole or plain, f"{node.result.name}.acc", label=node.label, schedule=node.schedule)
        self.ops[acc] = whole or plain
        if bias is None or whole is not None:
            self._emit(r, Node(Cast(acc, node.result.type), node.results, label=node.label))
        else:
            self._add_bias(node, acc, bias, r)
        return True

    def _symmetric(self, weight: Value, r: Rewriter) -> Value:
        """The weight, a parameter with zero points without them."""
        param = self.ops.get(weight)
        if not isinstance(param, Param) or weight.type.quant is None or weight.type.quant.symmetric:
            return weight
        ref = f"{param.ref}.centred"
        if ref in self.params:
            return weight
        kind, load = centred(weight.type, lambda: self.params[param.ref])
        self.made[ref] = load
        return r.add(Param(ref, kind), f"{weight.name}.centred")

    def _with_bias(self, plain: Op, bias: Value | None) -> Op | None:
        """The product with its bias in integers; None where the bias has another scale."""
        integers = self.integers(bias) if bias is not None else None
        if integers is None or not isinstance(plain, (Conv2d, Conv3d, ConvTranspose, Gemm)):
            return None
        try:
            whole = replace(plain, bias=integers)
            whole.infer()
        except IRError:
            return None
        return whole

    def _add_bias(self, node: Node, acc: Value, bias: Value, r: Rewriter) -> None:
        kind = node.result.type
        real = r.add(Cast(acc, kind), f"{node.result.name}.real", label=node.label)
        shape = (*bias.shape, *(1,) * (kind.rank - 2))
        column = bias if bias.shape == shape else r.add(Reshape(bias, shape), f"{bias.name}.column")
        self._emit(r, Node(Add(real, column), node.results, label=node.label))

    def _emit(self, r: Rewriter, node: Node) -> None:
        self.ops[node.result] = node.op
        r.emit(node)


def _read_once(graph: Graph) -> frozenset[Value]:
    return frozenset(v for v, users in graph.users.items() if len(users) == 1 and v not in graph.outputs)


def _without_bias(op: Product) -> Product:
    return op if isinstance(op, MatMul) else replace(op, bias=None)


def _reaches(kind: TensorType, low: float, high: float | None) -> bool:
    """Whether the lowest and the highest integer of the type stand for numbers within low..high."""
    quant = kind.quant
    if quant is None or quant.axis is not None:
        return False
    scale, zero = quant.scale[0], quant.zero_point[0]
    below = (kind.dtype.low - zero) * scale >= low - scale * 1e-6
    return below and (high is None or (kind.dtype.high - zero) * scale <= high + scale * 1e-6)
