"""Recurrent layers: the products with x of all steps are one gemm, then `ir.scan` runs the cell over the steps.

Weights are put into the IR's order of gates (torch's LSTM has i, f, g, o and its GRU r, z, n; the IR i, o, f, g and
z, r, n) when they are imported, and keep their names with the order behind them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.torch.call import Call
from gossamer.frontends.torch.scope import Known
from gossamer.frontends.torch.table import Result, operator
from gossamer.frontends.torch.tensors import array_of
from gossamer.ir.build import GraphBuilder
from gossamer.ir.graph import Array, Graph
from gossamer.ir.op import Op
from gossamer.ir.ops import Add, Concat, Gemm, GRUCell, LSTMCell, Relu, Reshape, Scan, Slice, Tanh, Transpose
from gossamer.ir.types import Value


@dataclass(frozen=True)
class Kind:
    """`gates`: the order in which torch's blocks of rows are put; `states`: h, and c of an LSTM."""

    gates: tuple[int, ...]
    order: str
    states: int
    fused_bias: bool
    """Whether both biases are added to the same sum; a GRU multiplies one of its own by the reset gate."""


_KINDS = {
    "lstm": Kind((0, 3, 1, 2), "iofg", 2, True),
    "gru": Kind((1, 0, 2), "zrn", 1, False),
    "rnn_tanh": Kind((0,), "", 1, True),
    "rnn_relu": Kind((0,), "", 1, True),
}


@dataclass(frozen=True)
class Weights:
    """Of one layer in one direction: products with x [G H, I] and with h [G H, H], biases [G H]."""

    x: Value
    h: Value
    bias: Value | None
    bias_h: Value | None


@operator("lstm.input", "gru.input", "rnn_tanh.input", "rnn_relu.input")
def recurrent(call: Call) -> Result:
    """Gives the last layer's h of every step, then the final states of every layer and direction."""
    kind, x, first = _KINDS[call.operator], call.value("input"), bool(call["batch_first"])
    states = call.values("hx") if call.operator == "lstm" else (call.value("hx"),)
    if len({s.shape for s in states}) > 1 or len(call["params"]) % _each(call, kind):
        raise Unsupported("its proj_size is not 0")
    x = call.step(Transpose(x, (1, 0, 2))) if first else x
    finals: list[tuple[Value, ...]] = []
    for layer in range(int(call["num_layers"])):
        x = _layer(call, kind, x, states, layer, finals)
    steps = call.emit(Transpose(x, (1, 0, 2))) if first else x
    return (steps, *(_stacked(call, [each[i] for each in finals]) for i in range(kind.states)))


@operator("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell")
def cell(call: Call) -> Result:
    name = call.operator.removesuffix("_cell")
    kind, x = _KINDS[name], call.value("input")
    states = call.values("hx") if name == "lstm" else (call.value("hx"),)
    weights = _weights(call, kind, [call[n] for n in ("w_ih", "w_hh", "b_ih", "b_hh") if call.has(n)])
    gates = call.step(Gemm(x, weights.x, weights.bias, transpose_b=True))
    fixed = (weights.h, *((weights.bias_h,) if weights.bias_h else ()))
    found = _cell(name, call.steps, states, gates, fixed)
    return found if name == "lstm" else found[0]


def _layer(
    call: Call, kind: Kind, x: Value, states: Sequence[Value], layer: int, finals: list[tuple[Value, ...]]
) -> Value:
    """One layer over x [T, N, I]: h of every step [T, N, H], both directions side by side."""
    found: list[Value] = []
    directions = 2 if call["bidirectional"] else 1
    for direction in range(directions):
        place, each = layer * directions + direction, _each(call, kind)
        weights = _weights(call, kind, call["params"][place * each : (place + 1) * each])
        start = tuple(_slot(call, state, place) for state in states)
        *final, steps = _scanned(call, x, weights, start, reverse=direction == 1)
        finals.append(tuple(final))
        found.append(steps)
    return call.step(Concat(tuple(found), 2)) if directions > 1 else found[0]


