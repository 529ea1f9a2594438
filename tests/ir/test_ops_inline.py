"""Fused bodies: the kernels in a row mean the same as one by one, and the pointwise stages melt."""

import numpy as np
import pytest

from gossamer.ir.build import GraphBuilder
from gossamer.ir.index import bounds, substitute_index
from gossamer.ir.inline import inline_pointwise
from gossamer.ir.nest import Affine, Div, Load, Mod, Sum, at, parts
from gossamer.ir.ops import (
    Add,
    Cast,
    Concat,
    Conv2d,
    Exp,
    Fused,
    Gemm,
    MaxPool2d,
    Mul,
    Pad,
    ReduceMean,
    Relu,
    Reshape,
    Sigmoid,
    Silu,
    Slice,
    Softmax,
    Transpose,
)
from gossamer.ir.reference import evaluate_op
from gossamer.ir.reference_nest import evaluate_kernel
from gossamer.ir.types import F32, I8, U8, DType, Quant, TensorType

RNG = np.random.default_rng(11)
IMAGE, WEIGHT = (2, 4, 6, 6), (4, 4, 3, 3)
Q = Quant((0.1,), (7,))


def random(kind: TensorType) -> np.ndarray:
    if kind.dtype.integer:
        return RNG.integers(max(kind.dtype.low, -99), min(kind.dtype.high, 99), kind.shape).astype(kind.dtype.numpy)
    return RNG.standard_normal(kind.shape).astype(np.float32)


def fuse(build, *kinds):
    """A Fused op from a function of body values (and the builder's add), with random operands."""
    body, outer = GraphBuilder(), GraphBuilder()
    inner = [body.input(f"b{i}", kind) for i, kind in enumerate(kinds)]
    results = build(body.add, *inner)
    results = results if isinstance(results, tuple) else (results,)
    op = Fused(tuple(outer.input(f"x{i}", kind) for i, kind in enumerate(kinds)), body.finish(results))
    op.infer()
    return op, tuple(random(kind) for kind in kinds)


def inlined(op):
    return inline_pointwise(op.kernel(), [v.shape for v in op.operands])


def f32(*shape):
    return TensorType(F32, shape)


def pad1(x, w, **extra):
    return Conv2d(x, w, pads=(1, 1, 1, 1), **extra)


def residual(add, x, w, b, r):
    return add(Relu(add(Add(add(pad1(x, w, bias=b)), r))))


def quantised(add, x, w, r):
    total = add(Cast(add(pad1(x, w)), f32(*IMAGE)))
    other = add(Cast(r, f32(*IMAGE)))
    return add(Cast(add(Relu(add(Add(total, other)))), TensorType(U8, IMAGE, Quant((0.5,), (3,)))))


def requantised_twice(add, x, w):
    low = add(Cast(add(pad1(x, w)), TensorType(U8, IMAGE, Quant((0.5,), (3,)))))
    return add(Cast(add(Relu(add(Cast(low, f32(*IMAGE))))), TensorType(I8, IMAGE, Quant((0.25,)))))


def dequantised_input(add, x, w):
    return add(pad1(add(Cast(x, f32(*IMAGE))), w))


U8_IMAGE = TensorType(U8, IMAGE, Q)
I8_IMAGE = TensorType(I8, IMAGE, Quant((0.1, 0.2, 0.3, 0.4), (1, 0, -2, 5), 1))
I8_WEIGHT = TensorType(I8, WEIGHT, Quant((0.1, 0.2, 0.3, 0.4), (0,), 0))

ONE_STAGE = {
    "conv, bias, residual, relu": (residual, f32(*IMAGE), f32(*WEIGHT), f32(4), f32(*IMAGE)),
    "quantised conv, residual, requantise": (quantised, U8_IMAGE, I8_WEIGHT, U8_IMAGE),
    "rounded in the middle": (requantised_twice, U8_IMAGE, I8_WEIGHT),
    "dequantised input of a padded conv": (dequantised_input, U8_IMAGE, f32(*WEIGHT)),
    "relu before a padded conv": (lambda add, x, w: add(pad1(add(Relu(x)), w)), f32(*IMAGE), f32(*WEIGHT)),
    "bias that the padding must not see": (
        lambda add, x, y, w: add(pad1(add(Add(x, y)), w)), f32(*IMAGE), f32(4, 1, 1), f32(*WEIGHT),
    ),
    "negative half before max pooling": (
        lambda add, x: add(MaxPool2d(add(Relu(x)), (3, 3), (2, 2), (1, 1, 1, 1))), f32(*IMAGE),
    ),
    "explicit padding before a conv": (
        lambda add, x, w: add(Conv2d(add(Pad(x, ((0, 0), (0, 0), (1, 2), (2, 1)))), w)), f32(*IMAGE), f32(*WEIGHT),
    ),
    "padding of one value, padded by another": (
        lambda add, x, w: add(pad1(add(Pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), 3.0)), w)), f32(*IMAGE), f32(*WEIGHT),
    ),
    "a slice before a padded conv reads no neighbours": (
        lambda add, x, w: add(pad1(add(Slice(x, (0, 0, 2, 2), (2, 4, 5, 5), (1, 1, 1, 1))), w)),
        f32(*IMAGE), f32(*WEIGHT),
    ),
    "conv and silu": (lambda add, x, w: add(Silu(add(pad1(x, w)))), f32(*IMAGE), f32(*WEIGHT)),
    "half precision in the middle": (
        lambda add, x, w: add(Cast(add(Cast(add(pad1(x, w)), TensorType(DType("bf", 16), IMAGE))), f32(*IMAGE))),
        f32(*IMAGE), f32(*WEIGHT),
    ),
    "moved and mapped": (
        lambda add, x: add(Relu(add(Reshape(add(Transpose(x, (0, 2, 3, 1))), (12, 24))))), f32(*IMAGE),
    ),
    "per-channel scales side by side": (
        lambda add, x, y: add(Concat((add(Cast(x, f32(*IMAGE))), add(Cast(y, f32(*IMAGE)))), 1)),
        I8_IMAGE, I8_IMAGE,
    ),
    "a chain of concats": (
        lambda add, x, y: add(Relu(add(Concat((add(Relu(x)), y), 1)))), f32(*IMAGE), f32(*IMAGE),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_STAGE)
