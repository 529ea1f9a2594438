"""The layouts of the values of a graph in memory: what the layout pass chose or a user wrote, and halos.

A value that a reduction reads outside its shape may lie in a frame that holds the padding, so that no bounds are tested
inside a network of convolutions. Any kernel can read and write any layout; a layout only decides speed.
"""

from collections.abc import Iterator, Mapping
from math import prod

from gossamer.backends.cpu.algorithms import convolution, outer
from gossamer.backends.cpu.layout_names import LayoutName
from gossamer.codegen.tvm.forms import holds, storage_dtype
from gossamer.codegen.tvm.layout import Layout
from gossamer.codegen.tvm.program import Program, loads
from gossamer.codegen.tvm.structure import anchored, shared_factor, weighted_product
from gossamer.codegen.tvm.winograd import Tiling
from gossamer.ir.graph import Graph
from gossamer.ir.index import bounds
from gossamer.ir.nest import Kernel, Load, Nest
from gossamer.ir.types import Value

WINDOW_AXES = {"kh", "kw"}


def plan_layouts(
    graph: Graph,
    programs: Mapping[Value, Program],
    names: Mapping[Value, LayoutName],
    tilings: Mapping[Value, Tiling],
) -> dict[Value, Layout]:
    """Value -> layout, for every value that has a name; halos are as wide as the readers reach.

    `programs`: by the first result of each node.
    """
    halos = halos_of(graph, programs, {v: name.axis for v, name in names.items() if name.block > 1})
    for node in graph.nodes:
        conv = convolution(node)
        if conv is not None and node.result in tilings:
            _reach(halos, outer(node, conv.x), tilings[node.result])
    return {v: _layout(v, name, halos.get(v)) for v, name in names.items()}


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


def halos_of(
    graph: Graph, programs: Mapping[Value, Program], split: Mapping[Value, int]
) -> dict[Value, tuple[float, list[int], list[int]]]:
    """(fill, before, after) of values read outside their shape by a reduction; weighted sums choose the fill first."""
    halos: dict[Value, tuple[float, list[int], list[int]]] = {}
    for weighted in (True, False):
        for value, load, nest in _padded_reads(graph, programs):
            axis = split.get(value, -1)
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


def _layout(value: Value, name: LayoutName, halo: tuple[float, list[int], list[int]] | None) -> Layout:
    layout = name.layout(value.shape)
    if halo is None or not name.halo or prod(value.shape) == 0:
        return layout
    return layout.with_halo(tuple(halo[1]), tuple(halo[2]), halo[0])
