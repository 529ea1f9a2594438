"""MACs, bytes and layer signatures, as they follow from the nests."""

import pytest

from gossamer.ir.analysis import bytes_read, bytes_written, layer, layers, macs
from gossamer.ir.build import GraphBuilder
from gossamer.ir.graph import Module
from gossamer.ir.layer import Layer
from gossamer.ir.ops import (
    Add,
    AvgPool2d,
    BatchNorm,
    Cast,
    Concat,
    Conv2d,
    Fused,
    Gemm,
    MatMul,
    MaxPool2d,
    Param,
    ReduceMean,
    Relu,
    Reshape,
    Slice,
    Softmax,
    Transpose,
)
from gossamer.ir.types import F32, I4, I8, U8, Quant, TensorType, Value


def v(*shape, dtype=F32, quant=None, name="x"):
    return Value(name, TensorType(dtype, shape, quant))


def node(op):
    b = GraphBuilder()
    b.add_all(op)
    return b.nodes[0]


X = v(1, 8, 10, 12)
SCALE = Quant((0.1,))


def test_macs_are_the_points_of_a_sum_of_products():
    assert macs(node(Conv2d(X, v(16, 8, 3, 3), pads=(1, 1, 1, 1)))) == 16 * 10 * 12 * 8 * 9
    assert macs(node(Conv2d(X, v(8, 1, 3, 3), groups=8))) == 8 * 8 * 10 * 9
    assert macs(node(Conv2d(X, v(4, 2, 1, 1), groups=4))) == 4 * 10 * 12 * 2
    assert macs(node(Gemm(v(3, 5), v(5, 7)))) == 3 * 5 * 7
    assert macs(node(MatMul(v(2, 3, 5), v(5, 7)))) == 2 * 3 * 5 * 7
    assert [macs(node(op)) for op in (Relu(X), MaxPool2d(X, (2, 2)), ReduceMean(X, (2, 3)), Softmax(X))] == [0] * 4


def test_bytes_count_each_element_that_is_touched_once():
    conv = node(Conv2d(X, v(16, 8, 3, 3, name="w"), pads=(1, 1, 1, 1)))
    assert bytes_read(conv) == 4 * (8 * 10 * 12 + 16 * 8 * 9)
    assert bytes_written(conv) == 4 * 16 * 10 * 12
    assert bytes_read(node(Add(X, X))) == 4 * 960
    assert bytes_read(node(Slice(X, (0, 2, 0, 0), (1, 4, 10, 12), (1, 1, 1, 2)))) == 4 * 2 * 10 * 6
    strided = node(Conv2d(X, v(4, 8, 1, 1, name="w"), strides=(2, 2)))
    assert bytes_read(strided) == 4 * (8 * 5 * 6 + 32)


def test_narrow_types_are_counted_packed():
    small = node(Relu(v(3, 3, dtype=I4, quant=Quant((1.0,)))))
    assert (bytes_read(small), bytes_written(small)) == (5, 5)


SHAPES = [
    (
        Conv2d(X, v(16, 2, 3, 5), None, (2, 1), (1, 2, 1, 2), (1, 1), 4),
        Layer("conv", 1, 8, 10, 12, 16, 5, 12, 3, 5, 2, 1, 1, 1, 4),
    ),
    (Gemm(v(3, 5), v(7, 5), None, True), Layer("gemm", 3, 5, 1, 1, 7, 1, 1)),
    (MatMul(v(2, 3, 5), v(5, 7)), Layer("gemm", 6, 5, 1, 1, 7, 1, 1)),
    (MatMul(v(2, 4, 3, 5), v(4, 5, 7, name="y")), Layer("gemm", 3, 40, 1, 1, 56, 1, 1, groups=8)),
    (MaxPool2d(X, (3, 2), (2, 2), dilations=(2, 1)), Layer("pool", 1, 8, 10, 12, 8, 3, 6, 3, 2, 2, 2, 2, 1)),
    (AvgPool2d(X, (2, 2), (2, 2)), Layer("pool", 1, 8, 10, 12, 8, 5, 6, 2, 2, 2, 2)),
    (ReduceMean(X, (2, 3)), Layer("reduce", 1, 8, 10, 12, 8, 1, 1)),
    (Add(X, v(1, 8, 10, 12, name="y")), Layer("eltwise", 1, 8, 10, 12, 8, 10, 12, operands=2)),
    (Relu(X), Layer("eltwise", 1, 8, 10, 12, 8, 10, 12)),
    (Concat((X, v(1, 2, 10, 12, name="y")), 1), Layer("move", 1, 8, 10, 12, 10, 10, 12, operands=2)),
    (Transpose(v(2, 3), (1, 0)), Layer("move", 1, 6, 1, 1, 6, 1, 1)),
    (Softmax(v(4, 10)), Layer("other", 4, 10, 1, 1, 10, 1, 1)),
    (
        Cast(v(2, 3, 4, 5), TensorType(U8, (2, 3, 4, 5), Quant((0.1,)))),
        Layer("eltwise", 2, 3, 4, 5, 3, 4, 5, output_bits=8),
    ),
]


