"""Volumes and transposed convolutions against torch over sides, strides, pads, dilations, paddings and groups."""

from math import prod

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from gossamer.ir.errors import IRError
from gossamer.ir.ops import Conv3d, ConvTranspose
from gossamer.ir.reference import evaluate_op
from gossamer.ir.types import F32, I8, U8, Quant, TensorType, Value


def value(array, name="x"):
    return Value(name, TensorType(F32, array.shape))


def arrays(*shapes):
    rng = np.random.default_rng(3)
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


triples = st.tuples(*[st.integers(1, 3)] * 3)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([1, 2]), st.integers(1, 3), st.integers(1, 3), st.tuples(*[st.integers(4, 6)] * 3), triples,
    triples, st.tuples(*[st.integers(0, 2)] * 6), st.tuples(*[st.integers(1, 2)] * 3),
)  # fmt: skip
def test_convolution_of_volumes_is_torch_s(groups, icg, ocg, size, kernel, strides, pads, dilations):
    x, w, b = arrays((2, groups * icg, *size), (groups * ocg, icg, *kernel), (groups * ocg,))
    if any(e + p + q < (k - 1) * d + 1 for e, p, q, k, d in zip(size, pads, pads[3:], kernel, dilations)):
        return
    op = Conv3d(value(x), value(w), value(b), strides, pads, dilations, groups)
    padded = F.pad(torch.tensor(x), (pads[2], pads[5], pads[1], pads[4], pads[0], pads[3]))
    wanted = F.conv3d(padded, torch.tensor(w), torch.tensor(b), strides, 0, dilations, groups)
    assert op.infer()[0].shape == tuple(wanted.shape)
    np.testing.assert_allclose(evaluate_op(op, (x, w, b))[0], wanted.numpy(), rtol=1e-4, atol=1e-4)


@st.composite
def transposed(draw):
    rank = draw(st.sampled_from([1, 2, 2, 3]))
    per_side = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(rank))  # noqa: E731
    strides, dilations = per_side(1, 4), per_side(1, 4)
    return {
        "n": draw(st.integers(1, 2)), "groups": draw(st.sampled_from([1, 2, 3])), "icg": draw(st.integers(1, 3)),
        "ocg": draw(st.integers(1, 3)), "size": per_side(2, 5), "kernel": per_side(1, 5), "strides": strides,
        "dilations": dilations, "pads": per_side(0, 2),
        "output_padding": tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(strides, dilations)),
    }  # fmt: skip


TORCH = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(transposed())
def test_transposed_convolution_is_torch_s(s):
    rank = len(s["size"])
    x, w, b = arrays(
        (s["n"], s["groups"] * s["icg"], *s["size"]),
        (s["groups"] * s["icg"], s["ocg"], *s["kernel"]),
        (s["groups"] * s["ocg"],),
    )
    op = ConvTranspose(
        value(x), value(w), value(b), s["strides"], s["pads"] * 2, s["dilations"], s["output_padding"], s["groups"]
    )
    lengths = [
        (e - 1) * a - 2 * p + (k - 1) * d + 1 + o
        for e, a, p, k, d, o in zip(
            s["size"], s["strides"], s["pads"], s["kernel"], s["dilations"], s["output_padding"]
        )
    ]
    if min(lengths) < 1:
        with pytest.raises(IRError, match="needed at least one position"):
            op.infer()
        return
    wanted = TORCH[rank](
        torch.tensor(x), torch.tensor(w), torch.tensor(b), s["strides"], s["pads"], s["output_padding"], s["groups"],
        s["dilations"],
    )  # fmt: skip
    assert op.infer()[0].shape == tuple(wanted.shape)
    np.testing.assert_allclose(evaluate_op(op, (x, w, b))[0], wanted.numpy(), rtol=1e-4, atol=1e-4)


