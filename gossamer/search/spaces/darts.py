"""The space `darts`: networks of two cells, a normal one and a reduction (Liu, Simonyan and Yang, ICLR 2019).

    image -> stem conv 3x3 -> cells; at a third and two thirds of the depth a reduction cell -> mean -> classifier

A cell has four nodes; each reads two of the nodes before it (the cell's two inputs among them) through one of seven
operations. That makes 1 x 3 x 6 x 10 pairs of edges and 7^8 operations, 1,037,664,180 cells, and the square of it,
about 10^18, networks: counted as in the paper's 2.2 and appendix, isomorphic cells apart, without the operation `none`.
The text of a design is the published genotype.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
from gossamer.ir.graph import Module
from gossamer.search.choices import Choice, Choices, Genomes
from gossamer.search.costs.columns import Population
from gossamer.search.spaces.base import NetworkSpace, Slot
from gossamer.search.spaces.darts_frame import Frame
from gossamer.search.spaces.darts_network import flow, network, population, sketch
from gossamer.search.spaces.darts_text import CELLS, INPUTS, NODES, OPS, from_text, pairs, to_text
from gossamer.search.spaces.flow import Flow


@dataclass(frozen=True)
class Darts(NetworkSpace):
    """`cells` of them, `width` channels in the first: 20 and 36 as evaluated on CIFAR, 8 and 16 as searched."""

    input_shape: tuple[int, int, int] = (3, 32, 32)
    classes: int = 10
    cells: int = 20
    width: int = 36

    def __post_init__(self) -> None:
        if self.cells < 3:
            raise SearchError(f"space 'darts': cells={self.cells}; two of them are reductions, so it takes at least 3")
        if self.width < 2 or self.width % 2 or self.classes < 1:
            raise SearchError("space 'darts': width must be even (inputs are halved in two parts), classes at least 1")
        if any(side % 4 or side < 8 for side in self.input_shape[1:]):
            sides = "x".join(map(str, self.input_shape[1:]))
            raise SearchError(f"space 'darts': images of {sides}; its two reductions need multiples of 4, from 8 on")

    @property
    def name(self) -> str:
        return "darts"

    @cached_property
    def choices(self) -> Choices:
        return Choices(tuple(item for cell in CELLS for node in range(NODES) for item in _node(cell, node)))

    @cached_property
    def _frame(self) -> Frame:
        return Frame(self.input_shape, self.classes, self.cells, self.width)

    @property
    def slots(self) -> tuple[Slot, ...]:
        return self._frame.slots

    def shapes(self, choices: Choices, genomes: Genomes) -> Population:
        return population(self._frame, self._genes(choices, genomes))

    def flows(self, choices: Choices, genomes: Genomes) -> Sequence[tuple[NDArray[np.int64], Flow]]:
        """Every network has its own."""
        genes = self._genes(choices, genomes)
        return [(np.array([place]), flow(self._frame, tuple(row.tolist()))) for place, row in enumerate(genes)]

    def _genes(self, choices: Choices, genomes: Genomes) -> Genomes:
        return genomes[:, [choices.places[item.name] for item in self.choices.items]]

    def text(self, genome: Genomes) -> str:
        """The genotype."""
        return to_text(genome)

    def parse(self, text: str) -> Genomes:
        return from_text(text)

    def module(self, genome: Genomes, seed: int = 0) -> Module:
        return network(self._frame, genome, seed)

    def sketch(self, genome: Genomes) -> Module:
        """The two cells, one after the other."""
        return sketch(genome)


def _node(cell: str, node: int) -> tuple[Choice, ...]:
    name = f"{cell}.node{node + INPUTS}"
    inputs = tuple(f"{left}-{right}" for left, right in pairs(node))
    return (Choice(f"{name}.inputs", inputs), Choice(f"{name}.op1", OPS), Choice(f"{name}.op2", OPS))
