"""Register tiles: whatever a schedule says, the result is the same; what is emitted is what the schedule says."""

import numpy as np
import pytest

from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.schedules import program_schedules
from gossamer.codegen.tvm.program import program_of
from gossamer.codegen.tvm.tiles import Cut
from gossamer.ir.ops import Conv2d, Gemm, Relu
from gossamer.ir.schedule import Schedule, Tile

from .tvm_help import Net, check

ORDER = ("n", "oc", "oh", "ow")


def scheduled(parallel=("n", "oc", "oh"), unroll=(), **tiles: tuple[int, ...]) -> Schedule:
    found = tuple(Tile(axis, sizes) for axis, sizes in tiles.items())
    return Schedule(tile=found, order=ORDER, unroll=unroll, vectorize=Tile("oc", (16,)), parallel=parallel)


def convolution(schedule: Schedule, ic=40, oc=72, extent=11, kernel=3, stride=1, batch=2):
    net = Net()
    x = net.add(Relu(net.input(batch, ic, extent, extent)))
    bias = net.param(net.random.standard_normal(oc))
    conv = Conv2d(x, net.weight(oc, ic, kernel, kernel), bias, strides=(stride,) * 2, pads=(kernel // 2,) * 4)
    return net, net.module(net.add(conv, schedule))


@pytest.mark.slow
@pytest.mark.parametrize("schedule", [
    Schedule(),
    scheduled(oc=(64,), oh=(1,), ow=(6,)),
    scheduled(oc=(48,), oh=(2,), ow=(4,)),
    scheduled(oc=(32,), oh=(11, 1), ow=(7,), ic=(16,)),
    scheduled(oc=(64,), oh=(4, 1), ow=(5,), ic=(32,)),
    scheduled(oc=(64,), oh=(5, 5), ow=(1,), ic=(16,)),
    scheduled(oc=(16,), oh=(1,), ow=(28,), unroll=("kh", "kw")),
    scheduled(oc=(1024,), oh=(100,), ow=(100,)),
    scheduled(parallel=("n",), oc=(32,), oh=(1,), ow=(4,)),
    scheduled(parallel=(), oc=(32,), oh=(1,), ow=(4,)),
    scheduled(parallel=ORDER, oc=(32,), oh=(3,), ow=(4,)),
    Schedule(tile=(Tile("oc", (32,)), Tile("ow", (6,))), order=("n", "oh", "oc", "ow"), parallel=("n", "oh")),
], ids=str)  # fmt: skip
def test_a_schedule_never_changes_the_result(schedule):
    net, module = convolution(schedule)
    check(module, net.data(module), tolerance=4e-6)


@pytest.mark.slow
@pytest.mark.parametrize("stride, kernel, extent", [(2, 3, 13), (2, 7, 17), (1, 1, 9), (3, 5, 20)])
def test_strides_and_kernels_in_uneven_tiles(stride, kernel, extent):
    net, module = convolution(scheduled(oc=(48,), oh=(1,), ow=(3,)), 19, 50, extent, kernel, stride, batch=1)
    check(module, net.data(module), tolerance=4e-6)


@pytest.mark.parametrize("rows, columns, depth", [(1, 1000, 512), (197, 192, 64), (5, 33, 7)])
def test_matrices(rows, columns, depth):
    net = Net()
    x = net.add(Relu(net.input(rows, depth)))
    y = net.add(Gemm(x, net.weight(columns, depth), net.param(net.random.standard_normal(columns)), transpose_b=True))
    module = net.module(y)
    check(module, net.data(module), tolerance=4e-6)


def test_the_default_tile_fits_the_registers_and_asks_for_few_loads():
    net, module = convolution(Schedule(), 64, 64, 56, batch=1)
    node = next(n for n in module.graph.nodes if isinstance(n.op, Conv2d))
    for registers in (16, 32):
        hardware = CpuHardware(vector_bits=16 * registers, vector_registers=registers)
        for schedule in program_schedules(program_of(node).kernel, hardware):
            vectors = schedule.tile_of("oc")[-1] // hardware.lanes
            points = schedule.tile_of("oh")[-1] * schedule.tile_of("ow")[-1]
            assert vectors * points + vectors + 1 <= registers
        best = program_schedules(program_of(node).kernel, hardware)[0]
        vectors = best.tile_of("oc")[-1] // hardware.lanes
        assert (vectors + best.tile_of("ow")[-1]) / (vectors * best.tile_of("ow")[-1]) < 0.7


def test_weights_beyond_the_cache_are_taken_in_chunks():
    net, module = convolution(Schedule(), 512, 512, 7, batch=1)
    node = next(n for n in module.graph.nodes if isinstance(n.op, Conv2d))
    best = program_schedules(program_of(node).kernel, CpuHardware())[0]
    step_bytes = 4 * 9 * best.tile_of("oc")[-1]
    assert best.tile_of("ic")[-1] * step_bytes <= CpuHardware().l1_bytes
    assert best.tile_of("oh")[0] == 7


@pytest.mark.parametrize("extent, size", [(1, 1), (7, 4), (56, 6), (197, 6), (10, 100), (5, 1)])
def test_a_loop_is_cut_into_nearly_equal_pieces(extent, size):
    cut = Cut.of(extent, size)
    pieces = [cut.base + 1] * cut.longer + [cut.base] * (cut.count - cut.longer)
    assert sum(pieces) == extent and max(pieces) <= size and max(pieces) - min(pieces) <= 1
    assert np.ptp(pieces) == (1 if cut.longer else 0)
