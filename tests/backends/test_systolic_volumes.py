"""Volumes, transposed convolutions and recurrent layers on a systolic array: priced as the products they are."""

import numpy as np
import pytest

from gossamer.backends.base import Infeasible
from gossamer.backends.systolic import backend
from gossamer.backends.systolic.hardware import SystolicHardware
from gossamer.ir.build import GraphBuilder
from gossamer.ir.graph import Module, Params
from gossamer.ir.layer import Layer
from gossamer.ir.ops import Conv3d, ConvTranspose, GRUCell, LSTMCell, Param, Scan
from gossamer.ir.types import F16, F32, I8, Quant, TensorType
from gossamer.ir.verify import verify
from gossamer.passes.pipeline import run_pipeline

CHIP = SystolicHardware(rows=16, cols=16, pe_bits=16)


def quantised(shape, scale=0.1):
    return TensorType(I8, shape, Quant((scale,)))


def integer_network():
    b = GraphBuilder()
    x = b.input("x", quantised((1, 8, 4, 6, 6)))
    y = b.input("y", quantised((1, 16, 8, 8)))
    w, u = (b.add(Param(n, quantised(s)), n) for n, s in (("w", (12, 8, 3, 3, 3)), ("u", (16, 10, 2, 2))))
    volume = b.add(Conv3d(x, w, pads=(1,) * 6), "volume")
    up = b.add(ConvTranspose(y, u, strides=(2, 2)), "up")
    params = Params({"w": np.ones((12, 8, 3, 3, 3), np.int8), "u": np.ones((16, 10, 2, 2), np.int8)})
    return Module("integers", b.finish((volume, up)), params, CHIP)


def recurrent_network(dtype, steps=20, units=32):
    body, b = GraphBuilder(), GraphBuilder()
    shapes = {"h": (1, units), "c": (1, units), "x": (1, 4 * units), "r": (4 * units, units)}
    h, c, x, r = (body.input(n, TensorType(dtype, s)) for n, s in shapes.items())
    new = body.add_all(LSTMCell(x, h, c, None, r), ("cell",))
    xs = b.input("xs", TensorType(dtype, (steps, *shapes["x"])))
    state = [b.input(n, TensorType(dtype, shapes[n])) for n in ("h", "c")]
    weight = b.add(Param("r", TensorType(dtype, shapes["r"])), "r")
    results = b.add_all(Scan((*state, xs, weight), body.finish((*new, new[0])), 2, 1, steps), ("last",))
    z = b.input("z", TensorType(dtype, (1, 3 * units)))
    k = b.add(Param("k", TensorType(dtype, (3 * units, units))), "k")
    alone = b.add(GRUCell(z, state[0], None, k), "alone")
    params = Params({n: np.ones(s, dtype.numpy) for n, s in (("r", shapes["r"]), ("k", (3 * units, units)))})
    return Module("recurrent", b.finish((results[2], alone)), params, CHIP)


def layers_of(artifact):
    assert not isinstance(artifact, Infeasible), str(artifact)
    return {report.title: report for report in artifact.reports}


def test_volumes_and_transposed_convolutions_have_exact_products_and_a_price():
    module = run_pipeline(integer_network(), "tile{target=systolic}")
    found = layers_of(backend.compile(verify(module)))
    volume, up = found["volume"], found["up"]
    assert volume.layer.macs == 12 * 4 * 6 * 6 * 8 * 27
    assert up.layer == Layer("gemm", 64, 16, 1, 1, 40, 1, 1, weight_bits=8, activation_bits=8)
    assert up.layer.macs == 64 * 16 * 40
    for row in (volume, up):
        assert row.latency_s * CHIP.clock_hz >= row.layer.macs / (CHIP.rows * CHIP.cols)
    scheduled = {n.title for n in module.graph.nodes if n.schedule is not None}
    assert scheduled == {"volume", "up"}


def test_the_gates_of_a_scan_are_a_product_in_every_step():
    module = run_pipeline(recurrent_network(F16), "tile{target=systolic}")
    found = layers_of(backend.compile(verify(module)))
    cell, alone = found["cell"].layer, found["alone"].layer
    assert (cell.kind, cell.groups, cell.ic, cell.oc) == ("gemm", 20, 20 * 32, 20 * 128)
    assert cell.macs == 20 * 32 * 128 and alone.macs == 32 * 96
    one = recurrent_network(F16, steps=1)
    per_step = layers_of(backend.compile(one))["cell"].latency_s
    assert 10 * per_step < found["cell"].latency_s <= 20 * per_step


@pytest.mark.parametrize("supports", [True, False])
def test_a_cell_too_wide_for_the_multipliers_is_named(supports):
    module = recurrent_network(F32)
    scan = next(node for node in module.graph.nodes if isinstance(node.op, Scan))
    reason = backend.supports(scan) if supports else backend.compile(module)
    assert isinstance(reason, Infeasible)
    assert str(reason).startswith("cell: needs multipliers for 32-bit weights by 32-bit activations, has 16-bit")
