"""How a Winograd convolution is cut for a machine, and what it is expected to cost: of all blockings, the fastest.

The cost of a blocking is the sum of its phases; the products' is the hypotenuse of their arithmetic (register tile by
register tile) and of bringing their weights from the cache that holds them, as one hides the other, but never all.

    fused: rounds of tasks x (transforms of their tiles + products + all weights, from the second or the last level)
    apart: transforms + products + every weight once + V and M written and read through the last level, three launches
    late: as apart, but the weights are fewer, their transform takes its time, and every task reads all of V
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import ceil, hypot

from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.layouts import block_size
from gossamer.backends.cpu.terms import LAUNCH_S, Terms
from gossamer.codegen.tvm.cut import Cut
from gossamer.codegen.tvm.winograd import Blocking, Tiling
from gossamer.ir.layer import Layer

MAX_VECTORS = 6
MAX_POINTS = 12
"""Largest register tile that is tried: vectors of channels by points."""

ROUNDS = (1, 2, 3, 4, 5, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128)
"""Tasks a core that are tried for a fused kernel."""

FMA_LATENCY = 4.0
"""Cycles from the operands of a multiply-add to its result."""

STEP_OVERHEAD = 0.5
"""Cycles of a step of the products besides them: counting and addresses."""

TRANSFORM_CYCLES = 0.17
"""Cycles per vector of a tile's element and per element of a tile, of either transform.

Each of the n x n elements is part of two transforms of n terms. Measured cycles per vector: 4.4 (n = 5), 6 (6), 8 (7).
"""

WEIGHT_CYCLES = 2.2
"""Cycles per vector of a tile's element of the transform of weights: n x n are stored for r x r that are read."""

FEW_TASKS = 0.35
"""Part of a late task's time for which threads wait for the last one: such tasks are large and few."""

LATE_TOLERANCE = 1.15
"""Weights are transformed by who uses them where that takes at most this much longer: they take less memory."""

L2_SHARE = 0.8
"""Part of a core's second-level cache that a task may fill."""

L3_SHARE = 0.25
"""Part of the last-level cache that the weights of a layer may fill and still be there in the next run of a network."""


@dataclass(frozen=True)
class Plan:
    """A blocking and what it is expected to take."""

    blocking: Blocking
    terms: Terms

    @property
    def latency_s(self) -> float:
        """Expected seconds."""
        return self.terms.latency_s


@cache
def winograd_plan(tiling: Tiling, inner: int, hardware: CpuHardware) -> Plan:
    """The fastest blocking, or a late one that is nearly as fast. `inner`: channels in a block of the input."""
    fastest, late = _plans(tiling, inner, hardware)
    return late if late.latency_s <= LATE_TOLERANCE * fastest.latency_s else fastest


@cache
def _plans(tiling: Tiling, inner: int, hardware: CpuHardware) -> tuple[Plan, Plan]:
    """(the fastest of all, the fastest late one)."""
    found = [Plan(blocking, _terms(tiling, blocking, hardware)) for blocking in _blockings(tiling, inner, hardware)]
    late = [plan for plan in found if plan.blocking.form == "late"]
    fastest, other = (min(plans, key=lambda plan: plan.latency_s) for plans in (found, late))
    return fastest, other


def winograd_s(layer: Layer, m: int, hardware: CpuHardware) -> float:
    """Seconds that a convolution as F(m x m, r x r) needs at least: what to choose by. A little time may be given away
    for memory later (`winograd_terms`)."""
    return _plans(_tiling(layer, m), block_size(layer.ic, hardware.lanes), hardware)[0].latency_s


def winograd_terms(layer: Layer, m: int, hardware: CpuHardware) -> Terms:
    """What a convolution as F(m x m, r x r) is expected to take, in the blocking that it gets."""
    return winograd_plan(_tiling(layer, m), block_size(layer.ic, hardware.lanes), hardware).terms


def _tiling(layer: Layer, m: int) -> Tiling:
    return Tiling(m, layer.kh, layer.n, layer.ic, layer.oc, layer.oh, layer.ow, 0, 0)


