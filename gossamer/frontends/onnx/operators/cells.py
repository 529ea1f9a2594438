"""One step of each recurrent layer, written into the body of its scan.

The IR's own cells do the common forms; plain ops do the others (clipping, other activation functions, coupled gates).
Every step gets the product of its input with the weights, Wb (and for LSTM and RNN Rb) added.
"""

from dataclasses import dataclass

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.operators.steps import Steps
from gossamer.frontends.problems import Unsupported
from gossamer.ir.errors import FrontendError
from gossamer.ir.op import Op
from gossamer.ir.ops import (
    Abs,
    Add,
    Clip,
    Div,
    Elu,
    Exp,
    Gemm,
    GRUCell,
    HardSigmoid,
    LeakyRelu,
    Less,
    Log,
    LSTMCell,
    Mul,
    Relu,
    Sigmoid,
    Slice,
    Split,
    Sub,
    Tanh,
    Where,
)
from gossamer.ir.types import Value

_DEFAULTS = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh"), "RNN": ("Tanh",)}
# The numbers that a function takes where the file gives none, as many as it has.
_NUMBERS: dict[str, tuple[float, ...]] = {
    "Affine": (1.0, 0.0), "LeakyRelu": (0.01,), "ThresholdedRelu": (1.0,), "ScaledTanh": (1.0, 1.0),
    "HardSigmoid": (0.2, 0.5), "Elu": (1.0,), "Relu": (), "Tanh": (), "Sigmoid": (), "Softsign": (), "Softplus": (),
}  # fmt: skip


@dataclass(frozen=True)
class Function:
    """An activation function with its alpha and beta, as far as it has any."""

    name: str
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True)
class Functions:
    """The activation functions of one direction (f, g, h), and the clip of what they are given; 0 for none."""

    each: tuple[Function, ...]
    clip: float

    @staticmethod
    def of(call: Call, direction: int) -> "Functions":
        defaults = _DEFAULTS[call.node.op_type]
        given = call.attribute("activations")
        names = [s.decode("utf-8", "replace") for s in given.strings] if given is not None else []
        count = len(defaults)
        if names and len(names) < (direction + 1) * count:
            raise FrontendError(f"its activations {names} are malformed: {count} for each direction are needed")
        every = _numbered(call, names) if names else [Function(name) for name in defaults] * (direction + 1)
        return Functions(tuple(every[direction * count : (direction + 1) * count]), call.attr_float("clip", 0.0))

    def plain(self, kind: str) -> bool:
        """Are these the functions that the IR's cell has?"""
        return not self.clip and self.each == tuple(Function(name) for name in _DEFAULTS[kind])

    def apply(self, steps: Steps, index: int, x: Value) -> Value:
        """Function `index` of x, clipped first."""
        clipped = steps.add(Clip(x, -self.clip, self.clip)) if self.clip else x
        return steps.add(_function(steps, self.each[index], clipped))


def lstm_step(
    steps: Steps, call: Call, functions: Functions, recurrence: Value, bias: Value | None, peephole: Value | None
) -> list[Value]:
    """The new h and c; the bias is in the products already."""
    (h, c), x = steps.states, steps.slices[0]
    weight, pull = steps.fixed(recurrence), steps.fixed(peephole) if peephole else None
    coupled = bool(call.attr_int("input_forget", 0))
    if functions.plain("LSTM") and not coupled:
        return list(steps.add_all(LSTMCell(x, h, c, None, weight, None, pull)))
    total = steps.add(Add(x, steps.add(Gemm(h, weight, None, transpose_b=True))))
    i, o, f, g = steps.add_all(Split(total, (h.shape[1],) * 4, 1))
    entry = functions.apply(steps, 0, _peeped(steps, i, pull, 0, c))
    if coupled:
        forget = steps.add(Sub(steps.number(1.0, entry), entry))
    else:
        forget = functions.apply(steps, 0, _peeped(steps, f, pull, 2, c))
    added = steps.add(Mul(entry, functions.apply(steps, 1, g)))
    memory = steps.add(Add(steps.add(Mul(forget, c)), added))
    shown = steps.add(_function(steps, functions.each[2], memory))
    return [steps.add(Mul(functions.apply(steps, 0, _peeped(steps, o, pull, 1, memory)), shown)), memory]


