"""The space `nasbench201`: 15,625 image classifiers made of one small cell (Dong and Yang, ICLR 2020).

    image -> stem conv 3x3 -> cells -> residual -> cells -> residual -> cells -> batch norm, relu -> mean -> classifier
    residual: halves the image, doubles the channels: conv 3x3 /2, conv 3x3, plus the mean of 2x2 through a conv 1x1

A design is one operation on each of the cell's six edges; its text is the published arch string. Different strings may
be the same network (edges that reach nothing, skips that make two nodes one). The published tables hold a training of
each string, so a genome here is a string and nothing is merged; `module` leaves out edges that reach nothing. An edge
from a node without inputs counts as such: in the published network it adds the shift of a batch norm of zeros.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
from gossamer.ir.graph import Module
from gossamer.ir.types import Value
from gossamer.search.choices import Choice, Choices, Genomes
from gossamer.search.costs.columns import Population
from gossamer.search.spaces import nasbench201_cell as cell
from gossamer.search.spaces import nasbench201_counts as counts
from gossamer.search.spaces.base import Matrix, NetworkSpace, Slot
from gossamer.search.spaces.drawn import DrawnNetwork
from gossamer.search.spaces.nasbench201_frame import STAGES, Frame
from gossamer.search.spaces.nasbench201_layers import population
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
        places = [choices.places[item.name] for item in self.choices.items]
        return population(self._frame, genomes[:, places])

    def features(self, genomes: Genomes) -> Matrix:
        """See `nasbench201_cell.features`; computed once for all designs."""
        return all_features()[genomes @ PLACES]

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
        genes = cell.pruned(genome[None])[0]
        net = DrawnNetwork(self.input_shape, seed)
        x = net.batch_norm(net.conv(net.image, "stem", self.width, kernel=3), "stem.bn")
        for stage in range(STAGES):
            x = _residual(net, x, f"residual{stage}") if stage else x
            for place in range(self.cells):
                x = cell.add_cell(net, x, genes, f"stage{stage + 1}.cell{place + 1}")
        x = net.relu(net.batch_norm(x, "last.bn"), "last.relu")
        return net.finish(self.name, net.linear(net.mean(x, "mean"), "classifier", self.classes))

    def parameters(self, genomes: Genomes) -> NDArray[np.int64]:
        """int64 [P], as published; see `nasbench201_counts`."""
        return counts.parameters(self._frame, genomes)

    def flops(self, genomes: Genomes) -> NDArray[np.int64]:
        """int64 [P], as published; see `nasbench201_counts`."""
        return counts.flops(self._frame, genomes)

    @cached_property
    def _frame(self) -> Frame:
        return Frame(self.input_shape, self.classes, self.cells, self.width)


def _residual(net: DrawnNetwork, x: Value, name: str) -> Value:
    """Half the side, twice the channels."""
    oc = 2 * x.shape[1]
    y = net.conv(net.relu(x, f"{name}.relu1"), f"{name}.conv1", oc, 3, 2)
    y = net.relu(net.batch_norm(y, f"{name}.bn1"), f"{name}.relu2")
    y = net.batch_norm(net.conv(y, f"{name}.conv2", oc, 3), f"{name}.bn2")
    down = net.conv(net.avg_pool(x, f"{name}.pool", 2, 2, 0), f"{name}.down", oc)
    return net.plus(down, y, f"{name}.add")
