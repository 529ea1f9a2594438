"""Every refusal says what was found and what is needed."""

import pytest

from gossamer.ir.build import GraphBuilder
from gossamer.ir.errors import IRError
from gossamer.ir.ops import (
    Add,
    BatchNorm,
    Cast,
    ChannelShuffle,
    Clip,
    Concat,
    Conv2d,
    Exp,
    Fused,
    Gemm,
    MatMul,
    MaxPool2d,
    Pad,
    Param,
    ReduceMean,
    Relu,
    Reshape,
    Sigmoid,
    Slice,
    Softmax,
    Split,
    Transpose,
)
from gossamer.ir.types import BOOL, F16, F32, I8, I32, I64, U8, Quant, TensorType, Value


def v(*shape, dtype=F32, quant=None):
    return Value("v", TensorType(dtype, shape, quant))


def body_of(*values):
    b = GraphBuilder()
    x = b.input("x", TensorType(F32, (3,)))
    return b.finish((b.add(Relu(x)) if not values else x,))


X, W = v(1, 4, 8, 8), v(6, 4, 3, 3)
Q8 = v(1, 4, 8, 8, dtype=U8, quant=Quant((0.1,), (3,)))
QW = v(6, 4, 3, 3, dtype=I8, quant=Quant((0.1,)))
ROWS = v(2, 3, dtype=I8, quant=Quant((0.1, 0.2), (0,), 0))

