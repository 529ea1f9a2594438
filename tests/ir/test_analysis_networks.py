"""MACs and layers of volumes, transposed convolutions, recurrent cells, scans and layer norm."""

import pytest

from gossamer.ir.analysis import bytes_read, layer, layers, macs
from gossamer.ir.build import GraphBuilder
from gossamer.ir.graph import Module
from gossamer.ir.layer import Layer
from gossamer.ir.ops import Conv3d, ConvTranspose, GRUCell, LayerNorm, LSTMCell, Param, Scan, Tanh
from gossamer.ir.types import F32, TensorType, Value


def v(*shape, name="x"):
    return Value(name, TensorType(F32, shape))


def node(op):
    b = GraphBuilder()
    b.add_all(op)
    return b.nodes[0]


STATE = v(2, 3, name="h"), v(2, 3, name="c")
CASES = [
    (
        Conv3d(v(1, 4, 6, 8, 10), v(8, 2, 3, 3, 5, name="w"), None, (1, 2, 1), (1, 1, 2, 1, 1, 2), groups=2),
        Layer("conv", 6, 12, 8, 10, 8, 4, 10, 3, 5, 2, 1, groups=2),
        6 * 8 * 4 * 10 * 2 * 45,
    ),
    (
        ConvTranspose(v(1, 4, 8, 8), v(4, 6, 2, 2, name="w"), strides=(2, 2)),
        Layer("gemm", 64, 4, 1, 1, 24, 1, 1),
        64 * 4 * 24,
    ),
    (
        ConvTranspose(v(2, 4, 5, 5), v(4, 3, 3, 3, name="w"), None, (2, 2), (1, 1, 1, 1), groups=2),
        Layer("gemm", 50, 4, 1, 1, 54, 1, 1, groups=2),
        50 * 2 * 2 * 3 * 9,
    ),
    (
        LSTMCell(v(2, 5), *STATE, v(12, 5, name="w"), v(12, 3, name="r")),
        Layer("gemm", 2, 8, 1, 1, 12, 1, 1),
        2 * 8 * 12,
    ),
    (LSTMCell(v(2, 12), *STATE, None, v(12, 3, name="r")), Layer("gemm", 2, 3, 1, 1, 12, 1, 1), 2 * 3 * 12),
    (
        GRUCell(v(2, 5), STATE[0], v(9, 5, name="w"), v(9, 3, name="r")),
        Layer("gemm", 2, 8, 1, 1, 9, 1, 1),
        2 * 8 * 9,
    ),
    (LayerNorm(v(2, 8)), Layer("other", 2, 8, 1, 1, 8, 1, 1), 0),
]


@pytest.mark.parametrize(("op", "wanted", "products"), CASES)
def test_a_layer_has_the_exact_macs(op, wanted, products):
    assert layer(node(op)) == wanted
    assert wanted.macs == macs(node(op)) == products


def test_a_scan_counts_its_body_once_per_step():
    body = GraphBuilder()
    x, h, w = (body.input(n, TensorType(F32, s)) for n, s in (("x", (2, 9)), ("h", (2, 3)), ("w", (9, 3))))
    new = body.add(GRUCell(x, h, None, w), "new")
    body = body.finish((new, body.add(Tanh(new), "out")))
    body = type(body)((h, x, w), body.nodes, body.outputs)
    b = GraphBuilder()
    h0, xs = b.input("h0", TensorType(F32, (2, 3))), b.input("xs", TensorType(F32, (7, 2, 9)))
    weight = b.add(Param("w", TensorType(F32, (9, 3))), "w0")
    results = b.add_all(Scan((h0, xs, weight), body, states=1, scanned=1, steps=7), ("last", "every"))
    module = Module("gru", b.finish(results))
    scan = module.graph.nodes[-1]
    gemm = Layer("gemm", 2, 21, 1, 1, 63, 1, 1, groups=7)
    assert [signature for _, signature in layers(module)] == [gemm, Layer("eltwise", 14, 3, 1, 1, 3, 1, 1)]
    assert layer(scan) == gemm
    assert gemm.macs == macs(scan) == 7 * 2 * 3 * 9
    assert bytes_read(scan) == 4 * (6 + 7 * 18 + 27)
