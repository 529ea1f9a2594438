"""What a search space is, and what a family of networks adds to it.

    space = NasBench201(classes=100)
    genomes = space.sample(100, rng)            # int64 [100, genes]
    space.text(genomes[0])                      # "|nor_conv_3x3~0|+|..."; space.parse reads it back
    space.module(genomes[0])                    # the network as IR, weights drawn from a seed

A family of networks is a frozen dataclass derived from `NetworkSpace`; its fields are the options a recipe may set, and
it is found by name through the entry-point group `gossamer.spaces`.
Invariant (tested for every family): the layers of `shapes` are those `gossamer.ir.analysis.layers` finds in `module`
after the passes of `gossamer.search.lowered.BEFORE_QUANTIZE`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
from gossamer.ir.graph import Module
from gossamer.ir.hardware import Number
from gossamer.search.choices import Choices, Condition, Genomes
from gossamer.search.costs.columns import Population
from gossamer.search.spaces.plan import Plan

Matrix: TypeAlias = NDArray[np.float64]


class Space(Protocol):
    """What a strategy and a surrogate may ask of a space: of networks, or a product of networks, bits and hardware."""

    @property
    def name(self) -> str: ...

    @property
    def choices(self) -> Choices: ...

    def repair(self, genomes: Genomes) -> Genomes:
        """Canonical form of [P, genes] genomes: equal designs have equal genomes."""
        ...

    def features(self, genomes: Genomes) -> Matrix:
        """[P, F] numbers that say what designs are like, for methods that predict."""
        ...

    @property
    def groups(self) -> tuple[int, ...]:
        """How many neighbouring columns of `features` tell of one thing: a model may weigh each such group."""
        ...

    def sketch(self, genome: Genomes) -> Module:
        """A small module with the structure of the design's network: what graph and token encodings read."""
        ...

    def text(self, genome: Genomes) -> str: ...


@dataclass(frozen=True)
class Slot:
    """A place for one layer. `weighted` slots have bits of their own; `when` it exists; `cast`: only in a quantised
    network.
    """

    name: str
    weighted: bool = True
    cast: bool = False
    when: tuple[Condition, ...] = ()


class NetworkSpace(ABC):
    """A family of networks for one kind of image. Genomes here are those of its own choices."""

    input_shape: tuple[int, int, int]
    """Channels, height, width."""
    classes: int

    @property
    @abstractmethod
    def name(self) -> str: ...

    @property
    @abstractmethod
    def choices(self) -> Choices: ...

    @property
    @abstractmethod
    def slots(self) -> tuple[Slot, ...]:
        """Places for layers, in order of execution. Nodes of `module` that make a layer carry its slot as label."""

    @abstractmethod
    def shapes(self, choices: Choices, genomes: Genomes) -> Population:
        """Layers without bits. `choices` are those of the whole product, so that columns are found by name."""

    @abstractmethod
    def module(self, genome: Genomes, seed: int = 0) -> Module:
        """The network in float, one image, output "logits" [1, classes]; weights drawn from `seed` (He), batch norms
        at the identity.
        """

    def sketch(self, genome: Genomes) -> Module:
        """See Space: the network itself where nothing smaller says the same."""
        return self.module(genome)

    @property
    def size(self) -> int:
        """How many designs there are, exactly."""
        return self.choices.count()

    def repair(self, genomes: Genomes) -> Genomes:
        return self.choices.repair(genomes)

    def sample(self, count: int, rng: np.random.Generator) -> Genomes:
        """Canonical genomes drawn uniformly over the genes."""
        return self.repair(self.choices.sample(count, rng))

    def features(self, genomes: Genomes) -> Matrix:
        """One number per value of every choice."""
        return self.choices.one_hot(genomes)

    @property
    def groups(self) -> tuple[int, ...]:
        """All features in one group, unless a family says more."""
        return (self.features(np.zeros((1, len(self.choices)), np.int64)).shape[1],)

    def text(self, genome: Genomes) -> str:
        """`name=value ...` of the active choices; families with a published notation use that."""
        return self.choices.text(genome)

    def parse(self, text: str) -> Genomes:
        """The genome a text stands for. SearchError says what was found and what is needed."""
        return self.choices.parse(text)


@runtime_checkable
class Plannable(Protocol):
    """A family whose networks are chains of steps: the weight-sharing supernet can train it."""

    def plan(self, values: Mapping[str, Number]) -> Plan:
        """The steps of one design; `values` are its active choices by name."""
        ...


@dataclass(frozen=True)
class PlainSpace:
    """Choices alone, without a network behind them."""

    choices: Choices
    name: str = "choices"

    def repair(self, genomes: Genomes) -> Genomes:
        return self.choices.repair(genomes)

    def features(self, genomes: Genomes) -> Matrix:
        return self.choices.one_hot(genomes)

    @property
    def groups(self) -> tuple[int, ...]:
        return (int(self.choices.sizes.sum()),)

    def text(self, genome: Genomes) -> str:
        return self.choices.text(genome)

    def sketch(self, genome: Genomes) -> Module:
        raise SearchError(f"space '{self.name}' has no networks, so nothing can be encoded as a graph")
