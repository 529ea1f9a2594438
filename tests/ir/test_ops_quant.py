"""Precision: casts against ONNX's rules, quantised products against plain integers, types that stay what they are."""

import numpy as np
import pytest

from gossamer.ir.errors import IRError
from gossamer.ir.ops import (
    AvgPool2d,
    Cast,
    ChannelShuffle,
    Concat,
    Gemm,
    MatMul,
    MaxPool2d,
    Pad,
    Relu,
    Reshape,
    Slice,
    Split,
    Transpose,
    View,
)
from gossamer.ir.reference import evaluate_op
from gossamer.ir.types import F16, F32, F64, I4, I8, I16, I32, I64, U8, DType, Quant, TensorType, Value

REAL = np.random.default_rng(0).uniform(-20, 20, (2, 3, 4, 5)).astype(np.float32)


def cast(array, old, new):
    kind = TensorType(new[0], array.shape, *new[1:])
    return evaluate_op(Cast(Value("x", TensorType(old[0], array.shape, *old[1:])), kind), (array,))[0]


@pytest.mark.parametrize("dtype", [U8, I8, I4, I16, DType("u", 3)], ids=str)
def test_quantising_rounds_half_to_even_and_clips(dtype):
    zero = (dtype.high + dtype.low + 1) // 2
    wanted = np.clip(np.rint(REAL / np.float32(0.25)) + zero, dtype.low, dtype.high)
    result = cast(REAL, (F32,), (dtype, Quant((0.25,), (zero,))))
    assert result.dtype == dtype.numpy
    np.testing.assert_array_equal(result, wanted)


def test_halves_go_to_the_even_number():
    halves = np.float32([0.5, 1.5, 2.5, -0.5, -1.5])
    np.testing.assert_array_equal(cast(halves, (F32,), (I8, Quant((1.0,)))), [0, 2, 2, 0, -2])


def test_per_channel_scales_follow_their_axis():
    scales = (0.1, 0.2, 0.4)
    quant = Quant(scales, (1, 2, 3), 1)
    stored = cast(REAL, (F32,), (I8, quant))
    zero, scale = np.float32([1, 2, 3]).reshape(3, 1, 1), np.float32(scales).reshape(3, 1, 1)
    np.testing.assert_array_equal(stored, np.clip(np.rint(REAL / scale) + zero, -128, 127))
    np.testing.assert_array_equal(cast(stored, (I8, quant), (F32,)), (stored - zero) * scale)


def test_requantising_rounds_once_by_one_factor_in_f32():
    stored = np.arange(-100, 100, dtype=np.int32)
    result = cast(stored, (I32, Quant((0.1,))), (U8, Quant((0.3,), (128,))))
    factor = np.float32(0.1) / np.float32(0.3)
    np.testing.assert_array_equal(result, np.clip(np.rint(stored * factor) + 128, 0, 255))


def test_requantising_per_channel_and_with_zero_points():
    stored = np.arange(-60, 60, dtype=np.int8).reshape(2, 3, 20)
    scales = np.float32([0.1, 0.2, 0.4])
    result = cast(stored, (I8, Quant(tuple(map(float, scales)), (1, 2, 3), 1)), (I8, Quant((0.3,), (-5,))))
    factors = (scales / np.float32(0.3)).reshape(3, 1)
    wanted = np.clip(np.rint((stored - np.float32([[1], [2], [3]])) * factors) - 5, -128, 127)
    np.testing.assert_array_equal(result, wanted)


def test_scales_beyond_f32_requantise_through_the_real_value():
    result = cast(np.int32([7, -7]), (I32, Quant((1e-60,))), (I8, Quant((1.0,))))
    np.testing.assert_array_equal(result, [0, 0])


def test_a_wide_accumulator_is_clipped_at_its_own_end():
    result = cast(np.float32([1e12, -1e12]), (F32,), (I32, Quant((1e-3,))))
    np.testing.assert_array_equal(result, [2**31 - 1, -(2**31)])


def test_plain_integers_are_truncated():
    np.testing.assert_array_equal(cast(np.float32([1.9, -1.9]), (F32,), (I32,)), [1, -1])
    np.testing.assert_array_equal(cast(np.int64([7, -7]), (I64,), (F64,)), [7.0, -7.0])


def test_small_floats_are_rounded_but_held_in_float32():
    result = cast(np.float32([1.06, 300.0]), (F32,), (DType("f8e4m3", 8),))
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, np.float32([1.0, 288.0]))
    assert cast(REAL, (F32,), (F16,)).dtype == np.float16


@pytest.mark.parametrize("transpose", [False, True])
def test_quantised_gemm_is_exact(transpose):
    rng = np.random.default_rng(1)
    a = rng.integers(0, 256, (3, 70)).astype(np.uint8)
    b = rng.integers(-127, 128, (5, 70) if transpose else (70, 5)).astype(np.int8)
    scales = Quant((0.1, 0.2, 0.3, 0.4, 0.5), (0,), 0 if transpose else 1)
    op = Gemm(
        Value("a", TensorType(U8, a.shape, Quant((0.5,), (9,)))),
        Value("b", TensorType(I8, b.shape, scales)),
        None,
        transpose,
    )
    kind = op.infer()[0]
    assert (kind.dtype, kind.quant.axis, kind.quant.symmetric) == (I32, 1, True)
    wanted = (a.astype(np.int64) - 9) @ (b.T if transpose else b).astype(np.int64)
    np.testing.assert_array_equal(evaluate_op(op, (a, b))[0], wanted)


