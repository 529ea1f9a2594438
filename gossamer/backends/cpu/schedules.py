"""Legal schedules of a node on a CPU, and which to take when nobody chose.

A weighted reduction keeps a register tile of b vectors of output channels by t neighbouring pixels: per step it loads
b weight vectors and t scalars for b * t multiply-adds, so the larger the tile the better, up to the registers.
A windowed reduction without shared weights (depthwise, pooling) unrolls its window over a row of t pixels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from math import prod

from gossamer.backends.cpu.algorithms import im2col_obstacle, winograd_obstacle
from gossamer.backends.cpu.cost import predicted_s
from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.layouts import block_size, vector_axis
from gossamer.backends.cpu.winograd_plan import winograd_s
from gossamer.codegen.tvm.indices import bare_axis
from gossamer.codegen.tvm.program import loads, opaque_op, program_of
from gossamer.codegen.tvm.structure import anchored, shared_factor
from gossamer.ir.analysis import layer
from gossamer.ir.graph import Node
from gossamer.ir.index import axes_in
from gossamer.ir.layer import Layer
from gossamer.ir.nest import Kernel, Nest
from gossamer.ir.schedule import Schedule, Tile
from gossamer.ir.winograd import transforms

MAX_UNROLLED_WINDOW = 49
"""Windows of more taps than this stay loops."""

MAX_CHOICES = 8
"""Register tiles of a layer that are worth measuring."""

MAX_VECTORS = 6
"""Vectors of channels in a register tile."""

SHORT_ROW = 8
"""Rows of so few pixels are tiled several at a time."""

L2_BYTES_PER_CYCLE = 24.0
"""What a core gets from its second-level cache while it computes."""

STEP_OVERHEAD = 0.5
"""Cycles of a reduction step besides its products: counting and addresses."""

VARIANT_COST = 0.004
"""Part by which a tile loses for every size of tile it takes: they are compiled one by one."""

FMA_LATENCY = 4.0
"""Cycles from the operands of a multiply-add to its result."""

WINOGRAD_TILES = (2, 3, 4, 5, 6)

LARGEST_DEFAULT_TILE = 7
"""Tiles (m + r - 1) beyond this lose more digits than a default may; those of 8 were hardly ever the fastest."""

DEFAULT_ERROR = 5e-6
"""Largest expected rms error of one layer, relative to its output, that a default takes for speed.