REFUSED = [
    (Conv2d(v(1, 3, 8, 8), W), "input has 3 channels but the weight expects 4 x groups 1"),
    (Conv2d(v(1, 8, 8, 8), v(3, 4, 3, 3), groups=2), "the weight has 3 output channels, needed a multiple of groups 2"),
    (Conv2d(v(4, 8, 8), W), r"x has shape (4, 8, 8), needed 4 dimensions (NCHW)"),
    (Conv2d(v(1, 4, 2, 8), W), "input of 2x8 with pads (0, 0, 0, 0) is smaller than the kernel of 3x3"),
    (Conv2d(X, W, strides=(0, 1)), "strides is (0, 1), needed two whole numbers >= 1 (height, width)"),
    (Conv2d(X, W, strides=(1,)), "strides is (1,), needed two whole numbers >= 1 (height, width)"),
    (Conv2d(X, W, pads=(1, 1, -1, 0)), "pads is (1, 1, -1, 0), needed four numbers >= 0 (top, left, bottom, right)"),
    (Conv2d(X, W, groups=0), "groups is 0, needed a whole number >= 1"),
    (Conv2d(X, W, v(5)), "the bias has shape (5,), needed (6,): one per output channel"),
    (Conv2d(X, v(6, 4, 3, 3, dtype=F16)), "x and weight have types f32, f16, needed one type: cast first"),
    (Conv2d(X, QW), "x is f32, the weight i8, needed both float or both integer: cast one first"),
    (
        Conv2d(Q8, v(6, 4, 3, 3, dtype=I8)),
        "x is quantised but the weight is not, needed a scale on both or on neither",
    ),
    (Conv2d(Q8, v(6, 4, 3, 3, dtype=I8, quant=Quant((0.1,), (1,)))), "the weight has zero points (1,), needed 0"),
    (
        Conv2d(Q8, v(6, 4, 3, 3, dtype=I8, quant=Quant((0.1,) * 4, (0,), 1))),
        "the weight has scales on axis 1, needed axis 0 (oc) or one scale",
    ),
    (
        Conv2d(v(1, 4, 8, 8, dtype=U8, quant=Quant((0.1,) * 4, (0,), 1)), QW),
        "x has one scale per index of axis 1, needed one scale for all of x",
    ),
    (Conv2d(Q8, QW, v(6)), "the bias is f32, needed i32: the type of the sum it is added to"),
    (Conv2d(Q8, QW, v(6, dtype=I32)), "the bias must be quantised exactly when x and the weight are"),
    (
        Conv2d(Q8, QW, v(6, dtype=I32, quant=Quant((0.5,)))),
        "the bias has scale (0.5,), needed x scale * weight scale = ",
    ),
    (Gemm(v(2, 3), v(4, 5)), "a has 3 columns but b expects 4"),
    (Gemm(v(2, 3, 1), v(4, 5)), "a has shape (2, 3, 1), needed 2 dimensions (M, K)"),
    (MatMul(v(3), v(3, 2)), "a has shape (3,), needed at least 2 dimensions"),
    (MatMul(v(2, 4, 3), v(5, 3, 2)), "the leading dimensions of a and b have shapes (2,) and (5,), needed shapes that"),
    (MatMul(v(4, 3), v(2, 3)), "a has 3 columns but b has 2 rows"),
    (BatchNorm(X, v(4), v(4), v(3), v(4)), "mean has shape (3,), needed (4,): one per channel of x"),
    (BatchNorm(v(4), v(4), v(4), v(4), v(4)), "x has shape (4,), needed at least 2 dimensions (N, C, ...)"),
    (MaxPool2d(X, (3, 3), (1, 1), (3, 0, 0, 0)), "pads is (3, 0, 0, 0), needed less than the window of 3x3"),
    (MaxPool2d(X, (9, 3)), "input of 8x8 with pads (0, 0, 0, 0) is smaller than the window of 9x3"),
    (
        MaxPool2d(v(1, 4, 2, 8, dtype=I8, quant=Quant((0.1, 0.2), (0,), 2)), (3, 3), (1, 1), (1, 1, 1, 1)),
        "x has one scale per index of axis 2, which windows mix: cast to f32 first",
    ),
    (Sigmoid(Q8), "x is quantised (u8 with a scale), needed a plain type: cast to f32 first"),
    (Sigmoid(v(2, dtype=I32)), "x is i32, needed a float type: cast to f32 first"),
    (Relu(Q8), "x is quantised with zero point 3, needed 0: cast to f32 first"),
    (Relu(v(2, dtype=BOOL)), "x is bool, needed a number type: cast first"),
    (Clip(X, 6.0, 0.0), "low is 6.0 and high 0.0, needed low <= high"),
    (Clip(v(2, dtype=I8), 0.5, 6.0), "low is 0.5 and high 6.0, needed whole bounds on i8: cast to f32 first"),
    (Clip(v(2, dtype=U8), -9.0, -1.0), "high -1.0, needed bounds that leave a number of u8 (0..255)"),
    (Add(v(2, 3), v(2)), "x and y have shapes (2, 3) and (2,), needed shapes that broadcast (equal extents, or 1)"),
    (Add(v(2), v(2, dtype=I64)), "x and y have types f32, i64, needed one type: cast first"),
    (Add(Q8, Q8), "x is quantised (u8 with a scale), needed a plain type: cast to f32 first"),
    (Exp(v(2, dtype=I32)), "x is i32, needed a float type: cast to f32 first"),
    (ReduceMean(X, (4,)), "axis is 4, needed -4..3 for a tensor of 4 dimensions"),
    (ReduceMean(X, (3, -1)), "axes is (3, -1), needed each axis once"),
    (Softmax(v(2), 1), "axis is 1, needed -1..0 for a tensor of 1 dimensions"),
    (Reshape(X, (1, -1)), "shape is (1, -1), needed extents whose product is 256, as in (1, 4, 8, 8)"),
    (Transpose(X, (0, 1, 1, 2)), "perm is (0, 1, 1, 2), needed each of the 4 dimensions of x once, from 0"),
    (Concat((), 0), "there are 0 inputs, needed at least 1"),
    (Concat((v(2, 3), v(3, 4)), 1), "input 1 has shape (3, 4), needed (2, 3) but for axis 1"),
    (Concat((v(2, 3), v(2, 3, dtype=I8)), 1), "input 1 is i8, input 0 f32, needed one type, one scale: cast first"),
    (Concat((ROWS, ROWS), 0), "inputs have one scale per index of axis 0, needed one scale: cast to f32 first"),
    (Slice(v(4), (0, 0), (4,), (1,)), "starts, stops and steps have 2, 1 and 1 values, needed 1 each"),
    (Slice(v(4), (0,), (5,), (1,)), "dimension 0 has start 0, stop 5, step 1, needed a range within its extent 4"),
    (Slice(v(4), (0,), (4,), (0,)), "dimension 0 has start 0, stop 4, step 0, needed a range within its extent 4"),
    (
        Slice(ROWS, (0, 0), (1, 3), (1, 1)),
        "x has one scale per index of axis 0, needed it left whole: cast to f32 first",
    ),
    (Slice(ROWS, (1, 0), (-1, 3), (-1, 1)), "x has one scale per index of axis 0, needed it left whole"),
    (Split(v(4), (1, 2), 0), "sizes is (1, 2), needed a sum of 4, the extent of axis 0"),
    (Split(ROWS, (1, 1), 0), "x has one scale per index of axis 0, needed one scale: cast to f32 first"),
    (Pad(v(4), ((1, 1), (0, 0))), "pads has 2 pairs, needed 1: one per dimension of x"),
    (Pad(v(4), ((-3, -2),)), "pads is ((-3, -2),), needed to crop no more than there is in (4,)"),
    (Pad(Q8, ((0, 0),) * 4, 1.0), "value is 1.0, needed 0 and one zero point on a quantised x: cast to f32 first"),
    (Pad(ROWS, ((1, 0), (0, 0))), "x has one scale per index of axis 0, needed it left alone: cast to f32 first"),
    (Pad(ROWS, ((1, -1), (0, 0))), "x has one scale per index of axis 0, needed it left alone"),
    (Pad(v(4, dtype=U8), ((1, 1),), -1.0), "value is -1.0, needed a whole number 0..255 for u8"),
    (ChannelShuffle(X, 3), "x has 4 channels, needed a multiple of groups 3"),
    (Cast(v(2), TensorType(I8, (3,))), "the type has shape (3,), needed (2,): a cast keeps the shape"),
    (Param("", TensorType(I8, (3,))), "the reference is empty, needed the name of a parameter of the module"),
    (Fused((v(3), v(3)), body_of()), "there are 2 inputs, the body needs 1"),
    (Fused((v(4),), body_of()), "input 0 is f32[4], the body's %x needs f32[3]"),
    (Fused((v(3),), body_of(1)), "the body returns a value that none of its nodes computes, needed computed outputs"),
]


@pytest.mark.parametrize(("op", "message"), REFUSED, ids=lambda item: item.name if hasattr(item, "infer") else "")
def test_a_misfit_is_refused_with_what_is_needed(op, message):
    with pytest.raises(IRError) as error:
        op.infer()
    assert message in str(error.value)
    assert "\n" not in str(error.value)
