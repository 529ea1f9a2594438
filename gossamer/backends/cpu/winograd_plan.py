"""How a Winograd convolution is cut for a machine, and what it is expected to cost: of all blockings, the fastest.

The cost of a blocking is the sum of its phases; the products of a phase take the longer of their arithmetic (register
tile by register tile) and of bringing their weights from the cache that holds them.

    fused: rounds of tasks x (transforms of their tiles + products + all weights, from the second or the last level)
    apart: transforms + products + every weight once + V and M written and read through the last level, three launches
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.layouts import block_size
from gossamer.codegen.tvm.panel import Cut
from gossamer.codegen.tvm.winograd import Blocking, Tiling

MAX_VECTORS = 6
MAX_POINTS = 12
"""Largest register tile that is tried: vectors of channels by points."""

TASKS_PER_CORE = 8
"""Most tasks a core that a fused kernel is cut into."""

FMA_LATENCY = 4.0
"""Cycles from the operands of a multiply-add to its result."""

STEP_OVERHEAD = 0.5
"""Cycles of a step of the products besides them: counting and addresses."""

TRANSFORM_CYCLES = 7.0
"""Cycles per vector of a tile's elements of either transform."""

LAUNCH_S = 3e-6
"""Calling one kernel and waking the other threads."""

L2_SHARE = 0.8
"""Part of a core's second-level cache that a task may fill."""


@dataclass(frozen=True)
class Plan:
    """A blocking and the seconds it is expected to take."""

    blocking: Blocking
    latency_s: float


def winograd_plan(tiling: Tiling, inner: int, hardware: CpuHardware) -> Plan:
    """The fastest blocking. `inner`: channels in a block of the input's layout."""
    found = [Plan(blocking, _latency_s(tiling, blocking, hardware)) for blocking in _blockings(tiling, inner, hardware)]
    return min(found, key=lambda plan: plan.latency_s)


def _blockings(tiling: Tiling, inner: int, hardware: CpuHardware) -> Iterator[Blocking]:
    lanes = block_size(tiling.oc, hardware.lanes)
    columns = {-(-tiling.tiles // (hardware.cores * k)) for k in range(1, TASKS_PER_CORE + 1)}
    for vectors in range(1, min(MAX_VECTORS, -(-tiling.oc // lanes)) + 1):
        depth = max(inner, hardware.l1_bytes * 5 // 8 // (4 * lanes * vectors) // inner * inner)
        for points in range(1, MAX_POINTS + 1):
            if vectors * points + vectors + 1 <= hardware.vector_registers:
                yield Blocking(False, tiling.tiles, lanes, vectors, points, depth)
                for count in sorted(columns):
                    yield Blocking(True, count, lanes, vectors, points, depth)


def _latency_s(tiling: Tiling, blocking: Blocking, hardware: CpuHardware) -> float:
    lanes, vectors = blocking.lanes, -(-tiling.oc // blocking.lanes)
    blocks = -(-vectors // blocking.vectors)
    padded = blocks * blocking.vectors * lanes
    u_bytes = 4.0 * tiling.elements * tiling.ic * padded
    transform = TRANSFORM_CYCLES * tiling.elements * (-(-tiling.ic // hardware.lanes) + vectors) / hardware.clock_hz
    product = tiling.elements * tiling.ic * blocks * _step_cycles(blocking, hardware) / hardware.clock_hz
    last_level = hardware.l3_bytes_per_s if u_bytes < hardware.l3_bytes / 2 else hardware.dram_bytes_per_s
    if blocking.fused:
        tasks = -(-tiling.tiles // blocking.columns)
        rounds = -(-tasks // hardware.cores)
        own = 4.0 * tiling.elements * blocking.columns * (tiling.ic + blocking.vectors * lanes)
        near = u_bytes + own <= L2_SHARE * hardware.l2_bytes
        # cores that read the same weights get them at once
        fetch = 0.0 if near else u_bytes / last_level
        return rounds * (transform * blocking.columns + max(product, fetch)) + LAUNCH_S
    moved = 8.0 * tiling.elements * tiling.tiles * (tiling.ic + padded) / hardware.l3_bytes_per_s
    shared = max(product / hardware.cores, u_bytes / last_level)
    return transform * tiling.tiles / hardware.cores + shared + moved + 3 * LAUNCH_S


def _step_cycles(blocking: Blocking, hardware: CpuHardware) -> float:
    """Cycles of one input channel for all points of a task and one register tile's output channels."""
    total = 0.0
    for _, size, count in Cut.of(blocking.columns, blocking.points).pieces():
        arithmetic = blocking.vectors * size / hardware.fma_units
        step = max(arithmetic, (blocking.vectors + size) / hardware.loads_per_cycle, FMA_LATENCY)
        total += count * (step + STEP_OVERHEAD)
    return total
