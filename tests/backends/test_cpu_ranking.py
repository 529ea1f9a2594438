"""The model of a scheduled layer: what it counts, what bounds it, how its parts make up the prediction."""

from dataclasses import replace

import pytest

from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.ranking import terms_of
from gossamer.backends.cpu.winograd_plan import winograd_plan, winograd_terms
from gossamer.codegen.tvm.winograd import Tiling
from gossamer.ir.layer import Layer
from gossamer.ir.schedule import Schedule, Tile

CPU = CpuHardware(cores=1)
CONV = Layer("conv", 1, 64, 56, 56, 64, 56, 56, 3, 3)


def tiled(vectors: int, pixels: int, name: str = "ow") -> Schedule:
    return Schedule(tile=(Tile("oc", (16 * vectors,)), Tile("oh", (1,)), Tile(name, (pixels,))))


def test_products_of_register_tiles_take_their_arithmetic_or_their_loads() -> None:
    wide, narrow = terms_of(CONV, tiled(4, 6), CPU), terms_of(CONV, tiled(1, 2), CPU)
    peak_s = CONV.macs / CPU.peak_macs_per_s
    assert wide.compute_s == pytest.approx(peak_s) and narrow.compute_s == pytest.approx(peak_s)
    assert wide.bound == "compute" and narrow.bound == "loads"
    assert narrow.loads_s == pytest.approx(3 * peak_s, rel=0.01)  # three loads for two products, of two a cycle
    assert peak_s < wide.latency_s < narrow.latency_s


def test_cores_share_the_work_and_wake_each_other() -> None:
    one, two = (terms_of(CONV, tiled(4, 6), replace(CPU, cores=n)) for n in (1, 2))
    assert two.compute_s == pytest.approx(one.compute_s / 2)
    assert one.launch_s == 0 < two.launch_s


def test_weights_beyond_the_caches_bound_a_product_of_one_row() -> None:
    gemm = Layer("gemm", 1, 1280, 1, 1, 1000, 1, 1)
    tile = Schedule(tile=(Tile("oc", (96,)), Tile("n", (1,))))
    found = terms_of(gemm, tile, CPU)
    assert found.bound == "L3" and found.l3_s == pytest.approx(4 * 1280 * 1000 / CPU.l3_bytes_per_s)
    assert terms_of(gemm, tile, replace(CPU, l3_bytes=1 << 20)).bound == "DRAM"


def test_bytes_are_multiplied_by_dot_products() -> None:
    narrow = replace(CONV, weight_bits=8, activation_bits=8, output_bits=8)
    assert terms_of(narrow, tiled(4, 6), CPU).compute_s == pytest.approx(terms_of(CONV, tiled(4, 6), CPU).compute_s / 4)


def test_winograd_has_the_parts_of_its_plan() -> None:
    found = terms_of(CONV, Schedule(algorithm="winograd", winograd_m=4), CPU)
    plan = winograd_terms(CONV, 4, CPU)
    assert replace(found, latency_s=plan.latency_s) == plan
    assert found.compute_s < terms_of(CONV, tiled(4, 6), CPU).compute_s / 2
    assert found.other_s > 0 and found.latency_s > found.compute_s + found.other_s


def test_many_weights_of_few_pixels_are_transformed_by_who_uses_them() -> None:
    cpu = replace(CPU, cores=2)
    shapes = ((64, 56), (512, 16), (512, 512))
    few, many, vast = (winograd_plan(Tiling(4, 3, 1, c, c, n, n, 1, 1), 16, cpu).blocking for c, n in shapes)
    assert (few.form, many.form, vast.form) == ("fused", "late", "apart")


@pytest.mark.parametrize("layer", [
    Layer("conv", 1, 96, 14, 14, 96, 14, 14, 3, 3, groups=96), Layer("pool", 1, 64, 112, 112, 64, 56, 56, 3, 3, 2, 2),
    Layer("eltwise", 1, 64, 56, 56, 64, 56, 56, operands=2), Layer("conv", 1, 64, 28, 28, 64, 28, 28, 3, 3, groups=4),
])  # fmt: skip
@pytest.mark.parametrize("schedule", [Schedule(), tiled(1, 14), Schedule(algorithm="im2col")])
def test_every_kind_of_layer_has_a_prediction(layer: Layer, schedule: Schedule) -> None:
    if schedule.algorithm == "im2col" and layer.groups > 1:
        pytest.skip("products of gathered pixels have one group")
    found = terms_of(layer, schedule, CPU)
    parts = (found.compute_s, found.loads_s, found.l2_s, found.l3_s, found.dram_s, found.other_s)
    assert 0 < max(parts) <= found.latency_s < 10 * sum(parts)
