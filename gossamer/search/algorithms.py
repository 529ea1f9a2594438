"""The algorithm of every layer as a choice: the target's own, or one that the target lists for the layer.

    algorithm: {}                          # everything the target lists
    algorithm: {names: [winograd4]}        # the target's own or Winograd's F(4 x 4, r x r)

A layer that cannot be run with what its gene says has the gene repaired to `default`, so equal designs have equal
genomes. Slots whose layers could run nothing else in any of SAMPLES random designs have no gene.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.algorithmic import AlgorithmicBackend
from gossamer.backends.base import Backend
from gossamer.ir.errors import SearchError, nearest
from gossamer.ir.schedule import Schedule
from gossamer.search.choices import Choice, Choices, Genomes
from gossamer.search.costs.columns import Population, Rows, to_layers
from gossamer.search.precision import Precision
from gossamer.search.spaces.base import NetworkSpace

DEFAULT = "default"
SAMPLES = 256


def name_of(algorithm: Schedule) -> str:
    """As users write it: im2col, winograd4."""
    return f"{algorithm.algorithm}{algorithm.winograd_m or ''}"


@dataclass(frozen=True)
class AlgorithmNames:
    """Names to choose from beside `default`; none given: all that the target lists."""

    names: tuple[str, ...] = ()

    def of(self, network: NetworkSpace, precision: Precision, backend: Backend | None) -> "Algorithms":
        """For the layers of a network. SearchError: a target that has no prices for algorithms, an unknown name."""
        if backend is None or not isinstance(backend, AlgorithmicBackend):
            name = "published tables" if backend is None else f"target '{backend.name}'"
            raise SearchError(f"algorithm: {name} cannot price algorithms per layer; leave the section out")
        known = {name_of(item): item for item in backend.algorithms}
        for name in self.names:
            if name not in known:
                raise SearchError(f"algorithm: target '{backend.name}' lists no '{name}'{nearest(name, known)}")
        found = Algorithms(backend, tuple(known[name] for name in self.names or known))
        return found.for_slots(network, precision)


@dataclass(frozen=True)
class Algorithms:
    """`items`: one choice per slot that can run something else; genes count `default` as 0, then `listed`."""

    backend: AlgorithmicBackend
    listed: tuple[Schedule, ...]
    items: tuple[Choice, ...] = ()
    _legal: dict[bytes, NDArray[np.bool_]] = field(default_factory=dict[bytes, NDArray[np.bool_]], compare=False)

    def for_slots(self, network: NetworkSpace, precision: Precision) -> "Algorithms":
        """With a choice for every slot where one of the algorithms can run."""
        choices = Choices((*network.choices.items, *precision.items))
        genomes = choices.sample(SAMPLES, np.random.default_rng(0))
        genomes[:, : len(network.choices)] = network.repair(genomes[:, : len(network.choices)])
        population = network.shapes(choices, genomes)
        precision.apply(network, choices, genomes, population)
        values = (DEFAULT, *map(name_of, self.listed))
        items = [
            Choice(f"{slot.name}.algorithm", values, slot.when)
            for place, slot in enumerate(network.slots)
            if slot.weighted and self.runs(population.rows[population.active[:, place], place]).any()
        ]
        return Algorithms(self.backend, self.listed, tuple(items))

    def runs(self, rows: Rows) -> NDArray[np.bool_]:
        """bool [n, listed]: which of the algorithms can run each layer."""
        keys = [row.tobytes() for row in np.ascontiguousarray(rows)]
        for place, key in enumerate(keys):
            if key not in self._legal:
                layer = to_layers(rows[place : place + 1])[0]
                self._legal[key] = np.array([self.backend.runs(layer, item) for item in self.listed])
        return np.array([self._legal[key] for key in keys], np.bool_).reshape(len(rows), len(self.listed))

    def repair(self, network: NetworkSpace, choices: Choices, genomes: Genomes, population: Population) -> None:
        """Write `default` where a layer cannot run what its gene says."""
        for gene, slot in self._places(network, choices):
            chosen = genomes[:, gene]
            legal = self.runs(population.rows[:, slot]) & population.active[:, [slot]]
            runs = np.concatenate([np.ones((len(genomes), 1), np.bool_), legal], axis=1)
            genomes[:, gene] = np.where(runs[np.arange(len(genomes)), chosen], chosen, 0)

    def numbers(self, network: NetworkSpace, choices: Choices, genomes: Genomes) -> NDArray[np.int64]:
        """int64 [P, slots]: the gene of each slot, 0 where it has none."""
        found = np.zeros((len(genomes), len(network.slots)), np.int64)
        for gene, slot in self._places(network, choices):
            found[:, slot] = genomes[:, gene]
        return found

    def _places(self, network: NetworkSpace, choices: Choices) -> list[tuple[int, int]]:
        slots = {slot.name: place for place, slot in enumerate(network.slots)}
        return [(choices.places[item.name], slots[item.name.removesuffix(".algorithm")]) for item in self.items]

    def schedules(self, numbers: Sequence[int]) -> list[Schedule | None]:
        """What genes stand for."""
        return [self.listed[number - 1] if number else None for number in numbers]
