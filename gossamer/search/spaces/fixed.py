"""The space `fixed`: one network, read from a file or taken from the zoo; its precision and its widths may be free.

    space = Fixed("resnet18", ratios=(1.0, 0.75, 0.5))

`ratios`: what part of its channels each layer may keep; layers that are added to each other keep the same ones (see
`channels`). A width is a multiple of `multiple`; of ratios that round to the same the first stands for all. Without
ratios the space has one design, and a search chooses only among the other parts of the product: bits, hardware. Batch
norms are folded when the network is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
from gossamer.ir.graph import Module
from gossamer.search.choices import Choice, Choices, Genomes
from gossamer.search.costs.columns import PLACE, Population
from gossamer.search.spaces.base import Matrix, NetworkSpace, Slot
from gossamer.search.spaces.cut import cut
from gossamer.search.spaces.fixed_network import OWN, Network, read_network, sized, times
from gossamer.search.spaces.flow import Flow


@dataclass(frozen=True)
class Fixed(NetworkSpace):
    """`model`: a file that `gossamer compile` reads, or a name of the zoo, which is built for `input_shape` and
    `classes` (0: as published).
    """

    model: str = "resnet18"
    ratios: tuple[float, ...] = ()
    multiple: int = 8
    input_shape: tuple[int, int, int] = OWN
    classes: int = 0

    def __post_init__(self) -> None:
        if self.multiple < 1:
            raise SearchError(f"space 'fixed': multiple={self.multiple}; widths are multiples of at least 1")
        for ratio in self.ratios:
            if not 0 < ratio <= 1:
                raise SearchError(f"space 'fixed': ratios={ratio:g}; a layer keeps more than 0 and at most 1 of itself")
        shape, classes = self._network.image, self._network.classes
        if self.input_shape not in (OWN, shape) or self.classes not in (0, classes):
            raise SearchError(
                f"space 'fixed': {self.model} has images of {times(shape)} and {classes} classes, "
                f"but {times(self.input_shape)} and {self.classes} are asked for; use other data or another network"
            )
        object.__setattr__(self, "input_shape", shape)
        object.__setattr__(self, "classes", classes)

    @property
    def _network(self) -> Network:
        return read_network(*sized(self.model, self.input_shape, self.classes))

    @property
    def name(self) -> str:
        return "fixed"

    @cached_property
    def choices(self) -> Choices:
        """Groups that all ratios leave whole have none."""
        wide = {group: self._widths(group) for group in self._network.channels.prunable}
        cut = (group for group, widths in wide.items() if set(widths) - {self._network.widths[group]})
        return Choices(tuple(Choice(f"{group}.ratio", tuple(wide[group].values())) for group in cut))

    def _widths(self, group: str) -> dict[int, float]:
        """Channels that the group may keep, in the order of `ratios`, and the first ratio that rounds to them."""
        whole, found = self._network.widths[group], dict[int, float]()
        for ratio in self.ratios:
            width = min(whole, max(1, round(ratio * whole / self.multiple)) * self.multiple)
            found.setdefault(width, ratio)
        return found

    @property
    def slots(self) -> tuple[Slot, ...]:
        return self._network.slots

    def shapes(self, choices: Choices, genomes: Genomes) -> Population:
        network = self._network
        rows = np.repeat(network.template.rows[None], len(genomes), axis=0)
        for item in self.choices.items:
            group = item.name.removesuffix(".ratio")
            width = np.array(list(self._widths(group)))[genomes[:, choices.places[item.name]]]
            for field, layers in network.wide[group].items():
                rows[:, layers, PLACE[field]] = width[:, None]
        return Population(rows, np.ones(rows.shape[:2], np.bool_))

    def flows(self, choices: Choices, genomes: Genomes) -> Sequence[tuple[NDArray[np.int64], Flow]]:
        """One for all."""
        return [(np.arange(len(genomes)), self._network.template.flow)]

    def module(self, genome: Genomes, seed: int = 0) -> Module:
        """With the weights it was read with; `seed` changes nothing."""
        widths = {
            group: list(self._widths(group))[gene]
            for group, gene in zip((item.name.removesuffix(".ratio") for item in self.choices.items), genome.tolist())
        }
        return cut(self._network.module, self._network.channels, widths)

    def features(self, genomes: Genomes) -> Matrix:
        """One number per ratio of every layer."""
        return self.choices.one_hot(genomes) if len(self.choices) else np.zeros((len(genomes), 0))