Errors of layers add up as a random walk: 100 layers of it stay within 1e-4.
"""

WINOGRAD_GAIN = 0.8
"""Winograd comes first only where it is expected to take at most this share of the direct time."""

IM2COL = Schedule(algorithm="im2col")


def legal_schedules(node: Node, hardware: CpuHardware, most: int = MAX_CHOICES) -> tuple[Schedule, ...]:
    """Schedules of a node, best guess first; () for nodes without a reduction to schedule and for opaque ops.

    `most`: register tiles among them, at most.
    """
    if opaque_op(node) is not None:
        return ()
    direct, signature = program_schedules(program_of(node).kernel, hardware, most), layer(node)
    if signature is None:
        return direct
    first, other = _winograd(node, signature, hardware)
    if im2col_obstacle(node) is None and signature.kh * signature.kw > 1:
        other = (*other, IM2COL)
    return (*first, *direct, *other)


def _winograd(node: Node, signature: Layer, hardware: CpuHardware) -> tuple[tuple[Schedule, ...], tuple[Schedule, ...]]:
    """(the tile expected to be clearly faster than direct loops, the others), best first."""
    tiles = [m for m in WINOGRAD_TILES if winograd_obstacle(node, m) is None]
    if not tiles:
        return (), ()
    expected = {m: winograd_s(signature, m, hardware) for m in tiles}
    tiles.sort(key=expected.__getitem__)
    limit = WINOGRAD_GAIN * predicted_s(signature, hardware)
    first = [m for m in tiles if expected[m] < limit and _fit(signature, m, hardware)][:1]
    found = {m: Schedule(algorithm="winograd", winograd_m=m) for m in tiles}
    return tuple(found[m] for m in first), tuple(found[m] for m in tiles if m not in first)


def _fit(signature: Layer, m: int, hardware: CpuHardware) -> bool:
    """F(m x m, r x r) is exact enough for a default, on channels that fill vectors."""
    full, size = min(signature.ic, signature.oc) >= hardware.lanes, m + signature.kh - 1
    return full and size <= LARGEST_DEFAULT_TILE and transforms(m, signature.kh).error() <= DEFAULT_ERROR


def default_schedule(program: Kernel, hardware: CpuHardware) -> Schedule:
    """The first legal schedule, or an empty one."""
    return next(iter(program_schedules(program, hardware)), Schedule())


def program_schedules(program: Kernel, hardware: CpuHardware, most: int = MAX_CHOICES) -> tuple[Schedule, ...]:
    """As `legal_schedules`, of a program."""
    pair, axis = anchored(program), vector_axis(program)
    if pair is None:
        return ()
    nest = program.stages[pair[0]]
    if axis is None:
        return (Schedule(order=tuple(a.name for a in nest.parallel), parallel=tuple(a.name for a in nest.parallel)),)
    found = _register_tiles(nest, axis, hardware) if shared_factor(nest, axis) else _window_rows(nest, axis, hardware)
    return tuple(islice(found, most))


def _register_tiles(nest: Nest, axis: int, hardware: CpuHardware) -> Iterator[Schedule]:
    rows, pixels = _plane(nest, axis)
    lanes = block_size(nest.parallel[axis].extent, hardware.lanes)
    blocks = -(-nest.parallel[axis].extent // lanes)
    steps = prod(a.extent for a in nest.reduction)
    scored: list[tuple[float, RegisterTile]] = []
    for tile in _tiles(blocks, rows, pixels, hardware):
        slab_bytes = _weight_bytes(nest) * lanes * tile.vectors * steps
        scored.append((steps_per_product(blocks, rows, pixels, tile, slab_bytes, hardware), tile))
    for _, tile in sorted(scored, key=lambda s: (s[0], -s[1].vectors)):
        yield _tiled(nest, axis, lanes, tile, chunk=_chunk(nest, lanes * tile.vectors, hardware))


@dataclass(frozen=True)
class RegisterTile:
    """Sums that are kept in registers at once: vectors of channels by rows by pixels of a row."""

    vectors: int
    rows: int
    pixels: int


def _tiles(blocks: int, rows: int, pixels: int, hardware: CpuHardware) -> Iterator[RegisterTile]:
    """Tiles that fit the registers, with their weights and one pixel; several rows only where rows are short.

    Of tiles that cut the loops into the same pieces, the smallest.
    """
    highs, wides = _sizes(rows if pixels <= SHORT_ROW else 1), _sizes(pixels)
    for vectors, high, wide in product(_sizes(blocks), highs, wides):
        if vectors <= MAX_VECTORS and vectors * high * wide + vectors + 1 <= hardware.vector_registers:
            yield RegisterTile(vectors, high, wide)


def _sizes(extent: int) -> tuple[int, ...]:
    """Largest pieces that an extent can be cut into as `_pieces` does."""
    return tuple(dict.fromkeys(_pieces(extent, size)[0][0] for size in range(1, extent + 1)))


@dataclass(frozen=True)
class StepCycles:
    """Cycles per vector of products: what vector units, operand loads and fetching weights take, and all together."""

    compute: float
    loads: float
    weights: float
    total: float
    kinds: int


def steps_per_product(
    blocks: int, rows: int, pixels: int, tile: RegisterTile, slab_bytes: int, hardware: CpuHardware
) -> float:
    """Cycles per vector of products, when a plane is covered by tiles of about the given size, with their compiling."""
    found = step_cycles(blocks, rows, pixels, tile, slab_bytes, hardware)
    return found.total * (1 + VARIANT_COST * found.kinds)


def step_cycles(
    blocks: int, rows: int, pixels: int, tile: RegisterTile, slab_bytes: int, hardware: CpuHardware
) -> StepCycles:
    """A tile's step takes as long as its arithmetic, its operand loads, fetching its weights where those of a tile
    (`slab_bytes`) outlive the first-level cache, or waiting for its last sums.
    """
    far = slab_bytes > hardware.l1_bytes // 2
    compute, loads, fetched, total, kinds = 0.0, 0.0, 0.0, 0.0, 0
    for (vectors, many), (high, rowed), (wide, often) in product(
        _pieces(blocks, tile.vectors), _pieces(rows, tile.rows), _pieces(pixels, tile.pixels)
    ):
        points, count, kinds = high * wide, many * rowed * often, kinds + 1
        arithmetic = vectors * points / hardware.fma_units
        operands = (vectors + points) / hardware.loads_per_cycle
        weights = vectors * hardware.vector_bits / 8 / L2_BYTES_PER_CYCLE if far else 0.0
        compute, loads, fetched = compute + count * arithmetic, loads + count * operands, fetched + count * weights
        total += count * (max(arithmetic, operands, weights, FMA_LATENCY) + STEP_OVERHEAD)
    vectors_of_products = blocks * rows * pixels
    compute, loads, fetched, total = (x / vectors_of_products for x in (compute, loads, fetched, total))
    return StepCycles(compute, loads, fetched, total, kinds)


def _weight_bytes(nest: Nest) -> int:
    """Bytes of a weight in memory: products in integers are products of bytes."""
    return 1 if nest.compute.integer else 4


def _chunk(nest: Nest, channels: int, hardware: CpuHardware) -> tuple[Tile, ...]:
    """A tile of the first axis of the reduction, where a register tile's weights exceed half of a core's cache."""
    first, *rest = nest.reduction
    step_bytes = _weight_bytes(nest) * channels * prod(a.extent for a in rest)
    if step_bytes * first.extent <= hardware.l2_bytes // 2 or len(nest.reduction) < 2:
        return ()
    steps = hardware.l1_bytes * 3 // 4 // step_bytes // hardware.lanes * hardware.lanes
    return (Tile(first.name, (max(hardware.lanes, steps),)),)


def _pieces(extent: int, size: int) -> tuple[tuple[int, int], ...]:
    """(size, how many) of the nearly equal pieces that cover a loop."""
    count = -(-extent // size)
    longer = extent % count
    return tuple((s, n) for s, n in ((extent // count + 1, longer), (extent // count, count - longer)) if n)


def _plane(nest: Nest, axis: int) -> tuple[int, int]:
    """(rows, pixels of a row): extents of the two innermost parallel axes that are not the vector's."""
    others = [1, 1, *(a.extent for i, a in enumerate(nest.parallel) if i != axis)]
    return (others[-2], others[-1]) if len(nest.parallel) > 3 else (1, others[-1])


