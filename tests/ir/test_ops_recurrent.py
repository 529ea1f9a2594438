"""LSTM and GRU steps, scans of them, and layer norm against torch; a scan's text, verification and meaning."""

import numpy as np
import pytest
import torch

from gossamer.ir.build import GraphBuilder
from gossamer.ir.errors import IRError
from gossamer.ir.graph import Module
from gossamer.ir.ops import Add, GRUCell, LayerNorm, LSTMCell, Mul, Scan
from gossamer.ir.reference import evaluate, evaluate_op
from gossamer.ir.text import parse_module, print_module
from gossamer.ir.types import F32, I32, TensorType, Value
from gossamer.ir.verify import verify

STEPS, BATCH, FEATURES, UNITS = 5, 3, 4, 6


def of(name, *shape):
    return Value(name, TensorType(F32, shape))


def arrays(*shapes):
    rng = np.random.default_rng(1)
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def gates(tensor, order):
    """torch's blocks of rows in ONNX's order."""
    parts = tensor.detach().numpy().reshape(len(order), UNITS, -1).squeeze(-1) if tensor.ndim == 1 else None
    parts = tensor.detach().numpy().reshape(len(order), UNITS, *tensor.shape[1:]) if parts is None else parts
    return np.concatenate([parts[i] for i in order])


def lstm_weights(layer):
    order = (0, 3, 1, 2)  # torch: i f g o
    bias = gates(layer.bias_ih_l0, order) + gates(layer.bias_hh_l0, order)
    return gates(layer.weight_ih_l0, order), gates(layer.weight_hh_l0, order), bias


@pytest.mark.parametrize("made_before", [False, True])
def test_a_step_of_lstm_is_torch_s(made_before):
    cell = torch.nn.LSTM(FEATURES, UNITS)
    w, r, b = lstm_weights(cell)
    x, h, c = arrays((BATCH, FEATURES), (BATCH, UNITS), (BATCH, UNITS))
    wanted = cell(torch.tensor(x)[None], (torch.tensor(h)[None], torch.tensor(c)[None]))[1]
    state = (of("h", *h.shape), of("c", *c.shape))
    if made_before:
        op = LSTMCell(of("x", BATCH, 4 * UNITS), *state, None, of("r", *r.shape), of("b", *b.shape))
        found = evaluate_op(op, (x @ w.T, h, c, r, b))
    else:
        op = LSTMCell(of("x", *x.shape), *state, of("w", *w.shape), of("r", *r.shape), of("b", *b.shape))
        found = evaluate_op(op, (x, h, c, w, r, b))
    for array, tensor in zip(found, wanted):
        np.testing.assert_allclose(array, tensor.detach().numpy()[0], rtol=1e-4, atol=1e-5)


def test_peepholes_look_at_the_old_memory_and_the_output_gate_at_the_new():
    x, h, c, r, p = arrays((2, 12), (2, 3), (2, 3), (12, 3), (9,))
    op = LSTMCell(of("x", 2, 12), of("h", 2, 3), of("c", 2, 3), None, of("r", 12, 3), peephole=of("p", 9))
    i, o, f, g = np.split(x + h @ r.T, 4, axis=1)
    sigmoid = lambda v: 1 / (1 + np.exp(-v))  # noqa: E731
    memory = sigmoid(f + p[6:] * c) * c + sigmoid(i + p[:3] * c) * np.tanh(g)
    shown = sigmoid(o + p[3:6] * memory) * np.tanh(memory)
    for array, wanted in zip(evaluate_op(op, (x, h, c, r, p)), (shown, memory)):
        np.testing.assert_allclose(array, wanted, rtol=1e-4, atol=1e-5)


def test_a_step_of_gru_is_torch_s_where_the_reset_comes_after_the_product():
    cell = torch.nn.GRU(FEATURES, UNITS)
    order = (1, 0, 2)  # torch: r z n
    w, r = gates(cell.weight_ih_l0, order), gates(cell.weight_hh_l0, order)
    b, rb = gates(cell.bias_ih_l0, order), gates(cell.bias_hh_l0, order)
    x, h = arrays((BATCH, FEATURES), (BATCH, UNITS))
    wanted = cell(torch.tensor(x)[None], torch.tensor(h)[None])[1].detach().numpy()[0]
    values = (of("w", *w.shape), of("r", *r.shape), of("b", *b.shape), of("rb", *rb.shape))
    op = GRUCell(of("x", *x.shape), of("h", *h.shape), *values, linear_before_reset=True)
    np.testing.assert_allclose(evaluate_op(op, (x, h, w, r, b, rb))[0], wanted, rtol=1e-4, atol=1e-5)


def test_a_step_of_gru_by_its_formula_where_the_reset_comes_before_the_product():
    x, h, r, b, rb = arrays((2, 9), (2, 3), (9, 3), (9,), (9,))
    op = GRUCell(of("x", 2, 9), of("h", 2, 3), None, of("r", 9, 3), of("b", 9), of("rb", 9))
    a, sigmoid = x + b, lambda v: 1 / (1 + np.exp(-v))
    z = sigmoid(a[:, :3] + h @ r[:3].T + rb[:3])
    reset = sigmoid(a[:, 3:6] + h @ r[3:6].T + rb[3:6])
    wanted = (1 - z) * np.tanh(a[:, 6:] + (reset * h) @ r[6:].T + rb[6:]) + z * h
    np.testing.assert_allclose(evaluate_op(op, (x, h, r, b, rb))[0], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("axis", "affine"), [(-1, "both"), (1, "both"), (2, ""), (-1, "scale"), (-1, "bias")])