def gru_step(
    steps: Steps, call: Call, functions: Functions, recurrence: Value, bias: Value | None, _: None = None
) -> list[Value]:
    """The new h; of the bias only Rb is still to be added."""
    h, x, linear = steps.states[0], steps.slices[0], bool(call.attr_int("linear_before_reset", 0))
    units = h.shape[1]
    weight = steps.fixed(recurrence)
    own = steps.add(Slice(steps.fixed(bias), (3 * units,), (6 * units,), (1,))) if bias else None
    if functions.plain("GRU"):
        return [steps.add(GRUCell(x, h, None, weight, None, own, linear))]
    z, r, g = steps.add_all(Split(x, (units,) * 3, 1))
    bz, br, bg = steps.add_all(Split(steps.add(Gemm(h, weight, own, transpose_b=True)), (units,) * 3, 1))
    update = functions.apply(steps, 0, steps.add(Add(z, bz)))
    reset = functions.apply(steps, 0, steps.add(Add(r, br)))
    if linear:
        fresh = steps.add(Mul(reset, bg))
    else:
        last = steps.add(Slice(weight, (2 * units, 0), (3 * units, units), (1, 1)))
        tail = steps.add(Slice(own, (2 * units,), (3 * units,), (1,))) if own else None
        fresh = steps.add(Gemm(steps.add(Mul(reset, h)), last, tail, transpose_b=True))
    candidate = functions.apply(steps, 1, steps.add(Add(g, fresh)))
    new = steps.add(Mul(steps.add(Sub(steps.number(1.0, update), update)), candidate))
    return [steps.add(Add(new, steps.add(Mul(update, h))))]


def rnn_step(
    steps: Steps, call: Call, functions: Functions, recurrence: Value, bias: Value | None, _: None = None
) -> list[Value]:
    """h' = f(x + h @ R.T); the bias is in the products already."""
    product = steps.add(Gemm(steps.states[0], steps.fixed(recurrence), None, transpose_b=True))
    return [functions.apply(steps, 0, steps.add(Add(steps.slices[0], product)))]


def _peeped(steps: Steps, gate: Value, peephole: Value | None, block: int, memory: Value) -> Value:
    """The gate's sum plus its own look at the memory."""
    if peephole is None:
        return gate
    units = memory.shape[1]
    own = steps.add(Slice(peephole, (block * units,), ((block + 1) * units,), (1,)))
    return steps.add(Add(gate, steps.add(Mul(own, memory))))


def _numbered(call: Call, names: list[str]) -> list[Function]:
    """Functions with their numbers, which the two lists hold for those alone that take any, in order."""
    lists = [_floats(call, "activation_alpha"), _floats(call, "activation_beta")]
    found: list[Function] = []
    for name in names:
        known = next((k for k in _NUMBERS if k.lower() == name.lower()), None)
        if known is None:
            raise Unsupported(f"its activation function '{name}' is not supported")
        numbers = (lists[i].pop(0) if lists[i] else default for i, default in enumerate(_NUMBERS[known]))
        found.append(Function(known, tuple(numbers)))
    return found


def _floats(call: Call, name: str) -> list[float]:
    found = call.attribute(name)
    return list(found.floats) if found is not None else []


def _softplus(steps: Steps, x: Value) -> Op:
    """max(x, 0) + log(1 + exp(-|x|)), which does not overflow."""
    small = steps.add(Exp(steps.add(Mul(steps.number(-1.0, x), steps.add(Abs(x))))))
    return Add(steps.add(Relu(x)), steps.add(Log(steps.add(Add(steps.number(1.0, x), small)))))


def _function(steps: Steps, function: Function, x: Value) -> Op:
    numbers = function.numbers
    match function.name:
        case "Sigmoid":
            return Sigmoid(x)
        case "Tanh":
            return Tanh(x)
        case "Relu":
            return Relu(x)
        case "LeakyRelu":
            return LeakyRelu(x, numbers[0])
        case "Elu":
            return Elu(x, numbers[0])
        case "HardSigmoid":
            return HardSigmoid(x, *numbers)
        case "Softsign":
            return Div(x, steps.add(Add(steps.number(1.0, x), steps.add(Abs(x)))))
        case "Softplus":
            return _softplus(steps, x)
        case "ThresholdedRelu":
            above = steps.add(Less(steps.number(numbers[0], x), x))
            return Where(above, x, steps.number(0.0, x))
        case "Affine":
            return Add(steps.add(Mul(steps.number(numbers[0], x), x)), steps.number(numbers[1], x))
        case _:  # ScaledTanh
            return Mul(steps.number(numbers[0], x), steps.add(Tanh(steps.add(Mul(steps.number(numbers[1], x), x)))))
