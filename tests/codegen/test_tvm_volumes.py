"""Volumes, transposed convolutions, resizing, layer norm and recurrent cells as compiled code, against the reference.

Several ops share a module, since building one takes seconds.
"""

import pytest

from gossamer.codegen.tvm.program import program_of
from gossamer.codegen.tvm.structure import anchored
from gossamer.ir.ops import (
    Add,
    Cast,
    Conv2d,
    Conv3d,
    ConvTranspose,
    GRUCell,
    LayerNorm,
    LSTMCell,
    Relu,
    Reshape,
    Resize,
)
from gossamer.ir.types import I8, U8, Quant, TensorType

from .tvm_help import Net, check


@pytest.mark.slow
def test_volumes():
    net = Net()
    x = net.input(1, 5, 6, 7, 8)
    y = net.fused((x, net.weight(18, 5, 3, 3, 3), net.weight(18)), relu_of_conv3d)
    z = net.add(Conv3d(y, net.weight(6, 9, 3, 1, 2), None, (2, 1, 2), (1, 0, 1, 0, 2, 1), (1, 2, 1), 2))
    up = net.add(
        ConvTranspose(y, net.weight(18, 7, 2, 2, 2), net.weight(7), (2, 2, 2), (0,) * 6, (1, 1, 1), (0, 0, 0))
    )
    grown = net.add(Resize(z, (1, 6, 5, 11, 9), "linear"))
    check_all(net, y, z, up, grown)


def relu_of_conv3d(body, x, weight, bias):
    return body.add(Relu(body.add(Conv3d(x, weight, bias, pads=(1,) * 6))))


def test_transposed_convolutions():
    net = Net()
    x = net.input(2, 12, 6, 5)
    y = net.add(Conv2d(x, net.weight(24, 12, 3, 3), pads=(1, 1, 1, 1)))
    doubled = net.add(ConvTranspose(y, net.weight(24, 20, 2, 2), net.weight(20), (2, 2)))
    odd = net.add(ConvTranspose(y, net.weight(24, 20, 3, 5), None, (2, 3), (1, 0, 2, 1), (1, 1), (1, 0)))
    dilated = net.add(ConvTranspose(y, net.weight(24, 3, 3, 3), None, (2, 4), (1, 1, 0, 0), (4, 2), groups=4))
    line = net.add(Reshape(x, (2, 12, 30)))
    one = net.add(ConvTranspose(line, net.weight(12, 17, 4), None, (2,), (1, 1), (1,), (0,)))
    joined = net.add(Conv2d(doubled, net.weight(8, 20, 3, 3), pads=(1, 1, 1, 1)))
    check_all(net, joined, odd, dilated, one)


@pytest.mark.parametrize("zero", [0, 3])
def test_quantised_transposed_convolutions_are_exact(zero):
    net = Net()
    x = net.input(1, 16, 5, 5)
    stored = net.add(Cast(x, TensorType(U8, x.shape, Quant((0.1,), (zero,)))))
    odd = net.param(net.random.integers(-99, 99, (16, 8, 3, 3)), Quant((0.2,)), I8)
    even = net.param(net.random.integers(-99, 99, (16, 16, 2, 2)), Quant((0.2,)), I8)
    first = net.add(ConvTranspose(stored, odd, None, (2, 2), (1, 1, 1, 1)))
    check_all(net, first, net.add(ConvTranspose(stored, even, None, (2, 2))), tolerance=0)


RESIZES = [
    {"sizes": (1, 6, 10, 14), "coordinates": "asymmetric", "nearest": "floor"},
    {"sizes": (1, 6, 8, 9)},
    {"sizes": (1, 6, 10, 14), "mode": "linear"},
    {"sizes": (1, 6, 3, 4), "mode": "linear", "antialias": True},
    {"sizes": (1, 6, 9, 8), "mode": "cubic", "coordinates": "align_corners"},
    {"sizes": (1, 6, 3, 9), "mode": "cubic", "antialias": True, "exclude_outside": True},
    {
        "sizes": (1, 6, 6, 6), "mode": "linear", "coordinates": "tf_crop_and_resize", "extrapolation": 9.0,
        "roi": (0.0, 0.0, -0.25, 0.5, 1.0, 1.0, 0.75, 1.25),
    },
]  # fmt: skip


@pytest.mark.slow
def test_resizing():
    net = Net()
    x = net.input(1, 6, 5, 7)
    blocked = net.add(Conv2d(x, net.weight(6, 6, 3, 3), pads=(1, 1, 1, 1)))
    check_all(net, *(net.add(Resize(source, **case)) for case in RESIZES for source in (x, blocked)))


@pytest.mark.slow
def test_layer_norm_and_cells():
    net = Net()
    x, h, c = net.input(3, 20), net.input(3, 6, name="h"), net.input(3, 6, name="c")
    norm = net.add(LayerNorm(net.add(Add(x, x)), net.weight(20), net.weight(20)))
    plane = net.add(LayerNorm(net.add(Reshape(x, (3, 2, 10))), None, net.weight(2, 10), 1, 1e-3))
    weights = net.weight(24, 20), net.weight(24, 6), net.weight(24), net.weight(18)
    state = net.builder.add_all(LSTMCell(x, h, c, *weights))
    gates = net.add(Reshape(net.add(Add(x, x)), (3, 20)))
    own = net.weight(18, 20), net.weight(18, 6), net.weight(18), net.weight(18)
    after = net.add(GRUCell(gates, h, *own, linear_before_reset=True))
    before = net.add(GRUCell(gates, h, *own))
    check_all(net, norm, plane, *state, after, before)


def check_all(net, *outputs, tolerance=1e-5):
    module = net.module(*outputs)
    check(module, net.data(module), tolerance)


@pytest.mark.parametrize("epilogue", [False, True])
def test_volumes_and_transposed_convolutions_accumulate_in_registers(epilogue):
    """Their programs are anchored, so that the register-tiled schedule of 2-D convolutions applies."""
    net = Net()
    x = net.input(1, 4, 4, 4, 4)
    weight = net.weight(8, 4, 3, 3, 3)
    value = net.fused((x, weight, net.weight(8)), relu_of_conv3d) if epilogue else net.add(Conv3d(x, weight))
    up = net.add(ConvTranspose(net.input(1, 4, 4, 4, name="z"), net.weight(4, 8, 2, 2), None, (2, 2)))
    for node in net.module(value, up).graph.nodes:
        if node.op.name != "ir.param":
            assert anchored(program_of(node).kernel) is not None
