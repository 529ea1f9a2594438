"""Carries out a quantisation plan: integers between layers, one tensor of them for all who read it.

Names: `%3.q` are the integers that stand for `%3`, `%3.dq` the float value read back from them, `%3.acc` the integer
accumulator of a layer whose float result is `%3`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.build import GraphBuilder
from gossamer.ir.graph import Array, Graph, Node, Params
from gossamer.ir.ops.nn import Gemm, MatMul
from gossamer.ir.ops.quant import Cast
from gossamer.ir.ops.structure import Param
from gossamer.ir.types import DType, Quant, TensorType, Value
from gossamer.passes.precision import LayerBits, stored, weight_type
from gossamer.passes.quantize_plan import LayerOp, Plan, Product

ACCUMULATOR = ".acc"


@dataclass
class Writer:
    """`types`: root of a group -> its integer type, of the root's shape. `made`: new parameters, computed when read."""

    plan: Plan
    params: Params
    types: Mapping[Value, TensorType]
    made: dict[str, Callable[[], Array]] = field(default_factory=dict[str, Callable[[], Array]])
    integers: dict[Value, Value] = field(default_factory=dict[Value, Value])
    floats: dict[Value, Value] = field(default_factory=dict[Value, Value])

    def __post_init__(self) -> None:
        graph = self.plan.graph
        self.refs = {node.result: node.op.ref for node in graph.nodes if isinstance(node.op, Param)}
        self.builder = GraphBuilder({v.name for v in graph.inputs} | {v.name for n in graph.nodes for v in n.results})

    def graph(self) -> Graph:
        old = self.plan.graph
        for value in old.inputs:
            self._quantise(value)
        for node in old.nodes:
            self._node(node)
        return Graph(old.inputs, tuple(self.builder.nodes), old.outputs)

    def _node(self, node: Node) -> None:
        if node.result in self.plan.bits:
            self._layer(node, self.plan.bits[node.result])
        elif self.plan.is_move(node) and self.plan.stored(node.result):
            self._move(node)
            return
        else:
            op = node.op.with_operands({v: f for v in node.op.operands if (f := self._float(v)) is not v})
            self.builder.nodes.append(node if op is node.op else replace(node, op=op))
        for value in node.results:
            self._quantise(value)

    def _layer(self, node: Node, bits: LayerBits) -> None:
        """Integer product, then one cast to the float result that the rest of the graph knows."""
        op, product = node.op, Product.of(node.op)
        assert isinstance(op, LayerOp) and product is not None
        x = self.integers[product.x]
        weight = self._weight(op, product, bits.weight, x)
        whole = _with(op, x, weight, None)
        bias = None if product.bias is None else self._bias(product.bias, whole.infer()[0])
        result, name = node.result, node.result.name + ACCUMULATOR
        acc = self.builder.add(_with(op, x, weight, bias), name, label=node.label, schedule=node.schedule)
        self.builder.nodes.append(Node(Cast(acc, result.type), (result,)))

    def _weight(self, op: LayerOp, product: Product, bits: int, x: Value) -> Value:
        least = self._least_scale(op, product, bits, x)
        return self._param(product.weight, weight_type(self._read(product.weight), product.axis, bits, least))

    def _least_scale(self, op: LayerOp, product: Product, bits: int, x: Value) -> NDArray[np.float64]:
        """Below this scale of the weight, the bias in units of x scale * weight scale would not fit its integers."""
        assert x.type.quant is not None
        if product.bias is None:
            return np.zeros(product.weight.shape[product.axis])
        unit = Value("weight", TensorType(DType("i", bits), product.weight.shape, Quant((1.0,))))
        room = 2.0 ** (30 if _with(op, x, unit, None).infer()[0].dtype.bits == 32 else 52)
        return np.abs(np.asarray(self._read(product.bias), np.float64)) / (x.type.quant.scale[0] * room)

    def _bias(self, bias: Value, product: TensorType) -> Value:
        assert product.quant is not None
        return self._param(bias, TensorType(product.dtype, bias.shape, Quant(product.quant.scale, (0,), 0)))

    def _param(self, old: Value, type: TensorType) -> Value:
        ref = f"{self.refs[old]}.{type.dtype}"
        while ref in self.made or ref in self.params:
            ref += "'"
        self.made[ref] = stored(lambda: self._read(old), type)
        return self.builder.add(Param(ref, type), f"{old.name}.q")

    def _read(self, value: Value) -> NDArray[Any]:
        return self.params[self.refs[value]]

    def _move(self, node: Node) -> None:
        """Movement runs on the integers; a result that is an output is read back under its own name."""
        op = node.op.with_operands({v: self.integers[v] for v in node.op.operands})
        names = [f"{v.name}.q" for v in node.results]
        results = self.builder.add_all(op, names, label=node.label, schedule=node.schedule)
        self.integers.update(zip(node.results, results, strict=True))
        for value in node.results:
            if value in self.plan.graph.outputs:
                self.builder.nodes.append(Node(Cast(self.integers[value], value.type), (value,)))
                self.floats[value] = value

    def _quantise(self, value: Value) -> None:
        if self.plan.stored(value):
            type = self.types[self.plan.root(value)].with_shape(value.shape)
            self.integers[value] = self.builder.add(Cast(value, type), f"{value.name}.q")

    def _float(self, value: Value) -> Value:
        """The value for those who read floats: what the integers stand for, where there are any."""
        if value not in self.integers:
            return value
        if value not in self.floats:
            self.floats[value] = self.builder.add(Cast(self.integers[value], value.type), f"{value.name}.dq")
        return self.floats[value]


def _with(op: LayerOp, x: Value, weight: Value, bias: Value | None) -> LayerOp:
    """The layer on integers. The bias is left out at first, since its type follows from the product's."""
    if isinstance(op, MatMul):
        return replace(op, a=x, b=weight)
    return replace(op, a=x, b=weight, bias=bias) if isinstance(op, Gemm) else replace(op, x=x, weight=weight, bias=bias)
