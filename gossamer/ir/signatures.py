"""Signatures of the layers that have a kind of their own: convolutions, products, recurrent cells, pooling.

Cost models know two-dimensional convolutions and batches of matrix products. What is neither is priced as the one it
comes down to: a 3-D convolution as one 2-D convolution for every depth of its result, with the taps along the depth
as channels; a transposed convolution as the product of every pixel with all taps, whose results are then added up
where they meet; a recurrent cell as the product of [x, h] with all its gates. Multiply-accumulates stay exact.
"""

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import cast

from gossamer.ir.layer import Layer
from gossamer.ir.op import Op
from gossamer.ir.ops.convolution3d import Conv3d
from gossamer.ir.ops.nn import Conv2d, Gemm, MatMul
from gossamer.ir.ops.pooling import AvgPool2d, MaxPool2d
from gossamer.ir.ops.recurrent import GRUCell, LSTMCell
from gossamer.ir.ops.transposed import ConvTranspose
from gossamer.ir.types import TensorType


def repeated(layer: Layer, steps: int) -> Layer:
    """The layer run `steps` times: products are a group each, since the weights pass by again in every step."""
    if layer.kind == "gemm":
        return replace(layer, ic=layer.ic * steps, oc=layer.oc * steps, groups=layer.groups * steps)
    return replace(layer, n=layer.n * steps)


def _conv(op: Conv2d, out: TensorType | None = None) -> Layer:
    result = op.infer()[0]
    (n, ic, ih, iw), (oc, _, kh, kw), (oh, ow) = op.x.shape, op.weight.shape, result.shape[2:]
    (stride_h, stride_w), (dilation_h, dilation_w) = op.strides, op.dilations
    return Layer(
        "conv", n, ic, ih, iw, oc, oh, ow, kh, kw, stride_h, stride_w, dilation_h, dilation_w, op.groups,
        op.weight.dtype.bits, op.x.dtype.bits, (out or result).dtype.bits,
    )  # fmt: skip


def _gemm(op: Gemm | MatMul, out: TensorType | None = None) -> Layer:
    """A batch of matrices b is a group each; one b for all of a batch is one product of all rows."""
    result = op.infer()[0]
    groups = prod(result.shape[:-2]) if prod(op.b.shape[:-2]) > 1 else 1
    return Layer(
        "gemm", n=prod(result.shape[:-1]) // max(1, groups), ic=groups * op.a.shape[-1], ih=1, iw=1,
        oc=groups * result.shape[-1], oh=1, ow=1, groups=groups,
        weight_bits=op.b.dtype.bits, activation_bits=op.a.dtype.bits, output_bits=(out or result).dtype.bits,
    )  # fmt: skip


def _pool(op: MaxPool2d | AvgPool2d, out: TensorType | None = None) -> Layer:
    result = op.infer()[0]
    dilation_h, dilation_w = op.dilations if isinstance(op, MaxPool2d) else (1, 1)
    (n, c, ih, iw), (oh, ow), (kh, kw), (stride_h, stride_w) = op.x.shape, result.shape[2:], op.kernel_shape, op.strides
    return Layer(
        "pool", n, c, ih, iw, c, oh, ow, kh, kw, stride_h, stride_w, dilation_h, dilation_w,
        activation_bits=op.x.dtype.bits, output_bits=(out or result).dtype.bits,
    )  # fmt: skip


def _conv3d(op: Conv3d, out: TensorType | None = None) -> Layer:
    result = op.infer()[0]
    (n, ic, _, ih, iw), (oc, _, kd, kh, kw), (od, oh, ow) = op.x.shape, op.weight.shape, result.shape[2:]
    (_, stride_h, stride_w), (_, dilation_h, dilation_w) = op.strides, op.dilations
    return Layer(
        "conv", n * od, ic * kd, ih, iw, oc, oh, ow, kh, kw, stride_h, stride_w, dilation_h, dilation_w, op.groups,
        op.weight.dtype.bits, op.x.dtype.bits, (out or result).dtype.bits,
    )  # fmt: skip


def _transposed(op: ConvTranspose, out: TensorType | None = None) -> Layer:
    result = op.infer()[0]
    (n, ic, *pixels), (_, ocg, *kernel) = op.x.shape, op.weight.shape
    return Layer(
        "gemm", n * prod(pixels), ic, 1, 1, ocg * op.groups * prod(kernel), 1, 1, groups=op.groups,
        weight_bits=op.weight.dtype.bits, activation_bits=op.x.dtype.bits, output_bits=(out or result).dtype.bits,
    )  # fmt: skip


def _cell(op: LSTMCell | GRUCell, out: TensorType | None = None) -> Layer:
    rows, units = op.recurrence.shape
    features = 0 if op.weight is None else op.weight.shape[1]
    return Layer(
        "gemm", op.h.shape[0], features + units, 1, 1, rows, 1, 1,
        weight_bits=op.recurrence.dtype.bits, activation_bits=op.h.dtype.bits, output_bits=(out or op.h).dtype.bits,
    )  # fmt: skip


BUILDERS = cast(
    dict[type[Op], Callable[..., Layer]],
    {
        Conv2d: _conv, Gemm: _gemm, MatMul: _gemm, MaxPool2d: _pool, AvgPool2d: _pool, Conv3d: _conv3d,
        ConvTranspose: _transposed, LSTMCell: _cell, GRUCell: _cell,
    },
)  # fmt: skip
"""Op class -> its layer; a second argument is the type of what a fused node writes instead of the op's own result."""