@pytest.mark.parametrize(("op", "wanted"), SHAPES, ids=lambda item: getattr(item, "name", ""))
def test_signatures(op, wanted):
    assert layer(node(op)) == wanted


@pytest.mark.parametrize(("op", "wanted"), SHAPES[:4], ids=lambda item: getattr(item, "name", ""))
def test_a_signature_has_the_macs_of_the_node(op, wanted):
    assert wanted.macs == macs(node(op))


def test_what_computes_no_element_is_no_layer():
    assert layer(node(Gemm(v(0, 5), v(5, 7)))) is None
    assert layer(node(Relu(v(0, 8, 10, 12)))) is None


def quantised_block():
    """conv on u8/i4 with a per-channel bias addition, relu and a requantising cast, as one node."""
    image, weight = TensorType(U8, (1, 4, 8, 8), Quant((0.1,))), TensorType(I4, (6, 4, 3, 3), Quant((0.2,)))
    inner = GraphBuilder()
    x, w = inner.input("a", image), inner.input("b", weight)
    y = inner.add(Conv2d(x, w, pads=(1, 1, 1, 1)))
    y = inner.add(Relu(inner.add(Cast(y, TensorType(F32, y.shape)))))
    out = inner.add(Cast(y, TensorType(I8, y.shape, Quant((0.5,)))))
    b = GraphBuilder()
    px, pw = b.input("x", image), b.add(Param("w", weight))
    fused = b.add(Fused((px, pw), inner.finish((out,))), label="block")
    return Module("m", b.finish((b.add(Reshape(fused, (1, 384))),)))


def test_a_fused_node_has_its_anchor_s_signature_and_its_own_output():
    found = layers(quantised_block())
    assert [(n.label, signature) for n, signature in found] == [
        ("block", Layer("conv", 1, 4, 8, 8, 6, 8, 8, 3, 3, weight_bits=4, activation_bits=8, output_bits=8))
    ]
    fused = found[0][0]
    assert macs(fused) == found[0][1].macs
    assert (bytes_read(fused), bytes_written(fused)) == (4 * 64 + 6 * 4 * 9 // 2, 6 * 64)


def test_parameters_are_not_counted_among_the_activations():
    b = GraphBuilder()
    x = b.input("x", X.type)
    p = [b.add(Param(f"p{i}", TensorType(F32, (8,)))) for i in range(4)]
    b.add(BatchNorm(x, *p))
    module = Module("m", b.finish((b.add(Add(x, b.add(Param("c", TensorType(F32, (8, 1, 1)))))),)))
    assert [signature.operands for _, signature in layers(module)] == [1, 1]


def test_a_fused_pointwise_node_counts_every_activation_it_reads():
    inner = GraphBuilder()
    x, y = inner.input("a", X.type), inner.input("b", X.type)
    body = inner.finish((inner.add(Relu(inner.add(Add(x, y)))),))
    fused = node(Fused((X, v(1, 8, 10, 12, name="y")), body))
    assert layer(fused) == Layer("eltwise", 1, 8, 10, 12, 8, 10, 12, operands=2)
