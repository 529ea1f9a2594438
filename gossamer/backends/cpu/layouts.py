"""Plan the layout of every value of a graph, so that neighbouring kernels exchange blocked tensors as they are.

Rules, in graph order: a value made by a windowed or weighted reduction is split over the axis its kernel vectorises
(channels: NCHW16c); a pointwise or moving op passes on the split of its operands; graph inputs and everything else stay
row-major. A value read with padding by a reduction is given a halo that holds the padding, so no conversion and no
bounds test happens inside a network of convolutions. Any kernel can read any layout; a plan only decides speed.
"""

from collections.abc import Iterator, Mapping
from math import prod

from gossamer.backends.cpu.algorithms import convolution, outer
from gossamer.codegen.tvm.forms import holds, storage_dtype
from gossamer.codegen.tvm.indices import bare_axis
from gossamer.codegen.tvm.layout import Layout
from gossamer.codegen.tvm.program import Program, loads
from gossamer.codegen.tvm.structure import anchored, shared_factor, weighted_product
from gossamer.codegen.tvm.winograd import Tiling
from gossamer.ir.graph import Graph, Node
from gossamer.ir.index import bounds
from gossamer.ir.nest import Kernel, Load, Nest
from gossamer.ir.types import Value

WINDOW_AXES = {"kh", "kw"}


def plan_layouts(
    graph: Graph, programs: Mapping[Value, Program], params: set[Value], lanes: int, tilings: Mapping[Value, Tiling]
) -> dict[Value, Layout]:
    """Value -> layout, for every value that is not a parameter. `programs`: by the first result of each node."""
    split: dict[Value, tuple[int, int]] = {}
    channelled = _read_by_channel(graph, programs)
    values = list(graph.inputs)
    for node in graph.nodes:
        if node.result not in params:
            values += node.results
        if node.result in programs:  # scans have none: they give row-major tensors
            for value in node.results:
                found = _split_of(node, value, programs[node.result].kernel, split, params, lanes)
                if found is None and value in channelled:
                    found = _first_split(value, lanes)
                if found is not None:
                    split[value] = found
    halos = _halos(graph, programs, split)
    for node in graph.nodes:
        conv = convolution(node)
        if conv is not None and node.result in tilings:
            _reach(halos, outer(node, conv.x), tilings[node.result])
    return {v: _layout(v, split.get(v), halos.get(v)) for v in values}


def block_size(channels: int, lanes: int) -> int:
    """What a channel axis is split by: a whole vector, or the power of two that holds few channels; 1 = not split."""
    if channels > lanes // 2:
        return lanes
    size = 1 << max(channels - 1, 0).bit_length()
    return size if size >= 4 else 1


def vector_axis(program: Kernel) -> int | None:
    """Position of the result axis that an anchored kernel vectorises; None when the program is not anchored."""
    pair = anchored(program)
    if pair is None:
        return None
    nest = program.stages[pair[0]]
    names = [a.name for a in nest.parallel]
    if len(names) == 4 and WINDOW_AXES & {a.name for a in nest.reduction} or names[:2] == ["n", "oc"] != names:
        return 1
    matrices = names[-2:] == ["n", "oc"] or 2 <= len(names) <= 3
    return len(names) - 1 if matrices and shared_factor(nest, len(names) - 1) else None


def _split_of(
    node: Node, value: Value, program: Kernel, split: Mapping[Value, tuple[int, int]], params: set[Value], lanes: int
) -> tuple[int, int] | None:
    axis = vector_axis(program)
    if axis is not None:
        block = block_size(value.shape[axis], lanes)
        return (axis, block) if block > 1 else None
    for operand in node.op.operands:
        if operand in split and operand not in params and operand.type.rank == value.type.rank:
            axis = split[operand][0]
            block = (
                split[operand][1] if operand.shape[axis] == value.shape[axis] else block_size(value.shape[axis], lanes)
            )
            return (axis, block) if block > 1 else None
    return None


def _first_split(value: Value, lanes: int) -> tuple[int, int] | None:
    """The split of a value that convolutions read but whose producer has no opinion; bytes come in fours at least."""
    block = max(block_size(value.shape[1], lanes), 4 if value.dtype.bits <= 8 else 1)
    return (1, block) if block > 1 else None


def _read_by_channel(graph: Graph, programs: Mapping[Value, Program]) -> set[Value]:
    """Values with spatial sides over whose axis 1 some weighted sum runs."""
    found: set[Value] = set()
    for node in graph.nodes:
        for nest in programs[node.result].kernel.stages if node.result in programs else ():
            product = weighted_product(nest)
            if product and product[0].operand < len(node.op.operands):
                value, index = node.op.operands[product[0].operand], product[0].index
                if value.type.rank >= 4 and bare_axis(index[1]) in {a.name for a in nest.reduction}:
                    found.add(value)
    return found


def _halos(
    graph: Graph, programs: Mapping[Value, Program], split: Mapping[Value, tuple[int, int]]
) -> dict[Value, tuple[float, list[int], list[int]]]:
    """(fill, before, after) of values read outside their shape by a reduction; weighted sums choose the fill first."""
    halos: dict[Value, tuple[float, list[int], list[int]]] = {}
    for weighted in (True, False):
        for value, load, nest in _padded_reads(graph, programs):
            axis = split.get(value, (-1, 1))[0]
            if (weighted_product(nest) is not None) is not weighted or load.fill is None:
                continue
            fill, before, after = halos.setdefault(value, (load.fill, [0] * value.type.rank, [0] * value.type.rank))
            if fill == load.fill:
                _widen(before, after, load, nest, value.shape, axis)
    return halos


def _reach(halos: dict[Value, tuple[float, list[int], list[int]]], value: Value, tiling: Tiling) -> None:
    """Widen a halo by what the last tiles of a Winograd convolution read past the border."""
    fill, before, after = halos.setdefault(value, (0.0, [0] * 4, [0] * 4))
    for axis, pad, reach in ((2, tiling.top, tiling.reach[0]), (3, tiling.left, tiling.reach[1])):
        if fill == 0.0:
            before[axis] = max(before[axis], pad)
            after[axis] = max(after[axis], reach - pad - value.shape[axis])


def _padded_reads(graph: Graph, programs: Mapping[Value, Program]) -> Iterator[tuple[Value, Load, Nest]]:
    for node in graph.nodes:
        program = programs.get(node.result)
        if program is None:
            continue
        for nest in program.kernel.stages:
            for load in loads(nest.body) if nest.reduce is not None else ():
                value = node.op.operands[load.operand] if load.operand < len(node.op.operands) else None
                if value is not None and load.fill is not None and holds(storage_dtype(value.dtype), load.fill):
                    yield value, load, nest


def _widen(
    before: list[int], after: list[int], load: Load, nest: Nest, shape: tuple[int, ...], split_axis: int
) -> None:
    extents = {a.name: a.extent for a in nest.axes}
    for axis, index in enumerate(load.index):
        low, high = bounds(index, extents)
        if axis != split_axis:
            before[axis] = max(before[axis], -low)
            after[axis] = max(after[axis], high - shape[axis] + 1)


def _layout(value: Value, split: tuple[int, int] | None, halo: tuple[float, list[int], list[int]] | None) -> Layout:
    layout = Layout.blocked(value.shape, *split) if split else Layout.plain(value.shape)
    if halo is None or prod(value.shape) == 0:
        return layout
    return layout.with_halo(tuple(halo[1]), tuple(halo[2]), halo[0])