def test_negative_pads_add_zeros_and_uneven_ones_cut_unevenly():
    x, w = arrays((1, 2, 3, 3), (2, 3, 3, 3))
    whole = evaluate_op(ConvTranspose(value(x), value(w), strides=(2, 2)), (x, w))[0]
    op = ConvTranspose(value(x), value(w), strides=(2, 2), pads=(-1, 2, 1, -2))
    wanted = np.pad(whole[:, :, :-1, 2:], ((0, 0), (0, 0), (1, 0), (0, 2)))
    np.testing.assert_allclose(evaluate_op(op, (x, w))[0], wanted, rtol=1e-5, atol=1e-6)


def test_where_the_stride_divides_the_kernel_no_product_is_wasted_and_nothing_is_padded():
    """U-Net's 2x2 by 2: one tap for each output position, and no read needs a bounds check."""
    x, w = arrays((1, 4, 8, 8), (4, 3, 2, 2))
    nest = ConvTranspose(value(x), value(w), strides=(2, 2)).kernel().stages[0]
    assert nest.points == 16 * 16 * 3 * 4
    assert all(load.fill is None for load in nest.loads)


def test_quantised_transposed_convolution_is_exact():
    rng = np.random.default_rng(5)
    x, w = rng.integers(0, 255, (1, 3, 5, 5)).astype(np.uint8), rng.integers(-99, 99, (3, 2, 3, 3)).astype(np.int8)
    x_type = TensorType(U8, x.shape, Quant((0.5,), (7,)))
    w_type = TensorType(I8, w.shape, Quant((0.1, 0.2), (0,), 1))
    op = ConvTranspose(Value("x", x_type), Value("w", w_type), None, (2, 2), (1, 1, 1, 1))
    real = torch.tensor(x.astype(np.float64) - 7)
    wanted = F.conv_transpose2d(real, torch.tensor(w.astype(np.float64)), None, 2, 1)
    assert op.infer()[0].quant.scale == pytest.approx((0.05, 0.1))
    np.testing.assert_array_equal(evaluate_op(op, (x, w))[0], wanted.numpy())


X4, W4 = Value("x", TensorType(F32, (1, 4, 8, 8))), Value("w", TensorType(F32, (4, 2, 3, 3)))


@pytest.mark.parametrize(
    ("op", "said"),
    [
        (ConvTranspose(Value("x", TensorType(F32, (4, 8))), W4), "needed 3, 4 or 5 dimensions"),
        (ConvTranspose(X4, Value("w", TensorType(F32, (4, 2, 3)))), "weight has shape .*needed 4 dimensions like x"),
        (ConvTranspose(X4, W4, strides=(2,)), r"strides is \(2,\), needed two whole numbers"),
        (ConvTranspose(X4, W4, pads=(0, 0)), "pads is .*needed 4 numbers"),
        (ConvTranspose(X4, W4, output_padding=(0, -1)), "output_padding is .*needed 2 numbers >= 0"),
        (ConvTranspose(X4, Value("w", TensorType(F32, (3, 2, 3, 3)))), "input has 4 channels but the weight expects 3"),
        (ConvTranspose(X4, W4, groups=3), "4 input channels, needed a multiple of groups 3"),
        (ConvTranspose(X4, W4, Value("b", TensorType(F32, (3,)))), r"the bias has shape \(3,\), needed \(2,\)"),
        (Conv3d(X4, W4), r"x has shape .*needed 5 dimensions \(NCDHW\)"),
    ],
)
def test_misfits_are_named(op, said):
    with pytest.raises(IRError, match=said):
        op.infer()


@pytest.mark.parametrize("pads", [(0,) * 6, (1,) * 6])
def test_a_volume_s_loops_count_its_products(pads):
    x, w = arrays((1, 4, 6, 6, 6), (8, 4, 3, 3, 3))
    op = Conv3d(value(x), value(w), pads=pads)
    assert op.kernel().stages[0].points == prod(op.infer()[0].shape) * 4 * 27
    assert (op.kernel().stages[0].loads[0].fill is None) is not any(pads)
