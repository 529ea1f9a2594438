"""What a scheduled layer is expected to take, and why: the model behind its prediction and its explanation.

    latency = hypot(core, activations beyond the cores' own caches) + weights beyond them + other + launch

core: products in register tiles, tile by tile (`schedules.step_cycles`), or a window's taps. Fetching activations is
mostly hidden behind that, as it is foreseen; fetching weights is not. Winograd has a plan of its own (`winograd_plan`).
The constants are fitted to ResNet-18 and MobileNetV2 on one thread of an AVX-512 machine; docs/cpu.md has the errors,
also on networks they were not fitted to.
"""

from dataclasses import replace
from math import ceil, hypot

from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.im2col_plan import im2col_plan
from gossamer.backends.cpu.layouts import block_size
from gossamer.backends.cpu.schedules import RegisterTile, StepCycles, step_cycles
from gossamer.backends.cpu.terms import LAUNCH_S, MOVED_BYTES_PER_CYCLE, Terms
from gossamer.backends.cpu.winograd_plan import L2_SHARE, L3_SHARE, winograd_terms
from gossamer.backends.cpu.winograd_plan import step_cycles as row_cycles
from gossamer.ir.layer import Layer
from gossamer.ir.schedule import Schedule

WINDOWED, POINTWISE, FEW_CHANNELS, GATHERED, WINOGRAD = 1.12, 1.35, 1.8, 1.12, 1.35
"""What takes of the cycles counted for it: products with a window, without, with fewer input channels than lanes (a row
is read number by number), of gathered pixels; what Winograd takes of its plan."""

WRITE_CYCLES, WINDOW_WRITE_CYCLES = 6.0, 3.0
"""Cycles per vector of a result: sums become results and are written; of depthwise and pooling windows."""

TAP_CYCLES = 1.1
"""Cycles of a tap of a window per vector."""

GATHER_CYCLES = 1.0
"""Cycles per number that is gathered for a product of gathered pixels."""

FORESEEN = 0.7
"""Part of the time of the last-level cache that activations take: they are fetched ahead."""


def terms_of(layer: Layer, schedule: Schedule, hardware: CpuHardware) -> Terms:
    """The expected seconds of a layer in a schedule, by part."""
    if layer.kind == "conv" and schedule.winograd_m is not None:
        planned = winograd_terms(layer, schedule.winograd_m, hardware)
        return replace(planned, latency_s=WINOGRAD * planned.latency_s)
    if layer.depthwise or layer.kind == "pool":
        return _window(layer, schedule, hardware)
    if not layer.macs:
        moved = layer.input_elements * layer.activation_bits / 8 + layer.output_elements * layer.output_bits / 8
        return _together(layer, hardware, StepCycles(0, 0, 0, 0, 0), 0, moved / MOVED_BYTES_PER_CYCLE)
    if schedule.algorithm == "im2col":
        return _gathered(layer, hardware)
    return _products(layer, schedule, hardware)


