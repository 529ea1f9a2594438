"""The layers of NAS-Bench-201 networks for a whole population: no IR but for a table of cell patterns.

Which relus and additions are layers of their own after fusion depends on the cell alone, and there on which edges are
convolutions, pools, skips or nothing: 2,128 patterns. Each is lowered once, when it is first met; everything else is
arithmetic on columns. Tested: the layers are those of the lowered module for any genome.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.analysis import layers
from gossamer.passes.pipeline import parse_pipeline, run_pipeline
from gossamer.search.choices import Genomes
from gossamer.search.costs.columns import Population
from gossamer.search.spaces import nasbench201_cell as cell
from gossamer.search.spaces.drawn import DrawnNetwork
from gossamer.search.spaces.nasbench201_frame import CONV_PARTS, LOOSE_PARTS, POOL_PARTS, Frame


def population(frame: Frame, genes: Genomes) -> Population:
    """Layers, without bits, of [P, 6] genes."""
    alive = cell.pruned(genes)
    found = Population.empty(len(genes), len(frame.slots))
    channels, height, width = frame.input_shape
    found.put(0, "eltwise", True, ic=channels, ih=height, iw=width, oc=channels, oh=height, ow=width)
    _conv(found, 1, (channels, height, width), frame.stages[0], 3)
    slot = 2
    cells = _Cells(alive, loose_operands(alive))
    for stage, shape in enumerate(frame.stages):
        if stage:
            slot = _residual(found, slot, frame.stages[stage - 1], shape)
        for _ in range(frame.cells):
            slot = cells.put(found, slot, shape)
    c, height, width = frame.stages[-1]
    found.put(slot, "reduce", True, ic=c, ih=height, iw=width, oc=c, oh=1, ow=1)
    found.put(slot + 1, "gemm", True, ic=c, ih=1, iw=1, oc=frame.classes, oh=1, ow=1)
    return found


@dataclass(frozen=True)
class _Cells:
    """`alive`: pruned genes [P, 6]; `loose`: operands [P, 6] of the parts in LOOSE_PARTS, 0 where they are no layer."""

    alive: Genomes
    loose: NDArray[np.int64]

    def put(self, found: Population, slot: int, shape: tuple[int, int, int]) -> int:
        sizes = _sizes(shape, shape)
        for place in range(len(cell.EDGES)):
            op = self.alive[:, place]
            kernel = np.where(op == cell.CONV1, 1, 3)
            _conv(found, slot + place, shape, shape, kernel, (op == cell.CONV1) | (op == cell.CONV3))
            found.put(slot + len(CONV_PARTS) + place, "pool", op == cell.POOL, **sizes, kh=3, kw=3)
        slot += len(CONV_PARTS) + len(POOL_PARTS)
        for place, operands in enumerate(self.loose.T):
            found.put(slot + place, "eltwise", operands > 0, **sizes, operands=operands)
        return slot + len(LOOSE_PARTS)


def _residual(found: Population, slot: int, before: tuple[int, int, int], after: tuple[int, int, int]) -> int:
    found.put(slot, "eltwise", True, **_sizes(before, before))
    _conv(found, slot + 1, before, after, 3, stride=2)
    _conv(found, slot + 2, after, after, 3)
    halved = (before[0], *after[1:])
    found.put(slot + 3, "pool", True, **_sizes(before, halved), kh=2, kw=2, stride_h=2, stride_w=2)
    _conv(found, slot + 4, halved, after, 1)
    return slot + 5


def _conv(
    found: Population,
    slot: int,
    before: tuple[int, int, int],
    after: tuple[int, int, int],
    kernel: NDArray[np.int64] | int,
    active: NDArray[np.bool_] | bool = True,
    stride: int = 1,
) -> None:
    found.put(slot, "conv", active, **_sizes(before, after), kh=kernel, kw=kernel, stride_h=stride, stride_w=stride)


def _sizes(before: tuple[int, int, int], after: tuple[int, int, int]) -> Mapping[str, int]:
    return dict(zip(("ic", "ih", "iw", "oc", "oh", "ow"), (*before, *after)))


def loose_operands(alive: Genomes) -> NDArray[np.int64]:
    """int64 [P, 6]: how many tensors each of LOOSE_PARTS reads where it is a layer, else 0. `alive`: pruned genes."""
    patterns = cell.pattern(alive)
    codes, first, inverse = np.unique(patterns @ _PLACES, return_index=True, return_inverse=True)
    table = np.array([_loose(tuple(patterns[place].tolist())) for place in first], np.int64)
    return table.reshape(len(codes), len(LOOSE_PARTS))[inverse]


_PLACES = 5 ** np.arange(5, -1, -1)
_FOLD = parse_pipeline("fold-bn,fuse")


@lru_cache(maxsize=5**6)
def _loose(genes: tuple[int, ...]) -> tuple[int, ...]:
    """Of one pattern, by lowering a cell between two convolutions."""
    net = DrawnNetwork((1, 2, 2))
    x = cell.add_cell(net, net.conv(net.image, "before", 1), np.array(genes), "cell")
    module = net.finish("pattern", net.conv(net.relu(x, "relu"), "after", 1))
    operands = {node.label: layer.operands for node, layer in layers(run_pipeline(module, _FOLD))}
    return tuple(operands.get(f"cell.{part}", 0) for part in LOOSE_PARTS)
