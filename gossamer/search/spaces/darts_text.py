"""Genotypes of DARTS cells: `Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=range(2, 6), reduce=...)`.

A cell's genes are, for each of its four nodes, which two of the earlier nodes it reads (a pair, by its place in
`pairs`), and the operation on each of the two edges, that of the earlier node first. Node 0 and 1 are the cell's
inputs. Read as text: what names no operation, an edge from a node that is not there yet, or twice from the same, is
refused; nothing is evaluated.
"""

import re
from itertools import combinations

import numpy as np

from gossamer.ir.errors import SearchError, nearest
from gossamer.search.choices import Genomes

OPS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
"""In the order of the authors' code, without `none`, which no derived cell has."""
NODES = 4
INPUTS = 2
GENES = 3 * NODES
CELLS = ("normal", "reduce")
_EDGE = re.compile(r"\(\s*'([^']*)'\s*,\s*(\d+)\s*\)")
_FORM = "Genotype(normal=[('op', node), ... 8], normal_concat=range(2, 6), reduce=[...], reduce_concat=range(2, 6))"
Edge = tuple[str, int]


def pairs(node: int) -> tuple[tuple[int, int], ...]:
    """The pairs of earlier nodes that node `node` (0 to 3, after the inputs) may read, in order."""
    return tuple(combinations(range(node + INPUTS), 2))


def edges(genes: Genomes) -> list[tuple[Edge, Edge]]:
    """Of the 12 genes of one cell: per node two edges."""
    found: list[tuple[Edge, Edge]] = []
    for node, (pair, first, second) in enumerate(genes.reshape(NODES, 3).tolist()):
        left, right = pairs(node)[pair]
        found.append(((OPS[first], left), (OPS[second], right)))
    return found


def to_text(genome: Genomes) -> str:
    """The genotype of 24 genes."""
    cells = [[edge for both in edges(genes) for edge in both] for genes in genome.reshape(len(CELLS), GENES)]
    parts = (f"{name}={cell}, {name}_concat=range(2, 6)" for name, cell in zip(CELLS, cells))
    return f"Genotype({', '.join(parts)})"


def from_text(text: str) -> Genomes:
    """The genes of a genotype, edges of a node in any order. SearchError: see the module's docstring."""
    genes = [_cell(name, text) for name in CELLS]
    return np.array([gene for cell in genes for gene in cell], np.int64)


def _cell(name: str, text: str) -> list[int]:
    found = re.search(rf"\b{name}\s*=\s*\[(.*?)\]", text, re.DOTALL)
    listed = [] if found is None else _EDGE.findall(found[1])
    if len(listed) != 2 * NODES:
        raise SearchError(f"the genotype has {len(listed)} edges for '{name}', needed {2 * NODES}, as in {_FORM}")
    both = [(listed[place], listed[place + 1]) for place in range(0, 2 * NODES, 2)]
    return [gene for node, (one, other) in enumerate(both) for gene in _node(name, node, one, other)]


def _node(cell: str, node: int, one: tuple[str, str], other: tuple[str, str]) -> tuple[int, int, int]:
    (first, left), (second, right) = sorted(((op, int(start)) for op, start in (one, other)), key=lambda edge: edge[1])
    where = f"{cell} cell, node {node + INPUTS}"
    for op in (first, second):
        if op not in OPS:
            raise SearchError(f"{where}: no operation '{op}'{nearest(op, OPS)}")
    if (left, right) not in pairs(node):
        raise SearchError(f"{where} reads nodes {left} and {right}; it may read two different ones of 0 to {node + 1}")
    return pairs(node).index((left, right)), OPS.index(first), OPS.index(second)
