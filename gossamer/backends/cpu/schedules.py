"""Legal schedules of a node on a CPU, and which to take when nobody chose.

A weighted reduction keeps a register tile of b vectors of output channels by t neighbouring pixels: per step it loads
b weight vectors and t scalars for b * t multiply-adds, so the larger the tile the better, up to the registers.
A windowed reduction without shared weights (depthwise, pooling) unrolls its window over a row of t pixels.
"""

from collections.abc import Iterator
from math import prod

from gossamer.backends.cpu.algorithms import winograd_obstacle
from gossamer.backends.cpu.cost import predicted_s
from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.layouts import block_size, vector_axis
from gossamer.codegen.tvm.indices import bare_axis
from gossamer.codegen.tvm.program import loads, opaque_op, program_of
from gossamer.codegen.tvm.structure import anchored, shared_factor
from gossamer.ir.analysis import layer
from gossamer.ir.graph import Node
from gossamer.ir.index import axes_in
from gossamer.ir.nest import Kernel, Nest
from gossamer.ir.schedule import Schedule, Tile

MAX_UNROLLED_WINDOW = 49
"""Windows of more taps than this stay loops."""

MAX_CHOICES = 8

WINOGRAD_TILES = (2, 4, 6)

LARGEST_DEFAULT_TILE = 6
"""Tiles (m + r - 1) beyond this lose more digits than a default may."""

WINOGRAD_GAIN = 0.75
"""Winograd comes first only where it is expected to take at most this share of the direct time."""


def legal_schedules(node: Node, hardware: CpuHardware) -> tuple[Schedule, ...]:
    """Schedules of a node, best guess first; () for nodes without a reduction to schedule and for opaque ops."""
    if opaque_op(node) is not None:
        return ()
    direct = program_schedules(program_of(node).kernel, hardware)
    tiles = tuple(
        Schedule(algorithm="winograd", winograd_m=m) for m in WINOGRAD_TILES if winograd_obstacle(node, m) is None
    )
    return tiles[1:2] + direct + tiles[:1] + tiles[2:] if tiles and _winograd_pays(node, hardware) else direct + tiles


def _winograd_pays(node: Node, hardware: CpuHardware) -> bool:
    """Whether F(4 x 4, r x r) is expected to be clearly faster, on channels that fill vectors."""
    signature = layer(node)
    if signature is None or WINOGRAD_TILES[1] + signature.kh > LARGEST_DEFAULT_TILE + 1:
        return False
    full = min(signature.ic, signature.oc) >= hardware.lanes
    payoff = predicted_s(signature, hardware, WINOGRAD_TILES[1]) < WINOGRAD_GAIN * predicted_s(signature, hardware)
    return full and payoff


def default_schedule(program: Kernel, hardware: CpuHardware) -> Schedule:
    """The first legal schedule, or an empty one."""
    return next(iter(program_schedules(program, hardware)), Schedule())


def product_schedule(program: Kernel, hardware: CpuHardware) -> Schedule:
    """The schedule of a Winograd product M[e, oc, t], which is blocked over oc."""
    return next(_register_tiles(program.stages[0], 1, hardware))


def program_schedules(program: Kernel, hardware: CpuHardware) -> tuple[Schedule, ...]:
    """As `legal_schedules`, of a program."""
    pair, axis = anchored(program), vector_axis(program)
    if pair is None:
        return ()
    nest = program.stages[pair[0]]
    if axis is None:
        return (Schedule(order=tuple(a.name for a in nest.parallel), parallel=tuple(a.name for a in nest.parallel)),)
    found = _register_tiles(nest, axis, hardware) if shared_factor(nest, axis) else _window_rows(nest, axis, hardware)
    return tuple(found)[:MAX_CHOICES]


def _register_tiles(nest: Nest, axis: int, hardware: CpuHardware) -> Iterator[Schedule]:
    channels, pixels = nest.parallel[axis], _row(nest, axis)
    lanes = block_size(channels.extent, hardware.lanes)
    blocks = -(-channels.extent // lanes)
    scored: list[tuple[float, int, int]] = []
    for b in (d for d in range(1, 5) if blocks % d == 0):
        for t in (d for d in range(1, 29) if pixels % d == 0):
            if b * t + b + 1 < hardware.vector_registers:
                scored.append((_steps_per_product(b, t, hardware), b, t))
    for _, b, t in sorted(scored, key=lambda s: (s[0], -s[2])):
        yield _tiled(nest, axis, lanes, b, t)


def _steps_per_product(b: int, t: int, hardware: CpuHardware) -> float:
    """Cycles of one reduction step over its b * t products: arithmetic, operand loads, or waiting for the last sum."""
    arithmetic = b * t / hardware.fma_units
    operands = (b + t) / 2
    latency = 4.0
    weights = 2.0 * b
    return max(arithmetic, operands, latency, weights) / (b * t) * (1 + 0.02 * b)


def _row(nest: Nest, axis: int) -> int:
    """Extent of the innermost parallel axis that is not the vector's: pixels of a row, rows of a gemm."""
    others = [a.extent for i, a in enumerate(nest.parallel) if i != axis]
    return others[-1] if others else 1


def _tiled(nest: Nest, axis: int, lanes: int, b: int, t: int, unroll: tuple[str, ...] = ()) -> Schedule:
    names = [a.name for a in nest.parallel]
    row = [n for i, n in enumerate(names) if i != axis][-1:]
    tile = (Tile(names[axis], (lanes * b,)), *(Tile(n, (t,)) for n in row))
    parallel = tuple(names) if len(names) < 4 else tuple(names[:-1])
    letters = {4: "NCHW", 5: "NCDHW"}.get(len(names), "")
    layout = f"{letters}{lanes}c" if letters and axis == 1 and lanes > 1 else ""
    return Schedule(
        tile=tile,
        order=tuple(names),
        unroll=unroll,
        vectorize=Tile(names[axis], (lanes,)),
        parallel=parallel,
        layout=layout,
    )


def _window_rows(nest: Nest, axis: int, hardware: CpuHardware) -> Iterator[Schedule]:
    lanes = block_size(nest.parallel[axis].extent, hardware.lanes)
    taps, name = list(nest.reduction), nest.parallel[axis].name
    unroll = tuple(a.name for a in taps) if prod(a.extent for a in taps) <= MAX_UNROLLED_WINDOW else ()
    gathers = any(bare_axis(index) == "" for load in loads(nest.body) for index in load.index if name in axes_in(index))
    unroll, limit = ((), 1) if gathers else (unroll, min(hardware.vector_registers // 2, 14))
    pixels = _row(nest, axis)
    for t in sorted((d for d in range(1, limit + 1) if pixels % d == 0), reverse=True):
        yield _tiled(nest, axis, lanes, 1, t, unroll)
