"""Convolutions: shapes, layouts, fusion, schedules, narrow machines."""

from dataclasses import replace

import numpy as np
import pytest

from gossamer.backends.cpu.hardware import CpuHardware, host
from gossamer.backends.cpu.schedules import legal_schedules
from gossamer.ir import ops
from gossamer.ir.schedule import Schedule, Tile

from .tvm_help import Net, check

SHAPES = [
    # ic, oc, extent, kernel, stride, pads, dilation, groups
    (3, 16, 13, 3, 1, (1, 1, 1, 1), 1, 1),
    (3, 20, 16, 7, 2, (3, 3, 3, 3), 1, 1),
    (16, 32, 8, 3, 2, (0, 0, 1, 1), 1, 1),
    (20, 24, 9, 1, 1, (0, 0, 0, 0), 1, 1),
    (8, 8, 6, 5, 1, (2, 2, 2, 2), 1, 1),
    (4, 2, 5, 3, 1, (1, 1, 1, 1), 1, 1),
    (16, 16, 10, 3, 1, (2, 2, 2, 2), 2, 1),
    (20, 20, 7, 3, 1, (1, 1, 1, 1), 1, 20),
    (16, 32, 7, 3, 2, (1, 1, 1, 1), 1, 16),
    (32, 32, 6, 3, 1, (1, 1, 1, 1), 1, 2),
    (12, 24, 6, 3, 1, (1, 1, 1, 1), 1, 4),
]


@pytest.mark.slow
@pytest.mark.parametrize("ic, oc, extent, kernel, stride, pads, dilation, groups", SHAPES)
def test_two_convolutions_in_a_row(ic, oc, extent, kernel, stride, pads, dilation, groups):
    """The second reads the first's blocked result, with a halo."""
    net = Net()
    x = net.input(2, ic, extent, extent + 1)
    options = {"strides": (stride, stride), "pads": pads, "dilations": (dilation, dilation), "groups": groups}
    y = net.add(ops.Conv2d(x, net.weight(oc, ic // groups, kernel, kernel), net.weight(oc), **options))
    z = net.add(ops.Conv2d(y, net.weight(12, oc, 3, 3), pads=(1, 1, 1, 1)))
    module = net.module(y, z)
    check(module, net.data(module))


def _residual(net, x, channels, stride=1):
    ic = x.shape[1]
    first = net.fused(
        (x, net.weight(channels, ic, 3, 3), net.weight(channels)),
        lambda b, x, w, c: b.add(ops.Relu(b.add(ops.Conv2d(x, w, c, strides=(stride, stride), pads=(1, 1, 1, 1))))),
    )
    other = x if stride == 1 else net.add(ops.Conv2d(x, net.weight(channels, ic, 1, 1), strides=(stride, stride)))
    return net.fused(
        (first, net.weight(channels, channels, 3, 3), net.weight(channels), other),
        lambda b, x, w, c, r: b.add(ops.Relu(b.add(ops.Add(b.add(ops.Conv2d(x, w, c, pads=(1, 1, 1, 1))), r)))),
    )


@pytest.mark.slow
def test_a_small_residual_network():
    net = Net()
    x = net.input(1, 3, 32, 32)
    y = net.add(ops.MaxPool2d(net.add(ops.Conv2d(x, net.weight(16, 3, 3, 3), pads=(1, 1, 1, 1))), (2, 2), (2, 2)))
    y = _residual(net, _residual(net, y, 16), 32, stride=2)
    y = net.add(ops.Reshape(net.add(ops.ReduceMean(y, (2, 3))), (1, 32)))
    module = net.module(net.add(ops.Gemm(y, net.weight(10, 32), net.weight(10), transpose_b=True)))
    artifact = check(module, net.data(module))
    assert len({launch.kernel for launch in artifact.manifest.launches}) <= len(artifact.manifest.launches)


def test_squeeze_and_excite():
    net = Net()
    x = net.input(1, 24, 7, 7)
    y = net.add(ops.Conv2d(x, net.weight(24, 24, 1, 1)))
    gate = net.add(ops.Conv2d(net.add(ops.ReduceMean(y, (2, 3))), net.weight(6, 24, 1, 1)))
    gate = net.add(ops.HardSigmoid(net.add(ops.Conv2d(net.add(ops.Relu(gate)), net.weight(24, 6, 1, 1)))))
    module = net.module(net.add(ops.Mul(y, gate)))
    check(module, net.data(module))


SCHEDULES = [
    Schedule(),
    Schedule(tile=(Tile("oc", (32,)), Tile("ow", (4,))), parallel=("oc", "oh"), order=("oc", "oh", "ow", "n")),
    Schedule(
        tile=(Tile("oc", (16,)), Tile("oh", (2,)), Tile("ow", (4,)), Tile("ic", (4,))),
        unroll=("ic", "kw"),
        order=("n", "oh", "ow", "oc"),
    ),
    Schedule(tile=(Tile("oc", (64, 16)), Tile("ow", (5,))), unroll=("kh", "kw"), parallel=("n",)),
]


@pytest.mark.slow
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_never_changes_the_result(schedule):
    net = Net()
    x = net.input(1, 16, 8, 8)
    module = net.module(net.add(ops.Conv2d(x, net.weight(64, 16, 3, 3), net.weight(64), pads=(1, 1, 1, 1)), schedule))
    check(module, net.data(module))


@pytest.mark.slow
def test_every_legal_schedule_runs():
    net = Net()
    x = net.input(1, 16, 8, 8)
    weight = net.weight(32, 16, 3, 3)
    op = ops.Conv2d(x, weight, pads=(1, 1, 1, 1))
    y = net.add(op)
    node = net.builder.nodes[-1]
    found = legal_schedules(node, host())
    assert len(found) >= 3 and len(set(found)) == len(found) and y.shape == (1, 32, 8, 8)
    module = net.module(*(net.add(op, schedule) for schedule in found))
    check(module, net.data(module), 2e-5)


@pytest.mark.parametrize("bits, registers", [(256, 16), (128, 16)])
def test_narrower_vectors(bits, registers):
    hardware = replace(host(), vector_bits=bits, vector_registers=registers, int8_dot=1)
    assert isinstance(hardware, CpuHardware)
    net = Net()
    x = net.input(1, 3, 16, 16)
    y = net.add(ops.Conv2d(x, net.weight(20, 3, 3, 3), pads=(1, 1, 1, 1)))
    module = net.module(_residual(net, y, 20))
    check(module, net.data(module), hardware=hardware)


def test_no_conversion_between_convolutions():
    """A chain of convolutions is one kernel each: layouts and halos meet."""
    net = Net()
    x = net.input(1, 16, 8, 8)
    for _ in range(3):
        x = net.add(ops.Conv2d(x, net.weight(16, 16, 3, 3), pads=(1, 1, 1, 1)))
    module = net.module(x)
    artifact = check(module, net.data(module))
    assert len(artifact.manifest.kernels) == 3
    assert "copy" not in {row.kernel for row in artifact.manifest.launches}


def test_inputs_are_not_changed_and_runs_are_independent():
    net = Net()
    x = net.input(1, 16, 8, 8)
    module = net.module(net.add(ops.Conv2d(x, net.weight(16, 16, 3, 3), pads=(1, 1, 1, 1))))
    artifact = check(module, net.data(module))
    first, second = net.data(module), net.data(module)
    kept = first["x"].copy()
    one = artifact.run(first)
    artifact.run(second)
    again = artifact.run(first)
    assert np.array_equal(kept, first["x"]) and all(np.array_equal(one[k], again[k]) for k in one)
