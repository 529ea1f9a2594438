"""One step of recurrent networks; `ir.scan` repeats it over a sequence.

n batch, I features of x, H of the state; weights have one block of H rows per gate, in ONNX's order. A step whose
`weight` is left out takes x as the product already made: the products of all steps are then one gemm before the scan.
"""

from dataclasses import dataclass

from gossamer.ir.errors import IRError
from gossamer.ir.nest import Acc, Axis, Const, Expr, Kernel, Load, Nest, apply, at
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import need_float, need_rank, need_same_dtype, need_vector
from gossamer.ir.ops.nests import compute_type
from gossamer.ir.types import DType, TensorType, Value


@dataclass(frozen=True)
class LSTMCell(Op, name="nn.lstm_cell"):
    """One step of a long short-term memory (Hochreiter & Schmidhuber 1997, with forget gate): gives (h', c').

    a = x @ weight.T + h @ recurrence.T + bias, cut into four blocks of H columns i, o, f, g:
        c' = sigmoid(f + Pf*c) * c + sigmoid(i + Pi*c) * tanh(g)        h' = sigmoid(o + Po*c') * tanh(c')
    x [N, I], or [N, 4H], the product x @ weight.T itself, where weight is left out; h, c [N, H], weight [4H, I],
    recurrence [4H, H], bias [4H] (the sum of ONNX's two), peephole [3H] = (Pi, Po, Pf), 0 where left out.
    """

    x: Value
    h: Value
    c: Value
    weight: Value | None
    recurrence: Value
    bias: Value | None = None
    peephole: Value | None = None

    def infer(self) -> tuple[TensorType, ...]:
        _check_state("h", self.h, self.x)
        if self.c.shape != self.h.shape:
            raise IRError(f"c has shape {self.c.shape}, needed {self.h.shape}, that of h")
        _check_weights(self.x, self.weight, self.recurrence, self.h.shape[1], gates=4)
        for name, value, rows in (("bias", self.bias, 4), ("peephole", self.peephole, 3)):
            if value is not None:
                need_vector(name, value, rows * self.h.shape[1], f"row of {rows} gates")
        need_same_dtype("the operands", *self.operands)
        return (self.h.type, self.c.type)

    def kernel(self) -> Kernel:
        """Stages: products of x, products of h and the sum, c', h'."""
        (n, units), gates = self.h.shape, _Gates(self)
        inputs = gates.inputs(4)
        total = gates.recurrent(4, inputs, self.bias)
        axes, dtype = (Axis("n", n), Axis("oc", units)), self.h.dtype

        def gate(block: int) -> Expr:
            return Load(total, (at("n"), at("oc") + block * units))

        def peep(value: Expr, block: int, memory: Expr) -> Expr:
            if self.peephole is None:
                return value
            weight = Load(gates.place(self.peephole), (at("oc") + block * units,))
            return apply("add", value, apply("mul", weight, memory))

        old = Load(2, (at("n"), at("oc")))
        kept = apply("mul", apply("sigmoid", peep(gate(2), 2, old)), old)
        added = apply("mul", apply("sigmoid", peep(gate(0), 0, old)), apply("tanh", gate(3)))
        memory = gates.stage(Nest(axes, apply("add", kept, added), gates.kind, dtype))
        new = Load(memory, (at("n"), at("oc")))
        shown = apply("mul", apply("sigmoid", peep(gate(1), 1, new)), apply("tanh", new))
        return gates.kernel(gates.stage(Nest(axes, shown, gates.kind, dtype)), memory)


@dataclass(frozen=True)
class GRUCell(Op, name="nn.gru_cell"):
    """One step of a gated recurrent unit (Cho et al. 2014): gives h'.

    a = x @ weight.T + bias and b = h @ recurrence.T + recurrence_bias, cut into three blocks of H columns z, r, g:
        z = sigmoid(az + bz)      r = sigmoid(ar + br)      h' = (1 - z) * g + z * h
        g = tanh(ag + r * bg) with `linear_before_reset`, else tanh(ag + (r * h) @ recurrence_g.T + recurrence_bias_g)
    x [N, I], or [N, 3H], the product x @ weight.T itself, where weight is left out; h [N, H], weight [3H, I],
    recurrence [3H, H], bias and recurrence_bias [3H].
    """

    x: Value
    h: Value
    weight: Value | None
    recurrence: Value
    bias: Value | None = None
    recurrence_bias: Value | None = None
    linear_before_reset: bool = False

    def infer(self) -> tuple[TensorType, ...]:
        _check_state("h", self.h, self.x)
        _check_weights(self.x, self.weight, self.recurrence, self.h.shape[1], gates=3)
        for name, value in (("bias", self.bias), ("recurrence_bias", self.recurrence_bias)):
            if value is not None:
                need_vector(name, value, 3 * self.h.shape[1], "row of 3 gates")
        need_same_dtype("the operands", *self.operands)
        return (self.h.type,)

    def kernel(self) -> Kernel:
        """Stages: products of x; products of h (of all gates, or of z and r, then of r*h); h'."""
        (n, units), gates = self.h.shape, _Gates(self)
        here, axes = (at("n"), at("oc")), (Axis("n", n), Axis("oc", units))
        inputs = gates.biased(gates.inputs(3), self.bias, 3)
        own = gates.recurrent(3 if self.linear_before_reset else 2, None, self.recurrence_bias)

        def gate(block: int) -> Expr:
            place = (at("n"), at("oc") + block * units)
            return apply("sigmoid", apply("add", Load(inputs, place), Load(own, place)))

        old = Load(1, here)
        if self.linear_before_reset:
            fresh: Expr = apply("mul", gate(1), Load(own, (at("n"), at("oc") + 2 * units)))
        else:
            reset = gates.stage(Nest(axes, apply("mul", gate(1), old), gates.kind, self.h.dtype))
            fresh = Load(gates.product(reset, self.recurrence, units, 2 * units, None, self.recurrence_bias), here)
        candidate = apply("tanh", apply("add", Load(inputs, (at("n"), at("oc") + 2 * units)), fresh))
        update = gates.stage(Nest(axes, gate(0), gates.kind, gates.kind))
        z = Load(update, here)
        mixed = apply("add", apply("mul", apply("sub", Const(1.0), z), candidate), apply("mul", z, old))
        return gates.kernel(gates.stage(Nest(axes, mixed, gates.kind, self.h.dtype)))