def test_pointwise_stages_melt_into_one(name):
    op, arrays = fuse(*ONE_STAGE[name])
    kernel = inlined(op)
    assert len(kernel.stages) == 1
    plain = evaluate_kernel(op.kernel(), arrays)[0]
    np.testing.assert_array_equal(plain, evaluate_op(op, arrays)[0])
    tolerance = 0 if plain.dtype.kind in "iu" else 1e-5
    np.testing.assert_allclose(evaluate_kernel(kernel, arrays)[0], plain, rtol=tolerance, atol=tolerance)


def test_a_cast_before_a_padded_conv_becomes_a_read_of_the_zero_point():
    op, _ = fuse(*ONE_STAGE["dequantised input of a padded conv"])
    stage = inlined(op).stages[0]
    assert stage.loads[0].fill == 7
    assert "where" not in {getattr(p, "function", "") for p in parts(stage.body)}


KEPT = {
    "a result that is read on": (
        lambda add, x: (lambda y: (y, add(Exp(y))))(add(Add(x, x))), 2, f32(3, 4),
    ),
    "costly arithmetic under a reduction": (
        lambda add, x, w: add(pad1(add(Sigmoid(x)), w)), 2, f32(*IMAGE), f32(*WEIGHT),
    ),
    "a sum read at other points": (
        lambda add, x: add(Add(x, add(ReduceMean(x, (2, 3))))), 2, f32(*IMAGE),
    ),
    "a vector given more dimensions": (
        lambda add, x, w: add(Relu(add(Reshape(add(Gemm(x, w)), (1, 5, 1, 1))))), 2, f32(1, 4), f32(4, 5),
    ),
    "an image made a vector": (
        lambda add, x: add(Relu(add(Reshape(add(ReduceMean(x, (2, 3))), (2, 4))))), 2, f32(*IMAGE),
    ),
    "softmax keeps its passes": (lambda add, x: add(Softmax(add(Relu(x)))), 4, f32(3, 8)),
    "two readers of a sum": (
        lambda add, x, w: (lambda y: (add(Relu(y)), add(Exp(y))))(add(pad1(x, w))), 3, f32(*IMAGE), f32(*WEIGHT),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_stages_that_have_to_stay_stay(name):
    build, stages, *kinds = KEPT[name]
    op, arrays = fuse(build, *kinds)
    kernel = inlined(op)
    assert len(kernel.stages) == stages
    for result, wanted in zip(evaluate_kernel(kernel, arrays), evaluate_op(op, arrays), strict=True):
        np.testing.assert_allclose(result, wanted, rtol=1e-5, atol=1e-5)


def test_an_integer_that_passes_through_f32_is_rounded_there():
    i32, f64 = TensorType(DType("i", 32), (1,)), TensorType(DType("f", 64), (1,))
    op, _ = fuse(lambda add, x: add(Cast(add(Cast(x, f32(1))), f64)), i32)
    found = evaluate_kernel(inlined(op), (np.int32([2**24 + 1]),))[0]
    assert found.dtype == np.float64 and found.tolist() == [2.0**24]


def test_expressions_do_not_grow_without_end():
    def doubled(add, x):
        for _ in range(40):
            x = add(Mul(x, x))
        return x

    op, arrays = fuse(doubled, f32(4))
    kernel = inlined(op)
    assert max(len(list(parts(s.body))) for s in kernel.stages) < 1000
    np.testing.assert_array_equal(evaluate_kernel(kernel, (arrays[0] / 9,))[0], evaluate_op(op, (arrays[0] / 9,))[0])


def test_the_anchor_is_the_node_that_reduces():
    assert fuse(*ONE_STAGE["conv, bias, residual, relu"])[0].anchor.op.name == "nn.conv2d"
    assert fuse(*ONE_STAGE["a chain of concats"])[0].anchor.op.name == "nn.relu"


def test_substitution_knows_which_divisions_vanish():
    extents = {"a": 4, "b": 3}
    joined = at("a") * 3 + at("b")
    assert substitute_index(Div(at("x"), 3), {"x": joined}, extents) == at("a")
    assert substitute_index(Mod(at("x"), 3), {"x": joined}, extents) == at("b")
    assert substitute_index(Mod(at("x"), 5), {"x": joined}, extents) == Mod(joined, 5)
    nested = substitute_index(Sum(((Div(at("x"), 5), 2), (at("x"), 1))), {"x": joined + 1}, extents)
    assert nested == Sum(((Div(joined + 1, 5), 2), (joined + 1, 1)))
    assert bounds(nested, extents) == (1, 12 + 2 * 2)
    assert bounds(at("a") * -2 + 1, extents) == (-5, 1)
    assert substitute_index(at("x") * 2, {"x": Affine((), 3)}, {}) == Affine((), 6)


def test_loads_are_found_in_the_epilogue_too():
    op, _ = fuse(*ONE_STAGE["conv, bias, residual, relu"])
    stage = inlined(op).stages[0]
    assert {load.operand for load in stage.loads} == {0, 1, 2, 3}
    assert all(isinstance(load, Load) for load in stage.loads)
