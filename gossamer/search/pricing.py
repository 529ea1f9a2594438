"""What a population costs on its hardware, from a table of (layer, hardware) pairs that are each priced once.

The table asks the backend in bulk for the pairs it lacks; a candidate whose layers and chip were met before costs a
look-up. Latency and energy of a network are the sums over its layers, in order, as `backend.compile` sums them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.base import Backend, LayerCosts
from gossamer.ir.hardware import Hardware
from gossamer.search.choices import Genomes
from gossamer.search.columns import PLACE, Rows, macs, to_layers, weight_bits
from gossamer.search.space import CoDesignSpace

PriceRows = Callable[[Rows, Sequence[Hardware], NDArray[np.int64]], LayerCosts]
"""(distinct layers' rows, chips, for each row the position of its chip) -> costs."""


@dataclass(frozen=True)
class Costs:
    """One value per design. A design with a layer that does not fit has infinite latency and energy."""

    latency_s: NDArray[np.float64]
    energy_j: NDArray[np.float64]
    area_mm2: NDArray[np.float64]
    macs: NDArray[np.float64]
    weight_bytes: NDArray[np.float64]


class CostTable:
    """Grows as a search goes on; `pairs` counts what is in it, `hits` the look-ups it answered."""

    def __init__(self, space: CoDesignSpace) -> None:
        self.space = space
        self._price = _door(space.backend)
        self._layer_ids: dict[bytes, int] = {}
        self._pairs: dict[int, int] = {}
        self._values = np.empty((1 << 12, 2))
        self._chips: list[Hardware | None] = []
        self._chip_ids: dict[bytes, int] = {}
        self._areas: list[float] = []
        self.hits = 0

    @property
    def pairs(self) -> int:
        return len(self._pairs)

    def costs(self, genomes: Genomes) -> Costs:
        """Costs of [P, genes] repaired genomes."""
        rows, owner = self.space.layers(genomes).flat()
        chips = self._chips_of(genomes)
        values = self._look_up(rows, chips[owner])
        count = len(genomes)
        buildable = np.array([self._chips[chip] is not None for chip in chips])
        latency, energy = (np.bincount(owner, values[:, i], count) for i in (0, 1))
        return Costs(
            np.where(buildable, latency, np.inf),
            np.where(buildable, energy, np.inf),
            np.array(self._areas)[chips],
            np.bincount(owner, macs(rows), count).astype(np.float64),
            np.bincount(owner, weight_bits(rows), count) / 8,
        )

    def _chips_of(self, genomes: Genomes) -> NDArray[np.int64]:
        genes = np.ascontiguousarray(genomes[:, self.space.network_genes :])
        found = np.empty(len(genomes), np.int64)
        for place, key in enumerate(_keys(genes)):
            chip = self._chip_ids.get(key)
            if chip is None:
                chip = self._chip_ids[key] = len(self._chips)
                hardware = self.space.hardware(genomes[place])
                area = None if hardware is None else self.space.backend.area_mm2(hardware)
                self._chips.append(hardware)
                self._areas.append(float("nan") if area is None else area)
            found[place] = chip
        return found

    def _look_up(self, rows: Rows, chips: NDArray[np.int64]) -> NDArray[np.float64]:
        ids = self._layer_ids
        layer = np.array([ids.setdefault(key, len(ids)) for key in _keys(rows)], np.int64)
        keys = ((chips << 32) | layer).tolist()
        places = list(map(self._pairs.get, keys))
        fresh = [i for i, place in enumerate(places) if place is None]
        self.hits += len(keys) - len(fresh)
        if fresh:
            self._add(keys, fresh, rows, chips)
            for i in fresh:
                places[i] = self._pairs[keys[i]]
        return self._values[np.array(places, np.int64)]

    def _add(self, keys: list[int], fresh: list[int], rows: Rows, chips: NDArray[np.int64]) -> None:
        distinct = list({keys[i]: i for i in fresh}.items())
        where = np.array([i for _, i in distinct], np.int64)
        used, position = np.unique(chips[where], return_inverse=True)
        built = [chip if (chip := self._chips[i]) is not None else self.space.backend.hardware() for i in used.tolist()]
        costs = self._price(rows[where], built, position)
        start = len(self._pairs)
        while start + len(distinct) > len(self._values):
            self._values = np.concatenate([self._values, np.empty_like(self._values)])
        self._values[start : start + len(distinct)] = np.stack([costs.latency_s, costs.energy_j], 1)
        self._pairs.update((key, start + i) for i, (key, _) in enumerate(distinct))


def _keys(rows: NDArray[np.int64]) -> list[bytes]:
    """Each row as bytes."""
    if not rows.size:
        return [b""] * len(rows)
    return np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1] * 8))).ravel().tolist()


def _door(backend: Backend) -> PriceRows:
    """How to ask a backend: in columns where it has such a door, else through `Backend.cost`."""
    if backend.name == "systolic":
        return _systolic
    return lambda rows, chips, position: backend.cost(to_layers(rows), [chips[i] for i in position.tolist()])


def _systolic(rows: Rows, chips: Sequence[Hardware], position: NDArray[np.int64]) -> LayerCosts:
    from gossamer.backends.systolic.columns import HardwareColumns, LayerColumns
    from gossamer.backends.systolic.model import price

    columns = np.ascontiguousarray(rows.T, dtype=np.float64)
    layers = LayerColumns(**{name: columns[place] for name, place in PLACE.items()})
    return price(layers, HardwareColumns.of(chips).take(position))
