"""LSTM, GRU and RNN: the products with the inputs of all steps as one gemm, then a scan over the steps.

T steps, N batch, I features, H units, D directions; the weights have one block of H rows per gate.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.operators.cells import Functions, gru_step, lstm_step, rnn_step
from gossamer.frontends.onnx.operators.steps import Steps
from gossamer.frontends.onnx.table import Result, operator
from gossamer.frontends.onnx.tensors import Constant, check_made
from gossamer.ir.errors import FrontendError
from gossamer.ir.ops import Add, Cast, Concat, Gemm, Less, Reshape, Slice, Transpose, Where
from gossamer.ir.types import I32, TensorType, Value

_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
_STATES = {"LSTM": 2, "GRU": 1, "RNN": 1}
_STEP = {"LSTM": lstm_step, "GRU": gru_step, "RNN": rnn_step}
_DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


@operator("LSTM", "GRU", "RNN")
def recurrent(call: Call) -> Result:
    """Outputs Y [T, D, N, H], Y_h [D, N, H], Y_c; with layout 1 the batch comes first in all of them."""
    layer = _layer(call)
    runs = [_run(layer, index, reverse) for index, reverse in enumerate(layer.directions)]
    first = _joined(layer, [run.shown for run in runs], 0)
    return first, *(_joined(layer, states, k + 1) for k, states in enumerate(zip(*(run.states for run in runs))))


@dataclass(frozen=True)
class Layer:
    """What all directions share. x is [T, N, I]; `mask`, where sequences end early, bool [T, N, 1]."""

    call: Call
    x: Value
    units: int
    directions: tuple[bool, ...]
    mask: Value | None

    @property
    def kind(self) -> str:
        return self.call.node.op_type

    @property
    def batch_first(self) -> bool:
        return self.call.attr_int("layout", 0) == 1


@dataclass(frozen=True)
class Run:
    """What one direction gives: the final states [N, H], and [T, N, H] if asked for, else the first of them."""

    states: tuple[Value, ...]
    shown: Value


def _layer(call: Call) -> Layer:
    x, recurrence = call.value(0), call.item(2)
    direction = call.attr_text("direction", "forward")
    if direction not in _DIRECTIONS or call.attr_int("layout", 0) not in (0, 1) or x.type.rank != 3:
        raise FrontendError(f"its direction '{direction}', layout or input of shape {list(x.shape)} is malformed")
    shape = recurrence.shape if isinstance(recurrence, Value) else recurrence.type.shape
    directions, gates = _DIRECTIONS[direction], _GATES[call.node.op_type]
    if len(shape) != 3 or shape[:2] != (len(directions), gates * shape[2]) or not shape[2]:
        raise FrontendError(f"its R is malformed: it has shape {list(shape)}, needed [{len(directions)}, {gates}*H, H]")
    if call.attr_int("hidden_size", shape[2]) != shape[2]:
        raise FrontendError(f"its hidden_size is malformed: R has shape {list(shape)}")
    if call.attr_int("layout", 0):
        x = call.step(Transpose(x, (1, 0, 2)))
    return Layer(call, x, shape[2], directions, _mask(call, x))


def _mask(call: Call, x: Value) -> Value | None:
    """Which steps belong to each sequence: t < sequence_lens[n]; None when all of them do."""
    if not call.has(4):
        return None
    item, (steps, batch, _) = call.item(4), x.shape
    if isinstance(item, Constant) and np.all(item.numbers() == steps):
        return None
    lengths = call.step(Reshape(call.value(4), (1, batch, 1)))
    lengths = lengths if lengths.dtype == I32 else call.step(Cast(lengths, TensorType(I32, lengths.shape)))
    check_made(steps)
    places = call.param(np.arange(steps, dtype=np.int32).reshape(steps, 1, 1), "places")
    return call.step(Less(places, lengths))


def _run(layer: Layer, index: int, reverse: bool) -> Run:
    call, kind = layer.call, layer.kind
    scanned = [_projected(layer, index), *([layer.mask] if layer.mask else [])]
    steps = Steps(call, _initial(layer, index), scanned)
    functions = Functions.of(call, index)
    weights = [_part(layer, place, index) for place in ((2, 3, 7) if kind == "LSTM" else (2, 3))]
    states = _STEP[kind](steps, call, functions, *weights)
    shown = states[0]
    if layer.mask:
        kept = steps.slices[1]
        shown = steps.add(Where(kept, shown, steps.number(0.0, shown)))
        states = [steps.add(Where(kept, new, old)) for new, old in zip(states, steps.states)]
    results = call.steps(steps.scan(states, [shown] if call.wants(0) else [], reverse))
    count = _STATES[kind]
    return Run(results[:count], results[-1] if call.wants(0) else results[0])


def _projected(layer: Layer, index: int) -> Value:
    """x @ W.T + Wb of all steps, [T, N, gates * H]. An LSTM's two biases are added up here."""
    call, (steps, batch, features) = layer.call, layer.x.shape
    weight = _slice_of(layer, 1, index)
    flat = call.step(Reshape(layer.x, (steps * batch, features)))
    product = call.step(Gemm(flat, weight, _input_bias(layer, index), transpose_b=True))
    return call.step(Reshape(product, (steps, batch, weight.shape[0])))