def _tiled(
    nest: Nest,
    axis: int,
    lanes: int,
    tile: RegisterTile,
    unroll: tuple[str, ...] = (),
    chunk: tuple[Tile, ...] = (),
) -> Schedule:
    names = [a.name for a in nest.parallel]
    others = [(a.name, a.extent) for i, a in enumerate(nest.parallel) if i != axis]
    tiles = [Tile(names[axis], (lanes * tile.vectors,))]
    if len(names) > 3:
        name, extent = others[-2]
        tiles.append(Tile(name, (extent, tile.rows) if chunk else (tile.rows,)))
    tiles += [Tile(name, (tile.pixels,)) for name, _ in others[-1:]]
    parallel = tuple(names) if len(names) < 4 else tuple(names[:-1])
    return Schedule(
        tile=(*tiles, *chunk),
        order=tuple(names),
        unroll=unroll,
        vectorize=Tile(names[axis], (lanes,)),
        parallel=parallel,
    )


def _window_rows(nest: Nest, axis: int, hardware: CpuHardware) -> Iterator[Schedule]:
    lanes = block_size(nest.parallel[axis].extent, hardware.lanes)
    taps, name = list(nest.reduction), nest.parallel[axis].name
    unroll = tuple(a.name for a in taps) if prod(a.extent for a in taps) <= MAX_UNROLLED_WINDOW else ()
    gathers = any(bare_axis(index) == "" for load in loads(nest.body) for index in load.index if name in axes_in(index))
    unroll, limit = ((), 1) if gathers else (unroll, min(hardware.vector_registers // 2, 14))
    _, pixels = _plane(nest, axis)
    for t in sorted((d for d in range(1, limit + 1) if pixels % d == 0), reverse=True):
        yield _tiled(nest, axis, lanes, RegisterTile(1, 1, t), unroll)