def test_a_sum_that_could_overflow_i32_is_i64_and_still_exact():
    a = np.full((1, 4096), 30000, np.int16)
    op = MatMul(
        Value("a", TensorType(I16, a.shape, Quant((1.0,)))), Value("b", TensorType(I16, (4096, 1), Quant((1.0,))))
    )
    assert op.infer()[0].dtype == I64
    assert evaluate_op(op, (a, a.T))[0].item() == 4096 * 30000**2


def test_two_four_bit_operands():
    rng = np.random.default_rng(2)
    a, b = rng.integers(-8, 8, (4, 6)).astype(np.int8), rng.integers(-8, 8, (6, 2)).astype(np.int8)
    op = Gemm(Value("a", TensorType(I4, a.shape, Quant((1.0,)))), Value("b", TensorType(I4, b.shape, Quant((1.0,)))))
    np.testing.assert_array_equal(evaluate_op(op, (a, b))[0], a.astype(int) @ b.astype(int))


SAME = TensorType(U8, (1, 4, 6, 6), Quant((0.1,), (7,)))
X = Value("x", SAME)


@pytest.mark.parametrize(
    "op",
    [
        MaxPool2d(X, (2, 2), (2, 2)), Reshape(X, (4, 36)), Transpose(X, (0, 2, 3, 1)), ChannelShuffle(X, 2),
        Slice(X, (0, 1, 0, 0), (1, 3, 6, 6), (1, 1, 1, 1)), Split(X, (1, 3), 1), Concat((X, X), 1),
        Pad(X, ((0, 0), (0, 0), (1, 1), (1, 1))),
    ],
    ids=lambda op: op.name,
)  # fmt: skip
def test_data_movement_keeps_a_quantised_type(op):
    x = np.random.default_rng(3).integers(0, 256, SAME.shape).astype(np.uint8)
    for kind, result in zip(op.infer(), evaluate_op(op, (x,) * len(op.operands)), strict=True):
        assert (kind.dtype, kind.quant) == (SAME.dtype, SAME.quant)
        assert result.dtype == np.uint8


def test_padding_a_quantised_tensor_stores_the_zero_point():
    result = evaluate_op(Pad(X, ((0, 0), (0, 0), (1, 0), (0, 0))), (np.zeros(SAME.shape, np.uint8),))[0]
    assert (result[:, :, 0] == 7).all()


def test_relu_on_a_symmetric_quantised_tensor():
    x = np.int8([-3, 0, 5])
    op = Relu(Value("x", TensorType(I8, (3,), Quant((0.1,)))))
    assert op.infer()[0].quant == Quant((0.1,))
    np.testing.assert_array_equal(evaluate_op(op, (x,))[0], [0, 0, 5])


def test_scales_move_with_their_axis():
    x = Value("x", TensorType(I8, (2, 3, 4), Quant((0.1, 0.2, 0.3), (0,), 1)))
    assert Transpose(x, (1, 0, 2)).infer()[0].quant.axis == 0
    assert Reshape(x, (1, 2, 3, 2, 2)).infer()[0].quant.axis == 2
    with pytest.raises(IRError, match="one scale per index of axis 1"):
        Reshape(x, (6, 4)).infer()


@pytest.mark.parametrize("counted", [False, True])
def test_average_of_integers_rounds_half_away_from_zero(counted):
    """The integers themselves: 0 is where they are rounded away from, and padding counts as the zero point or not."""
    kind = TensorType(I8, (1, 1, 5, 5), Quant((0.1,), (-3,)))
    op = AvgPool2d(Value("x", kind), (2, 2), (1, 1), (1, 1, 1, 1), count_include_pad=counted)
    assert op.infer()[0] == TensorType(I8, (1, 1, 6, 6), kind.quant)
    x = np.random.default_rng(5).integers(-128, 128, (5, 5)).astype(np.int8)
    wide, ones = np.full((7, 7), -3 if counted else 0), np.full((7, 7), 1 if counted else 0)
    wide[1:6, 1:6], ones[1:6, 1:6] = x, 1
    total, count = (sum(a[i : i + 6, j : j + 6] for i in (0, 1) for j in (0, 1)) for a in (wide, ones))
    wanted = np.sign(total) * np.floor(np.abs(total) / count + 0.5)
    np.testing.assert_array_equal(evaluate_op(op, (x[None, None],))[0][0, 0], wanted)


def test_average_of_integers_needs_one_scale():
    x = Value("x", TensorType(I8, (1, 2, 4, 4), Quant((0.1, 0.2), (0,), 1)))
    with pytest.raises(IRError, match="one scale per channel, needed one scale"):
        AvgPool2d(x, (2, 2)).infer()


def test_a_view_changes_what_integers_stand_for_and_not_the_integers():
    x = np.int8([[-128, 0, 127]])
    plain, scaled = TensorType(I8, x.shape), TensorType(I8, x.shape, Quant((0.5,), (3,)))
    for old, new in ((plain, scaled), (scaled, plain), (scaled, TensorType(I8, x.shape, Quant((2.0,))))):
        op = View(Value("x", old), new)
        assert op.infer() == (new,)
        np.testing.assert_array_equal(evaluate_op(op, (x,))[0], x)


def test_a_view_keeps_the_element_type():
    with pytest.raises(IRError, match="x is i8 and the type u8, needed one integer type for both"):
        View(Value("x", TensorType(I8, (3,))), TensorType(U8, (3,))).infer()
    with pytest.raises(IRError, match="needed one integer type"):
        View(Value("x", TensorType(F32, (3,))), TensorType(F32, (3,))).infer()
    with pytest.raises(IRError, match="a view keeps the shape"):
        View(Value("x", TensorType(I8, (3,))), TensorType(I8, (4,))).infer()