def _scanned(call: Call, x: Value, weights: Weights, start: tuple[Value, ...], reverse: bool) -> tuple[Value, ...]:
    steps, batch, features = x.shape
    flat = call.step(Reshape(x, (steps * batch, features)))
    gates = call.step(Gemm(flat, weights.x, weights.bias, transpose_b=True))
    gates = call.step(Reshape(gates, (steps, batch, gates.shape[1])))
    fixed = (weights.h, *((weights.bias_h,) if weights.bias_h else ()))
    body = _body(call.operator, start, gates, fixed)
    return call.steps(Scan((*start, gates, *fixed), body, len(start), 1, steps, reverse))


def _body(name: str, states: tuple[Value, ...], gates: Value, fixed: tuple[Value, ...]) -> Graph:
    b = GraphBuilder()
    old = tuple(b.input(n, state.type) for n, state in zip(("h", "c"), states))
    slice_ = b.input("gates", gates.type.with_shape(gates.shape[1:]))
    constant = tuple(b.input(n, value.type) for n, value in zip(("recurrence", "recurrence_bias"), fixed))
    new = _cell(name, b.add_all, old, slice_, constant)
    return b.finish((*new, new[0]))


def _cell(
    name: str,
    add: Callable[[Op], tuple[Value, ...]],
    states: tuple[Value, ...],
    gates: Value,
    fixed: tuple[Value, ...],
) -> tuple[Value, ...]:
    """The new states; `gates` is the product with x of this step, `fixed` the recurrence and perhaps its bias."""
    if name == "lstm":
        return add(LSTMCell(gates, states[0], states[1], None, fixed[0]))
    if name == "gru":
        recurrence, bias, *_ = (*fixed, None)
        assert recurrence is not None
        return add(GRUCell(gates, states[0], None, recurrence, None, bias, linear_before_reset=True))
    (product,) = add(Gemm(states[0], fixed[0], transpose_b=True))
    (total,) = add(Add(gates, product))
    return add(Relu(total) if name == "rnn_relu" else Tanh(total))


def _each(call: Call, kind: Kind) -> int:
    """Parameters per layer and direction."""
    return 4 if call["has_biases"] else 2


def _weights(call: Call, kind: Kind, params: Sequence[object]) -> Weights:
    arrays, names = zip(*(_numbers(item) for item in params))
    x, h, *biases = (_reordered(array, kind) for array in arrays)
    dtype = call.dtype

    def param(index: int, array: Array) -> Value:
        return call.param(f"{names[index]}.{kind.order}" if kind.order else names[index], array, dtype)

    if not biases:
        return Weights(param(0, x), param(1, h), None, None)
    if kind.fused_bias:
        bias = call.param(f"{names[2]}+hh.{kind.order or 'sum'}", np.add(biases[0], biases[1]), dtype)
        return Weights(param(0, x), param(1, h), bias, None)
    return Weights(param(0, x), param(1, h), param(2, biases[0]), param(3, biases[1]))


def _numbers(item: object) -> tuple[Array, str]:
    if not isinstance(item, Known):
        raise Unsupported("its weights are computed at run time and have to be known")
    return array_of(item.tensor), item.name


def _reordered(array: Array, kind: Kind) -> Array:
    blocks = np.split(array, len(kind.gates))
    return np.concatenate([blocks[i] for i in kind.gates])


def _slot(call: Call, states: Value, place: int) -> Value:
    """[N, H] of layer and direction `place` out of [L D, N, H]."""
    count, batch, units = states.shape
    part = states if count == 1 else call.step(Slice(states, (place, 0, 0), (place + 1, batch, units), (1, 1, 1)))
    return call.step(Reshape(part, (batch, units)))


def _stacked(call: Call, states: Sequence[Value]) -> Value:
    whole = [call.step(Reshape(state, (1, *state.shape))) for state in states]
    return call.step(Concat(tuple(whole), 0)) if len(whole) > 1 else whole[0]
