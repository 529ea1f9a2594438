"""The space `nasbench201`: 15,625 image classifiers made of one small cell (Dong and Yang, ICLR 2020).

    image -> stem conv 3x3 -> cells -> residual -> cells -> residual -> cells -> batch norm, relu -> mean -> classifier
    residual: halves the image, doubles the channels: conv 3x3 /2, conv 3x3, plus the mean of 2x2 through a conv 1x1

A design is one operation on each of the cell's six edges; its text is the published arch string. Different strings may
be the same network (edges that reach nothing, skips that make two nodes one). The published tables hold a training of
each string, so a genome here is a string and nothing is merged; `module` leaves out edges that reach nothing. An edge
from a node without inputs counts as such: in the published network it adds the shift of a batch norm of zeros.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
from gossamer.ir.graph import Module
from gossamer.search.choices import Choice, Choices, Genomes
from gossamer.search.costs.columns import Population
from gossamer.search.spaces import nasbench201_cell as cell
from gossamer.search.spaces import nasbench201_counts as counts
from gossamer.search.spaces.base import Matrix, NetworkSpace, Slot
from gossamer.search.spaces.drawn import DrawnNetwork
from gossamer.search.spaces.flow import Flow
from gossamer.search.spaces.nasbench201_frame import Frame
from gossamer.search.spaces.nasbench201_layers import population
from gossamer.search.spaces.nasbench201_network import flow, network
from gossamer.search.spaces.nasbench201_text import from_text, to_text

PLACES = 5 ** np.arange(5, -1, -1)
"""Genes -> number of the design, counting all of them up."""
SKETCH_SHAPE = (4, 8, 8)


@cache
def all_features() -> Matrix:
    """[15625, features], by number of the design."""
    return cell.features(np.indices((5,) * 6).reshape(6, -1).T)


@dataclass(frozen=True)
class NasBench201(NetworkSpace):
    """`cells` of them in each of three stages; `width` channels in the first, twice as many in the next."""

    input_shape: tuple[int, int, int] = (3, 32, 32)
    classes: int = 10
    cells: int = 5
    width: int = 16

    def __post_init__(self) -> None:
        if min(self.cells, self.width, self.classes) < 1:
            raise SearchError("space 'nasbench201': cells, width and classes are counts of at least 1")
        if any(side % 4 or side < 4 for side in self.input_shape[1:]):
            sides = "x".join(map(str, self.input_shape[1:]))
            raise SearchError(f"space 'nasbench201': images of {sides}; its two residual blocks need multiples of 4")

    @property
    def name(self) -> str:
        return "nasbench201"

    @cached_property
    def choices(self) -> Choices:
        return Choices(tuple(Choice(f"edge{start}-{end}", cell.OPS) for start, end in cell.EDGES))

    @property
    def slots(self) -> tuple[Slot, ...]:
        return self._frame.slots

    def shapes(self, choices: Choices, genomes: Genomes) -> Population:
        return population(self._frame, self._genes(choices, genomes))

    def flows(self, choices: Choices, genomes: Genomes) -> Sequence[tuple[NDArray[np.int64], Flow]]:
        """Designs of one pattern share a flow."""
        patterns = cell.pattern(self._genes(choices, genomes))
        distinct, inverse = np.unique(patterns, axis=0, return_inverse=True)
        return [
            (np.flatnonzero(inverse.ravel() == place), flow(self._frame, tuple(genes.tolist())))
            for place, genes in enumerate(distinct)
        ]

    def _genes(self, choices: Choices, genomes: Genomes) -> Genomes:
        return genomes[:, [choices.places[item.name] for item in self.choices.items]]

    def features(self, genomes: Genomes) -> Matrix:
        """See `nasbench201_cell.features`; computed once for all designs."""
        return all_features()[genomes @ PLACES]

    @property
    def groups(self) -> tuple[int, ...]:
        return cell.GROUPS

    def text(self, genome: Genomes) -> str:
        """The published arch string."""
        return to_text(genome)

    def parse(self, text: str) -> Genomes:
        return from_text(text)

    def sketch(self, genome: Genomes) -> Module:
        """One cell as it was chosen but for edges that reach nothing."""
        net = DrawnNetwork(SKETCH_SHAPE)
        return net.finish(self.name, cell.add_cell(net, net.image, cell.pruned(genome[None])[0], "cell"))

    def module(self, genome: Genomes, seed: int = 0) -> Module:
        """The whole network."""
        return network(self._frame, cell.pruned(genome[None])[0], seed)

    def parameters(self, genomes: Genomes) -> NDArray[np.int64]:
        """int64 [P], as published; see `nasbench201_counts`."""
        return counts.parameters(self._frame, genomes)

    def flops(self, genomes: Genomes) -> NDArray[np.int64]:
        """int64 [P], as published; see `nasbench201_counts`."""
        return counts.flops(self._frame, genomes)

    @cached_property
    def _frame(self) -> Frame:
        return Frame(self.input_shape, self.classes, self.cells, self.width)