def _input_bias(layer: Layer, index: int) -> Value | None:
    bias = _part(layer, 3, index)
    if bias is None:
        return None
    half = bias.shape[0] // 2
    own = layer.call.step(Slice(bias, (0,), (half,), (1,)))
    if layer.kind == "GRU":
        return own
    return layer.call.step(Add(own, layer.call.step(Slice(bias, (half,), (2 * half,), (1,)))))


def _initial(layer: Layer, index: int) -> list[Value]:
    """The states before the first step, [N, H] each; zeros where the file gives none."""
    return [_initial_state(layer, place, index) for place in (5, 6)[: _STATES[layer.kind]]]


def _initial_state(layer: Layer, place: int, index: int) -> Value:
    call, shape = layer.call, (layer.x.shape[1], layer.units)
    if not call.has(place):
        check_made(shape[0] * shape[1])
        return call.param(np.zeros(shape), "zeros", layer.x.dtype)
    if not layer.batch_first:
        return _slice_of(layer, place, index)
    state = call.value(place)
    cut = Slice(state, (0, index, 0), (shape[0], index + 1, shape[1]), (1, 1, 1))
    return call.step(Reshape(call.step(cut), shape))


def _part(layer: Layer, place: int, index: int) -> Value | None:
    return _slice_of(layer, place, index) if layer.call.has(place) else None


def _slice_of(layer: Layer, place: int, index: int) -> Value:
    """Operand `place` of one direction: its slice of axis 0. A parameter's slice is a parameter."""
    call = layer.call
    item, directions = call.item(place), len(layer.directions)
    extents = item.shape if isinstance(item, Value) else item.type.shape
    if extents[:1] != (directions,):
        raise FrontendError(f"its operand {place} has shape {list(extents)}, needed {directions} x ...")
    if isinstance(item, Constant):
        kind = item.type.with_shape(item.type.shape[1:])
        return call.derived(replace(item, type=kind, load=lambda: item.load()[index]), f"operand{place}")
    shape, rest = item.shape, item.type.rank - 1
    if shape[0] > 1:
        item = call.step(Slice(item, (index, *(0,) * rest), (index + 1, *shape[1:]), (1,) * (rest + 1)))
    return call.step(Reshape(item, shape[1:]))


def _joined(layer: Layer, parts: Sequence[Value], output: int) -> Value:
    """The directions together on an axis of their own: before the batch, or with layout 1 before the units."""
    call = layer.call
    if not call.wants(output):
        return parts[0]
    if layer.batch_first and output == 0:
        parts = [call.step(Transpose(part, (1, 0, 2))) for part in parts]
    axis = parts[0].type.rank - (1 if layer.batch_first else 2)
    spread = [Reshape(part, (*part.shape[:axis], 1, *part.shape[axis:])) for part in parts]
    joined = spread[0] if len(spread) == 1 else Concat(tuple(call.step(op) for op in spread), axis)
    return call.emit_at(output, joined)