def test_layer_norm_is_torch_s(axis, affine):
    x, *own = arrays((2, 3, 4, 5), *[(2, 3, 4, 5)[axis:]] * 2)
    given = {name: array for name, array in zip(("scale", "bias"), own) if affine in ("both", name)}
    op = LayerNorm(of("x", *x.shape), **{n: of(n, *a.shape) for n, a in given.items()}, axis=axis)
    torch_s = {"scale": "weight", "bias": "bias"}
    wanted = torch.nn.functional.layer_norm(
        torch.tensor(x), x.shape[axis:], **{torch_s[n]: torch.tensor(a) for n, a in given.items()}
    )
    np.testing.assert_allclose(evaluate_op(op, (x, *given.values()))[0], wanted.numpy(), rtol=1e-4, atol=1e-5)


def running(reverse=False, steps=STEPS):
    """state = state * k + x[t]; gives every state."""
    body = GraphBuilder()
    state, x, k = (body.input(n, TensorType(F32, (2,))) for n in ("state", "x", "k"))
    new = body.add(Add(body.add(Mul(state, k)), x), "new")
    b = GraphBuilder()
    inputs = tuple(b.input(n, TensorType(F32, s)) for n, s in (("s", (2,)), ("xs", (steps, 2)), ("k", (2,))))
    op = Scan(inputs, body.finish((new, new)), states=1, scanned=1, steps=steps, reverse=reverse)
    return Module("scan", b.finish(b.add_all(op, ("last", "all"))))


@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_carries_its_state_and_stacks_its_results(reverse):
    module = verify(running(reverse))
    s, xs, k = arrays((2,), (STEPS, 2), (2,))
    state, every = s, np.zeros_like(xs)
    for t in reversed(range(STEPS)) if reverse else range(STEPS):
        state = every[t] = state * k + xs[t]
    found = evaluate(module, {"s": s, "xs": xs, "k": k})
    np.testing.assert_allclose(found["last"], state, rtol=1e-5)
    np.testing.assert_allclose(found["all"], every, rtol=1e-5)


def test_a_scan_of_no_steps_gives_its_state_back():
    s, k = arrays((2,), (2,))
    found = evaluate(running(steps=0), {"s": s, "xs": np.zeros((0, 2), np.float32), "k": k})
    np.testing.assert_array_equal(found["last"], s)
    assert found["all"].shape == (0, 2)


def test_a_scan_is_printed_and_read():
    module = running(reverse=True)
    text = print_module(module)
    assert "ir.scan %s, %xs, %k states=1 scanned=1 steps=5 reverse=true {" in text
    assert parse_module(text) == module


def swapped(**changes):
    op = running().graph.nodes[0].op
    return Scan(**{**{f: getattr(op, f) for f in ("inputs", "body", "states", "scanned", "steps")}, **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": 4}, "needed 4 slices on axis 0 to scan"),
        ({"states": -1}, "needed >= 0"),
        ({"scanned": 0}, "a step sees input 1 as f32.5, 2., the body's %x needs f32.2."),
        ({"inputs": (of("s", 2), of("xs", 5, 2))}, "there are 2 inputs, the body needs 3"),
        ({"states": 3, "scanned": 2}, "there are 3 inputs, needed at least 3 states and 2 scanned"),
    ],
)
def test_a_scan_that_does_not_fit_its_body_is_refused(changes, said):
    with pytest.raises(IRError, match=said):
        swapped(**changes).infer()


def test_a_state_that_changes_its_type_is_refused():
    body = GraphBuilder()
    state = body.input("state", TensorType(F32, (2,)))
    grown = body.add(Add(state, body.input("x", TensorType(F32, (3, 1)))))
    op = Scan((of("s", 2), of("x", 3, 1)), body.finish((grown,)), states=1, scanned=0, steps=2)
    with pytest.raises(IRError, match=r"the state f32\[2\] becomes f32\[3, 2\], needed one type for all steps"):
        op.infer()


@pytest.mark.parametrize(
    ("op", "said"),
    [
        (LSTMCell(of("x", 2, 4), of("h", 2, 3), of("c", 2, 4), None, of("r", 12, 3)), r"c has shape \(2, 4\), needed"),
        (LSTMCell(of("x", 2, 4), of("h", 2, 3), of("c", 2, 3), None, of("r", 12, 3)), "x has 4 columns and no weight"),
        (LSTMCell(of("x", 2, 12), of("h", 2, 3), of("c", 2, 3), None, of("r", 9, 3)), r"needed \(12, 3\): 4 gates"),
        (GRUCell(of("x", 2, 4), of("h", 1, 3), of("w", 9, 4), of("r", 9, 3)), "h has a batch of 1, needed 2"),
        (GRUCell(of("x", 2, 4), of("h", 2, 3), of("w", 9, 5), of("r", 9, 3)), r"weight has shape .* needed \(9, 4\)"),
        (GRUCell(of("x", 2, 9), of("h", 2, 3), None, of("r", 9, 3), of("b", 8)), r"bias has shape .*needed \(9,\)"),
        (LayerNorm(of("x", 2, 4), of("s", 3)), r"scale has shape \(3,\), needed \(4,\)"),
        (LayerNorm(Value("x", TensorType(I32, (2, 4)))), "x is i32, needed a float type"),
        (LayerNorm(of("x", 2, 4), axis=2), "axis is 2"),
    ],
)
def test_misfits_are_named(op, said):
    with pytest.raises(IRError, match=said):
        op.infer()
