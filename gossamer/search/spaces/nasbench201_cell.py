"""The NAS-Bench-201 cell: which operations it has, which of them matter, and how it is written as IR.

    node 0 --edge 0--> node 1        edges in the order of the arch string: (0,1), (0,2), (1,2), (0,3), (1,3), (2,3)
    every node is the sum of its edges' results; node 0 is the cell's input, node 3 its output

Source: Dong and Yang, "NAS-Bench-201" (ICLR 2020), 2.1; the operations are those of the authors' code: a convolution is
relu -> conv -> batch norm, pooling is a 3x3 average over what lies inside the image, `none` gives zeros.
"""

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.types import Value
from gossamer.search.choices import Genomes
from gossamer.search.spaces.drawn import DrawnNetwork

OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""In the order of the published search space `nats-bench`."""
NONE, SKIP, CONV1, CONV3, POOL = range(5)
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""(from, to), in the order of the arch string."""
PATHS = ((3,), (0, 4), (1, 5), (0, 2, 5))
"""Every way from the input to the output, as places in EDGES."""
KERNELS = {CONV1: 1, CONV3: 3}


def live_edges(genomes: Genomes) -> NDArray[np.bool_]:
    """bool [P, 6]: edges on a path from the input to the output on which no edge is `none`."""
    found = np.zeros(genomes.shape, np.bool_)
    for path in PATHS:
        found[:, path] |= (genomes[:, path] != NONE).all(1)[:, None]
    return found


def pruned(genomes: Genomes) -> Genomes:
    """Edges that reach nothing, or that nothing reaches, become `none`."""
    return np.where(live_edges(genomes), genomes, NONE)


def pattern(genomes: Genomes) -> Genomes:
    """What a cell's structure depends on: pruned genes in which every convolution is 1x1."""
    alive = pruned(genomes)
    return np.where(alive == CONV3, CONV1, alive)


GROUPS = (30, 30, 5, 5, 20, 5, 30, 5)
"""Columns of `features` that tell of one thing."""


def features(genomes: Genomes) -> NDArray[np.float64]:
    """float [P, 130]: each edge's operation (one-hot), before and after pruning; how often each occurs, before
    and after; per path whether it is open and how often each operation occurs on it; depth of the cell; operations of
    the edges that reach the output, and how often each occurs: a runtime that drops unused results still computes
    what follows an edge of zeros.
    """
    alive = pruned(genomes)
    counts = [(genes[:, :, None] == np.arange(5)).sum(1) for genes in (alive, genomes)]
    paths = np.stack([_path(genomes[:, path]) for path in PATHS], 1)
    used = np.where(_used(genomes), genomes, NONE)
    columns = [
        _one_hot(genomes), _one_hot(alive), *counts, paths.reshape(len(genomes), -1), _depths(paths),
        _one_hot(used), (used[:, :, None] == np.arange(5)).sum(1),
    ]  # fmt: skip
    return np.concatenate(columns, axis=1).astype(np.float64)


def _used(genomes: Genomes) -> NDArray[np.bool_]:
    """bool [P, 6]: edges from which a way to the output exists on which no later edge is `none`."""
    there = genomes != NONE
    from_two = there[:, 5]
    from_one = there[:, 4] | (there[:, 2] & from_two)
    always = np.ones(len(genomes), np.bool_)
    return np.stack([from_one, from_two, from_two, always, always, always], axis=1)


def _one_hot(genomes: Genomes) -> NDArray[np.bool_]:
    return (genomes[:, :, None] == np.arange(5)).reshape(len(genomes), -1)


def _path(genes: Genomes) -> NDArray[np.int64]:
    """int [P, 5]: how often the four real operations are on the path, and whether it is open; 0 where it is not."""
    is_open = (genes != NONE).all(1)
    counts = (genes[:, :, None] == np.arange(1, 5)).sum(1)
    return np.concatenate([counts, np.ones((len(genes), 1), np.int64)], 1) * is_open[:, None]


def _depths(paths: NDArray[np.int64]) -> NDArray[np.int64]:
    """int [P, 5] of [P, 4 paths, 5]: most and all convolutions on paths, most 3x3, pools, paths of skips alone."""
    skips, conv1, conv3, pools, is_open = np.moveaxis(paths, 2, 0)
    convs = conv1 + conv3
    plain = (is_open > 0) & (convs + pools == 0) & (skips > 0)
    return np.stack([convs.max(1), convs.sum(1), conv3.max(1), pools.sum(1), plain.sum(1)], 1)


def add_cell(net: DrawnNetwork, x: Value, genes: Genomes, name: str) -> Value:
    """Append one cell with pruned `genes` [6]. Where no path is open its output is 0 times its input."""
    nodes: dict[int, Value] = {0: x}
    rectified: dict[int, Value] = {}
    for place, (start, end) in enumerate(EDGES):
        if genes[place] == NONE:
            continue
        if genes[place] in KERNELS and start not in rectified:
            rectified[start] = net.relu(nodes[start], f"{name}.relu{start}")
        result = _edge(net, nodes[start], rectified.get(start), int(genes[place]), f"{name}.", f"{start}-{end}")
        nodes[end] = net.plus(nodes[end], result, f"{name}.add{start}-{end}") if end in nodes else result
    return nodes[3] if 3 in nodes else net.zeroed(x, f"{name}.none")


def _edge(net: DrawnNetwork, x: Value, rectified: Value | None, op: int, name: str, edge: str) -> Value:
    if op == SKIP:
        return x
    if op == POOL:
        return net.avg_pool(x, f"{name}pool{edge}", 3, 1, 1)
    assert rectified is not None
    slot = f"{name}conv{edge}"
    return net.batch_norm(net.conv(rectified, slot, x.shape[1], KERNELS[op]), f"{slot}.bn")
