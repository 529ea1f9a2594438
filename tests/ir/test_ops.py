"""What every op computes, against torch or plain numpy; and that no op is left out."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gossamer.ir import ops
from gossamer.ir.build import GraphBuilder
from gossamer.ir.inline import inline_pointwise
from gossamer.ir.op import Op, op_class, op_names
from gossamer.ir.reference import evaluate_op
from gossamer.ir.reference_nest import evaluate_kernel
from gossamer.ir.types import DType, TensorType, Value

from .op_cases import RNG, case, normal, positive, values_of
from .op_cases_choice import CHOICE

X = normal(2, 6, 5, 7)
ROW = normal(3, 8)

ACTIVATIONS = [
    case("relu", [X], ops.Relu, F.relu),
    case("relu_int", [RNG.integers(-9, 9, (4, 5)).astype(np.int32)], ops.Relu, F.relu),
    case("clip", [3 * X], lambda x: ops.Clip(x, 0.0, 6.0), F.relu6),
    case("clip_negative", [X], lambda x: ops.Clip(x, -0.5, 0.25), lambda x: x.clamp(-0.5, 0.25)),
    case("clip_i32", [np.arange(-9, 9, dtype=np.int32)], lambda x: ops.Clip(x, -np.inf, 3.0), lambda x: x.clamp(max=3)),
    case("clip_i64", [np.arange(-9, 9)], lambda x: ops.Clip(x, 2.0, 1e30), lambda x: x.clamp(min=2)),
    case("sigmoid", [30 * X], ops.Sigmoid, torch.sigmoid),
    case("tanh", [X], ops.Tanh, torch.tanh),
    case("hard_sigmoid", [4 * X], ops.HardSigmoid, F.hardsigmoid),
    case("hard_sigmoid_onnx", [4 * X], lambda x: ops.HardSigmoid(x, 0.2), lambda x: (0.2 * x + 0.5).clamp(0, 1)),
    case("hard_swish", [4 * X], ops.HardSwish, F.hardswish),
    case("silu", [X], ops.Silu, F.silu),
    case("leaky_relu", [X], lambda x: ops.LeakyRelu(x, 0.2), lambda x: F.leaky_relu(x, 0.2)),
    case("gelu", [X], ops.Gelu, F.gelu),
    case("gelu_tanh", [X], lambda x: ops.Gelu(x, True), lambda x: F.gelu(x, approximate="tanh")),
    case("elu", [100 * X], lambda x: ops.Elu(x, 0.7), lambda x: F.elu(x, 0.7)),
]

BROADCAST = [normal(2, 6, 5, 7), normal(6, 1, 1)]
WHOLE = [RNG.integers(-50, 50, (4, 3)).astype(np.int32), RNG.integers(1, 9, (3,)).astype(np.int32)]
MATH = [
    case("add", BROADCAST, ops.Add, torch.add),
    case("add_both_sides", [normal(2, 1, 3), normal(4, 1)], ops.Add, torch.add),
    case("add_scalar", [X, normal()], ops.Add, torch.add),
    case("sub", BROADCAST[::-1], ops.Sub, torch.sub),
    case("mul", BROADCAST, ops.Mul, torch.mul),
    case("mul_int", WHOLE, ops.Mul, torch.mul),
    case("div", [X, positive(2, 6, 5, 7)], ops.Div, torch.div),
    case("div_int", WHOLE, ops.Div, lambda x, y: torch.div(x, y, rounding_mode="trunc")),
    case("maximum", BROADCAST, ops.Maximum, torch.maximum),
    case("minimum", BROADCAST, ops.Minimum, torch.minimum),
    case("pow", [positive(3, 4), normal(3, 4)], ops.Pow, torch.pow),
    case("neg", [X], ops.Neg, torch.neg),
    case("abs", [X], ops.Abs, torch.abs),
    case("exp", [X], ops.Exp, torch.exp),
    case("log", [positive(3, 4)], ops.Log, torch.log),
    case("sqrt", [positive(3, 4)], ops.Sqrt, torch.sqrt),
    case("erf", [X], ops.Erf, torch.erf),
    case("floor", [9 * X], ops.Floor, torch.floor),
    case("ceil", [9 * X], ops.Ceil, torch.ceil),
    case("round", [np.arange(-3, 3, 0.5, dtype=np.float32)], ops.Round, torch.round),
    case("sign", [np.array([-2.0, 0.0, 3.0], np.float32)], ops.Sign, torch.sign),
    case("mean", [X], lambda x: ops.ReduceMean(x, (2, 3)), lambda x: x.mean((2, 3), keepdim=True)),
    case("mean_dropped", [X], lambda x: ops.ReduceMean(x, (-1, 1), False), lambda x: x.mean((1, 3))),
    case("sum", [ROW], lambda x: ops.ReduceSum(x, (0,), False), lambda x: x.sum(0)),
    case("sum_all", [X], lambda x: ops.ReduceSum(x, (), False), lambda x: x.sum(), 1e-4),
    case("max", [X], lambda x: ops.ReduceMax(x, (1,)), lambda x: x.amax(1, keepdim=True)),
    case("min", [X], lambda x: ops.ReduceMin(x, (0, 3), False), lambda x: x.amin((0, 3))),
    case("softmax", [50 * X], lambda x: ops.Softmax(x, 1), lambda x: x.softmax(1)),
    case("softmax_row", [ROW], ops.Softmax, lambda x: x.softmax(-1)),
]

SHUFFLED = normal(2, 12, 3, 4)
TENSOR = [
    case("reshape_merge", [X], lambda x: ops.Reshape(x, (2, 210)), lambda x: x.reshape(2, 210)),
    case("reshape_split", [X], lambda x: ops.Reshape(x, (2, 2, 3, 5, 7)), lambda x: x.reshape(2, 2, 3, 5, 7)),
    case("reshape_across", [normal(4, 6)], lambda x: ops.Reshape(x, (3, 8)), lambda x: x.reshape(3, 8)),
    case("reshape_rotate", [normal(2, 3, 4)], lambda x: ops.Reshape(x, (4, 3, 2)), lambda x: x.reshape(4, 3, 2)),
    case("reshape_ones", [normal(1, 6, 1, 1)], lambda x: ops.Reshape(x, (1, 6)), lambda x: x.reshape(1, 6)),
    case("reshape_scalar", [normal(1, 1)], lambda x: ops.Reshape(x, ()), lambda x: x.reshape(())),
    case("reshape_empty", [normal(0, 3)], lambda x: ops.Reshape(x, (3, 0)), lambda x: x.reshape(3, 0)),
    case("transpose", [X], lambda x: ops.Transpose(x, (2, 0, 3, 1)), lambda x: x.permute(2, 0, 3, 1)),
    case(
        "concat",
        [normal(2, 3, 4), normal(2, 1, 4), normal(2, 5, 4)],
        lambda *v: ops.Concat(v, 1),
        lambda *t: torch.cat(t, 1),
    ),
    case("concat_last", [normal(2, 3), normal(2, 4)], lambda *v: ops.Concat(v, -1), lambda *t: torch.cat(t, -1)),
    case("concat_empty", [normal(2, 0), normal(2, 4)], lambda *v: ops.Concat(v, 1), lambda *t: torch.cat(t, 1)),
    case("concat_one", [ROW], lambda *v: ops.Concat(v, 0), lambda x: x),
    case("slice", [X], lambda x: ops.Slice(x, (0, 1, 0, 2), (2, 6, 5, 7), (1, 2, 3, 1)), lambda x: x[:, 1::2, ::3, 2:]),
    case("slice_reversed", [ROW], lambda x: ops.Slice(x, (2, 6), (-1, 1), (-1, -2)), lambda x: x.flip(0)[:, [6, 4, 2]]),
    case("split", [X], lambda x: ops.Split(x, (1, 2, 3), 1), lambda x: x.split((1, 2, 3), 1)),
    case("pad", [ROW], lambda x: ops.Pad(x, ((1, 0), (2, 3)), 1.5), lambda x: F.pad(x, (2, 3, 1, 0), value=1.5)),
    case("pad_crop", [ROW], lambda x: ops.Pad(x, ((-1, 1), (2, -3))), lambda x: F.pad(x, (2, -3, -1, 1))),
    case("shuffle", [SHUFFLED], lambda x: ops.ChannelShuffle(x, 3), lambda x: F.channel_shuffle(x, 3)),
    case("shuffle_1", [SHUFFLED], lambda x: ops.ChannelShuffle(x, 12), lambda x: F.channel_shuffle(x, 12)),
]

NN = [
    case("conv", [normal(2, 3, 9, 8), normal(4, 3, 3, 3), normal(4)], ops.Conv2d, F.conv2d),
    case("gemm", [normal(4, 6), normal(6, 3), normal(3)], ops.Gemm, lambda a, b, c: a @ b + c),
    case("gemm_t", [normal(4, 6), normal(3, 6)], lambda a, b: ops.Gemm(a, b, None, True), lambda a, b: a @ b.T),
    case("matmul", [normal(4, 6), normal(6, 3)], ops.MatMul, torch.matmul),
    case("matmul_batch", [normal(5, 1, 4, 6), normal(2, 6, 3)], ops.MatMul, torch.matmul),
    case("matmul_square", [normal(1, 4, 4), normal(1, 4, 4)], ops.MatMul, torch.matmul),
    case(
        "batch_norm",
        [X, normal(6), normal(6), normal(6), positive(6)],
        lambda *v: ops.BatchNorm(*v, epsilon=1e-3),
        lambda x, s, b, m, v: F.batch_norm(x, m, v, s, b, eps=1e-3),
    ),
    case("max_pool", [X], lambda x: ops.MaxPool2d(x, (3, 2), (2, 2)), lambda x: F.max_pool2d(x, (3, 2), 2)),
    case("avg_pool", [X], lambda x: ops.AvgPool2d(x, (3, 2), (2, 2)), lambda x: F.avg_pool2d(x, (3, 2), 2)),
    case("cast_int", [9 * X], lambda x: ops.Cast(x, TensorType(DType("i", 8), x.shape)), lambda x: x.to(torch.int8)),
    case("cast_half", [X], lambda x: ops.Cast(x, TensorType(DType("f", 16), x.shape)), lambda x: x.half()),
    case("view", [X.astype(np.int8)], lambda x: ops.View(x, TensorType(DType("i", 8), x.shape)), lambda x: x),
    case(
        "cast_bool", [np.float32([0, 2])], lambda x: ops.Cast(x, TensorType(DType("bool", 1), (2,))), lambda x: x.bool()
    ),
    case(
        "cast_bf16",
        [X],
        lambda x: ops.Cast(x, TensorType(DType("bf", 16), x.shape)),
        lambda x: x.bfloat16().float(),
    ),
]
CASES = [*ACTIVATIONS, *MATH, *TENSOR, *NN, *CHOICE]


def fused(x: Value, y: Value) -> ops.Fused:
    body = GraphBuilder()
    a, b = body.input("a", x.type), body.input("b", y.type)
    total = body.add(ops.Add(a, b))
    return ops.Fused((x, y), body.finish((body.add(ops.Relu(total)), total)))


CASES.append(case("fused", BROADCAST, fused, lambda x, y: ((x + y).relu(), x + y)))


@pytest.mark.parametrize("item", CASES, ids=lambda c: c.name)
def test_an_op_computes_what_torch_computes(item):
    op = item.make(*values_of(item.arrays))
    expected = item.want(*(torch.tensor(a) for a in item.arrays))
    expected = expected if isinstance(expected, tuple) else (expected,)
    results = evaluate_op(op, item.arrays)
    for kind, result, wanted in zip(op.infer(), results, expected, strict=True):
        assert (result.shape, result.dtype) == (kind.shape, kind.dtype.numpy)
        np.testing.assert_allclose(result, wanted.numpy(), rtol=item.tolerance, atol=item.tolerance)


@pytest.mark.parametrize("item", CASES, ids=lambda c: c.name)
def test_inlining_does_not_change_a_result(item):
    op = item.make(*values_of(item.arrays))
    kernel = inline_pointwise(op.kernel(), [v.shape for v in op.operands])
    for result, wanted in zip(evaluate_kernel(kernel, item.arrays), evaluate_op(op, item.arrays), strict=True):
        np.testing.assert_array_equal(result, wanted)


@pytest.mark.parametrize("item", CASES, ids=lambda c: c.name)
def test_exact_evaluation_is_close(item):
    op = item.make(*values_of(item.arrays))
    for result, wanted in zip(evaluate_op(op, item.arrays, exact=True), evaluate_op(op, item.arrays), strict=True):
        np.testing.assert_allclose(result, wanted, rtol=1e-4, atol=1e-4)


ELSEWHERE = {
    "ir.param": "test_reference.py", "ir.scan": "test_ops_recurrent.py", "nn.conv3d": "test_ops_transposed.py",
    "nn.conv_transpose": "test_ops_transposed.py", "nn.gru_cell": "test_ops_recurrent.py",
    "nn.layer_norm": "test_ops_recurrent.py", "nn.lstm_cell": "test_ops_recurrent.py",
    "nn.resize": "test_ops_resize.py",
}  # fmt: skip
"""Ops that have a file of tests of their own."""


def test_every_op_that_ships_has_a_case():
    covered = {type(item.make(*values_of(item.arrays))).name for item in CASES} | set(ELSEWHERE)
    built_in = {n for n in op_names() if n.partition(".")[0] in ("ir", "nn", "math", "tensor", "quant")}
    assert built_in == covered


def test_ops_tested_elsewhere_are():
    for name, file in ELSEWHERE.items():
        assert f"{op_class(name).__name__}(" in (Path(__file__).parent / file).read_text(), name


def test_every_op_is_exported_and_documented():
    classes = [getattr(ops, name) for name in ops.__all__]
    assert all(issubclass(c, Op) and c.__doc__ for c in classes)
    assert len({c.name for c in classes}) == len(classes)