def _blockings(tiling: Tiling, inner: int, hardware: CpuHardware) -> Iterator[Blocking]:
    columns = {-(-tiling.tiles // (hardware.cores * k)) for k in ROUNDS}
    for lanes, vectors, points, depth in register_tiles(tiling.oc, inner, hardware):
        yield Blocking("apart", tiling.tiles, lanes, vectors, points, depth)
        late = min(depth, _late_depth(tiling, lanes * vectors, inner, hardware))
        yield Blocking("late", tiling.tiles, lanes, vectors, points, late)
        for count in sorted(columns):
            yield Blocking("fused", count, lanes, vectors, points, depth)


def _late_depth(tiling: Tiling, wide: int, inner: int, hardware: CpuHardware) -> int:
    """Input channels whose transformed weights, of `wide` output channels, take half of the second-level cache."""
    return max(inner, hardware.l2_bytes // 2 // (4 * tiling.elements * wide) // inner * inner)


def register_tiles(oc: int, inner: int, hardware: CpuHardware) -> Iterator[tuple[int, int, int, int]]:
    """(lanes, vectors, points, depth whose weights fit the first-level cache) of tiles that fit the registers."""
    lanes = block_size(oc, hardware.lanes)
    for vectors in range(1, min(MAX_VECTORS, -(-oc // lanes)) + 1):
        depth = max(inner, hardware.l1_bytes * 5 // 8 // (4 * lanes * vectors) // inner * inner)
        for points in range(1, MAX_POINTS + 1):
            if vectors * points + vectors + 1 <= hardware.vector_registers:
                yield lanes, vectors, points, depth


@dataclass(frozen=True)
class _Work:
    """What every form does. Seconds are of one core: `transform_s` of a tile, into V and out of M; `product_s`, and of
    it `busy_s` of multiply-adds and `loads_s` of loads, of the points of a task and all channels."""

    blocks: int
    channels: int
    transform_s: float
    product_s: float
    busy_s: float
    loads_s: float


def _work(tiling: Tiling, blocking: Blocking, hardware: CpuHardware) -> _Work:
    lanes, vectors = blocking.lanes, -(-tiling.oc // blocking.lanes)
    blocks = -(-vectors // blocking.vectors)
    both = -(-tiling.ic // hardware.lanes) + vectors
    steps = tiling.elements * tiling.ic * blocks / hardware.clock_hz
    return _Work(
        blocks,
        blocks * blocking.vectors * lanes,
        TRANSFORM_CYCLES * tiling.elements**2 * both / hardware.clock_hz,
        steps * step_cycles(blocking, hardware),
        steps * blocking.vectors * blocking.columns / hardware.fma_units,
        steps * _operands(blocking) / hardware.loads_per_cycle,
    )


def _terms(tiling: Tiling, blocking: Blocking, hardware: CpuHardware) -> Terms:
    terms = {"fused": _fused, "apart": _apart, "late": _late}[blocking.form]
    return terms(tiling, blocking, _work(tiling, blocking, hardware), hardware)


def _fused(tiling: Tiling, blocking: Blocking, work: _Work, hardware: CpuHardware) -> Terms:
    u_bytes = 4.0 * tiling.elements * tiling.ic * work.channels
    weights_s, far = _fetched(u_bytes, hardware)
    rounds = ceil(tiling.tiles / blocking.columns / hardware.cores)
    v, m = (4.0 * tiling.elements * blocking.columns * c for c in (tiling.ic, blocking.vectors * blocking.lanes))
    own = v + m
    near = u_bytes + own <= L2_SHARE * hardware.l2_bytes
    fetch = 0.0 if near else max(weights_s, hardware.cores * u_bytes / hardware.l3_bytes_per_s)
    beyond = max(0.0, 1 - L2_SHARE * hardware.l2_bytes / own)
    spilt = beyond * (v + 2 * m) * work.blocks * hardware.cores / hardware.l3_bytes_per_s
    transformed = work.transform_s * blocking.columns
    return Terms(
        compute_s=rounds * work.busy_s,
        loads_s=rounds * work.loads_s,
        l3_s=rounds * (spilt + (0.0 if far else fetch)),
        dram_s=rounds * fetch if far else 0.0,
        other_s=rounds * transformed,
        launch_s=LAUNCH_S,
        latency_s=rounds * (transformed + hypot(work.product_s, fetch) + spilt) + LAUNCH_S,
    )


def _apart(tiling: Tiling, blocking: Blocking, work: _Work, hardware: CpuHardware) -> Terms:
    fetched = _fetched(4.0 * tiling.elements * tiling.ic * work.channels, hardware)
    return _in_three(tiling, work, hardware, 1 / hardware.cores, fetched)


def _late(tiling: Tiling, blocking: Blocking, work: _Work, hardware: CpuHardware) -> Terms:
    """A task is a block of output channels: they are few, so threads wait for each other, and each reads all of V."""
    waiting = FEW_TASKS if hardware.cores > 1 else 0.0
    share = (ceil(work.blocks / hardware.cores) + waiting) / work.blocks
    weights = tiling.ic * work.channels
    fetched = _fetched(4.0 * tiling.r**2 * weights, hardware)
    cycles = WEIGHT_CYCLES * tiling.elements * weights / blocking.lanes
    again_bytes = 4.0 * tiling.elements * tiling.tiles * tiling.ic * (work.blocks - 1)
    again_bytes += _sums_bytes(tiling, blocking, work, hardware)
    return _in_three(tiling, work, hardware, share, fetched, cycles / hardware.clock_hz * share, again_bytes)


def _sums_bytes(tiling: Tiling, blocking: Blocking, work: _Work, hardware: CpuHardware) -> float:
    """Bytes of M that a core's cache does not keep between two parts of the input channels."""
    wide, parts = blocking.vectors * blocking.lanes, ceil(tiling.ic / blocking.depth)
    kept = max(0.0, hardware.l2_bytes - 4.0 * tiling.elements * blocking.depth * wide)
    return 2.0 * (parts - 1) * work.blocks * max(0.0, 4.0 * tiling.elements * tiling.tiles * wide - kept)


def _in_three(
    tiling: Tiling,
    work: _Work,
    hardware: CpuHardware,
    share: float,
    fetched: tuple[float, bool],
    weights_s: float = 0.0,
    again_bytes: float = 0.0,
) -> Terms:
    """Three kernels. `share`: what the busiest thread has of the products; it transforms weights for `weights_s`;
    `again_bytes` of V and M are moved beyond the first time."""
    (fetched_s, far), again_s = fetched, again_bytes / hardware.l3_bytes_per_s
    bytes_ = 4.0 * tiling.elements * tiling.tiles * (tiling.ic + work.channels)
    own = bytes_ / hardware.cores <= L2_SHARE * hardware.l2_bytes
    moved_s = bytes_ * ((1 - 1 / hardware.cores) if own else 2.0) / hardware.l3_bytes_per_s
    transformed = work.transform_s * tiling.tiles / hardware.cores + weights_s
    return Terms(
        compute_s=work.busy_s * share,
        loads_s=work.loads_s * share,
        l3_s=moved_s + again_s + (0.0 if far else fetched_s),
        dram_s=fetched_s if far else 0.0,
        other_s=transformed,
        launch_s=3 * LAUNCH_S,
        latency_s=transformed + hypot(work.product_s * share, fetched_s + again_s) + moved_s + 3 * LAUNCH_S,
    )


def _fetched(weights_bytes: float, hardware: CpuHardware) -> tuple[float, bool]:
    """(seconds to read weights once, whether they come from memory)."""
    far = weights_bytes > L3_SHARE * hardware.l3_bytes
    return weights_bytes / (hardware.dram_bytes_per_s if far else hardware.l3_bytes_per_s), far


def _operands(blocking: Blocking) -> int:
    """Vectors and numbers that the products of a step read."""
    return sum(n * (blocking.vectors + size) for _, size, n in Cut.of(blocking.columns, blocking.points).pieces())


def step_cycles(blocking: Blocking, hardware: CpuHardware) -> float:
    """Cycles of one input channel for all points of a task and one register tile's output channels."""
    total = 0.0
    for _, size, count in Cut.of(blocking.columns, blocking.points).pieces():
        arithmetic = blocking.vectors * size / hardware.fma_units
        step = max(arithmetic, (blocking.vectors + size) / hardware.loads_per_cycle, FMA_LATENCY)
        total += count * (step + STEP_OVERHEAD)
    return total