def _products(layer: Layer, schedule: Schedule, hardware: CpuHardware) -> Terms:
    """Register tiles of a convolution or a product of matrices."""
    tile, (rows, pixels) = register_tile(layer, schedule, hardware), plane(layer)
    blocks = ceil(layer.oc // layer.groups / hardware.lanes)
    steps = layer.ic // layer.groups * layer.kh * layer.kw
    slab = steps * tile.vectors * hardware.lanes * layer.weight_bits // 8
    chunks = any(len(t.sizes) > 1 for t in schedule.tile)
    cycles = step_cycles(blocks, rows, pixels, tile, 0 if chunks else slab, hardware)
    count = blocks * layer.groups * layer.output_elements / layer.oc * steps / products_per_lane(layer, hardware)
    few = layer.kind == "conv" and layer.ic // layer.groups < hardware.lanes
    share = POINTWISE if layer.kh * layer.kw == 1 else FEW_CHANNELS if few else WINDOWED
    return _together(layer, hardware, cycles, count, WRITE_CYCLES * _vectors(layer, hardware), share)


def _window(layer: Layer, schedule: Schedule, hardware: CpuHardware) -> Terms:
    """A window's taps, in rows of pixels whose weights are loaded once."""
    row = schedule.tile[-1].sizes[-1] if schedule.tile else 1
    weights = 1 / row if layer.depthwise else 0.0
    loads = (1 + weights) / hardware.loads_per_cycle
    cycles = StepCycles(1 / hardware.fma_units, loads, 0.0, max(TAP_CYCLES, loads), 1)
    count = ceil(layer.oc / hardware.lanes) * layer.n * layer.oh * layer.ow * layer.kh * layer.kw
    return _together(layer, hardware, cycles, count, WINDOW_WRITE_CYCLES * _vectors(layer, hardware))


def _gathered(layer: Layer, hardware: CpuHardware) -> Terms:
    """Rows of pixels that are gathered, then multiplied."""
    inner = block_size(layer.ic, hardware.lanes)
    blocking = im2col_plan(layer.oc, (layer.oh, layer.ow), inner, hardware).blocking
    vectors = ceil(layer.oc / blocking.lanes)
    tile = RegisterTile(blocking.vectors, 1, blocking.points)
    each = step_cycles(vectors, 1, blocking.columns, tile, 0, hardware)
    total = row_cycles(blocking, hardware) * ceil(vectors / blocking.vectors) / (vectors * blocking.columns)
    cycles = StepCycles(each.compute, each.loads, 0.0, total, each.kinds)
    taps = layer.ic * layer.kh * layer.kw
    count = vectors * layer.n * layer.oh * layer.ow * taps
    gathered = GATHER_CYCLES * layer.n * layer.oh * layer.ow * taps
    other = gathered + WRITE_CYCLES * _vectors(layer, hardware)
    return _together(layer, hardware, cycles, count, other, GATHERED)


def _together(
    layer: Layer, hardware: CpuHardware, cycles: StepCycles, count: float, other_cycles: float, share: float = 1.0
) -> Terms:
    """`count`: vectors of products, of all cores together; `share`: what they take of the cycles counted for them."""
    second = hardware.clock_hz * hardware.cores
    weights = layer.weight_elements * layer.weight_bits / 8
    sizes = layer.input_elements * layer.activation_bits / 8, layer.output_elements * layer.output_bits / 8
    own, far = L2_SHARE * hardware.l2_bytes * hardware.cores, weights > L3_SHARE * hardware.l3_bytes
    activations_s = FORESEEN * sum(size for size in sizes if size > own) / hardware.l3_bytes_per_s
    weights_s = weights / hardware.l3_bytes_per_s if weights > own / 2 and not far else 0.0
    dram_s = weights / hardware.dram_bytes_per_s if far else 0.0
    launch_s = LAUNCH_S if hardware.cores > 1 else 0.0
    core_s, other_s = share * count * cycles.total / second, other_cycles / second
    return Terms(
        compute_s=count * cycles.compute / second,
        loads_s=count * cycles.loads / second,
        l2_s=count * cycles.weights / second,
        l3_s=activations_s + weights_s,
        dram_s=dram_s,
        other_s=other_s,
        launch_s=launch_s,
        latency_s=hypot(core_s, activations_s) + weights_s + dram_s + other_s + launch_s,
    )


def _vectors(layer: Layer, hardware: CpuHardware) -> float:
    """Vectors that hold the result."""
    return layer.output_elements / hardware.lanes


def products_per_lane(layer: Layer, hardware: CpuHardware) -> int:
    """Products of a 32-bit lane and instruction, where both sides have at most 8 bits the dot product's."""
    return hardware.int8_dot if max(layer.weight_bits, layer.activation_bits) <= 8 else 1


def plane(layer: Layer) -> tuple[int, int]:
    """Rows and pixels that share weights."""
    return (layer.oh, layer.ow) if layer.kind == "conv" else (1, layer.n)


def register_tile(layer: Layer, schedule: Schedule, hardware: CpuHardware) -> RegisterTile:
    """As the schedule says; a vector by a pixel where it says nothing."""
    if not schedule.tile:
        return RegisterTile(1, 1, 1)
    channels, *others = (t.sizes[-1] for t in schedule.tile if t.axis not in ("ic", "kh", "kw"))
    vectors, pixels = max(1, channels // hardware.lanes), others[-1] if others else 1
    return RegisterTile(vectors, others[-2] if len(others) > 1 and layer.kind == "conv" else 1, pixels)