class _Gates:
    """The stages of a cell as they are made; a stage is called by the slot that loads read it from."""

    def __init__(self, cell: LSTMCell | GRUCell) -> None:
        self.cell = cell
        self.kind: DType = compute_type(cell.h.dtype)
        self.stages: list[Nest] = []

    def place(self, value: Value) -> int:
        """An operand's slot."""
        return self.cell.operands.index(value)

    def stage(self, nest: Nest) -> int:
        self.stages.append(nest)
        return len(self.cell.operands) + len(self.stages) - 1

    def kernel(self, *results: int) -> Kernel:
        count = len(self.cell.operands)
        return Kernel(count, tuple(self.stages), tuple(slot - count for slot in results))

    def inputs(self, gates: int) -> int:
        """x @ weight.T, or x where that is what is given."""
        weight, rows = self.cell.weight, gates * self.cell.h.shape[1]
        return 0 if weight is None else self.product(0, weight, rows, 0, None, None)

    def recurrent(self, gates: int, more: int | None, bias: Value | None) -> int:
        """h @ recurrence.T of the first `gates` gates, plus what stage or operand `more` holds, plus the bias."""
        return self.product(1, self.cell.recurrence, gates * self.cell.h.shape[1], 0, more, bias)

    def product(self, left: int, weight: Value, rows: int, first: int, more: int | None, bias: Value | None) -> int:
        """left @ weight[first : first + rows].T, plus `more` and bias[first : first + rows]."""
        axes = (Axis("n", self.cell.h.shape[0]), Axis("oc", rows), Axis("ic", weight.shape[1], reduce=True))
        body = apply("mul", Load(left, (at("n"), at("ic"))), Load(self.place(weight), (at("oc") + first, at("ic"))))
        epilogue: Expr = Acc()
        if more is not None:
            epilogue = apply("add", epilogue, Load(more, (at("n"), at("oc"))))
        if bias is not None:
            epilogue = apply("add", epilogue, Load(self.place(bias), (at("oc") + first,)))
        return self.stage(Nest(axes, body, self.kind, self.kind, "sum", None if epilogue == Acc() else epilogue))

    def biased(self, slot: int, bias: Value | None, gates: int) -> int:
        """What the slot holds plus the bias."""
        if bias is None:
            return slot
        axes = (Axis("n", self.cell.h.shape[0]), Axis("oc", gates * self.cell.h.shape[1]))
        total = apply("add", Load(slot, (at("n"), at("oc"))), Load(self.place(bias), (at("oc"),)))
        return self.stage(Nest(axes, total, self.kind, self.kind))


def _check_state(name: str, state: Value, x: Value) -> None:
    need_float("x", x)
    need_rank("x", x, 2, "N, I")
    need_rank(name, state, 2, "N, H")
    if state.shape[0] != x.shape[0]:
        raise IRError(f"{name} has a batch of {state.shape[0]}, needed {x.shape[0]}, that of x")
    if state.shape[1] < 1:
        raise IRError(f"{name} has shape {state.shape}, needed at least one unit")


def _check_weights(x: Value, weight: Value | None, recurrence: Value, units: int, gates: int) -> None:
    rows = gates * units
    if recurrence.shape != (rows, units):
        raise IRError(f"recurrence has shape {recurrence.shape}, needed {(rows, units)}: {gates} gates of {units}")
    if weight is None and x.shape[1] != rows:
        raise IRError(f"x has {x.shape[1]} columns and no weight, needed {rows}: the products of {gates} gates")
    if weight is not None and weight.shape != (rows, x.shape[1]):
        raise IRError(f"weight has shape {weight.shape}, needed {(rows, x.shape[1])}: {gates} gates of {units}")
