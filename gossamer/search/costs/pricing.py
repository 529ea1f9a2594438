"""What a population costs on its hardware, from a table of (layer, hardware) pairs that are each priced once.

The table asks the backend in bulk for the pairs it lacks; a candidate whose layers and chip were met before costs a
look-up. Latency and energy of a network are the sums over its layers, in order, as `backend.compile` sums them.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Genomes
from gossamer.search.costs.columns import Rows, macs, weight_bits
from gossamer.search.costs.pricers import pricer_of
from gossamer.search.space import CoDesignSpace


@dataclass(frozen=True)
class Costs:
    """One value per design. A design with a layer that does not fit has infinite latency and energy."""

    latency_s: NDArray[np.float64]
    energy_j: NDArray[np.float64]
    area_mm2: NDArray[np.float64]
    macs: NDArray[np.float64]
    weight_bytes: NDArray[np.float64]


@dataclass(frozen=True)
class _Chips:
    """Chips that were met, one a row, in order."""

    genes: Genomes
    area_mm2: NDArray[np.float64]
    buildable: NDArray[np.bool_]

    @staticmethod
    def none(genes: int) -> "_Chips":
        return _Chips(np.empty((0, genes), np.int64), np.empty(0), np.empty(0, np.bool_))

    def with_more(self, others: "_Chips") -> "_Chips":
        pairs = ((getattr(self, f.name), getattr(others, f.name)) for f in fields(self))
        return _Chips(*(np.concatenate(pair) for pair in pairs))


class CostTable:
    """Grows as a search goes on; `pairs` counts what is in it, `hits` the look-ups it answered."""

    def __init__(self, space: CoDesignSpace) -> None:
        self.space = space
        self._pricer = pricer_of(space)
        self._layer_ids: dict[bytes, int] = {}
        self._pairs: dict[int, int] = {}
        self._values = np.empty((1 << 12, 2))
        self._chip_ids: dict[bytes, int] = {}
        self._chips = _Chips.none(len(space.hardware_choices))
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
        buildable = self._chips.buildable[chips]
        latency, energy = (np.bincount(owner, values[:, i], count) for i in (0, 1))
        return Costs(
            np.where(buildable, latency, np.inf),
            np.where(buildable, energy, np.inf),
            self._chips.area_mm2[chips],
            np.bincount(owner, macs(rows), count).astype(np.float64),
            np.bincount(owner, weight_bits(rows), count) / 8,
        )

    def _chips_of(self, genomes: Genomes) -> NDArray[np.int64]:
        genes = np.ascontiguousarray(genomes[:, self.space.network_genes :])
        ids, known = self._chip_ids, len(self._chip_ids)
        found = np.array([ids.setdefault(key, len(ids)) for key in _keys(genes)], np.int64)
        if len(ids) > known:
            _, first = np.unique(found, return_index=True)
            fresh = genes[first[found[first] >= known]]
            self._chips = self._chips.with_more(_Chips(fresh, *self._pricer.areas(fresh)))
        return found

    def _look_up(self, rows: Rows, chips: NDArray[np.int64]) -> NDArray[np.float64]:
        ids = self._layer_ids
        layer = np.array([ids.setdefault(key, len(ids)) for key in _keys(rows)], np.int64)
        keys = ((chips << 32) | layer).tolist()
        places = list(map(self._pairs.get, keys))
        fresh = [i for i, place in enumerate(places) if place is None]
        self.hits += len(keys) - len(fresh)
        if fresh:
            self._add({keys[i]: i for i in fresh}, rows, chips)
            places = list(map(self._pairs.get, keys))
        return self._values[np.array(places, np.int64)]

    def _add(self, fresh: dict[int, int], rows: Rows, chips: NDArray[np.int64]) -> None:
        """Price pairs given as key -> a row where they are. Nothing is noted before all of them have a price."""
        where = np.fromiter(fresh.values(), np.int64, len(fresh))
        used, position = np.unique(chips[where], return_inverse=True)
        costs = self._pricer.price(rows[where], self._chips.genes[used], position)
        start = len(self._pairs)
        while start + len(fresh) > len(self._values):
            self._values = np.concatenate([self._values, np.empty_like(self._values)])
        self._values[start : start + len(fresh)] = costs
        self._pairs.update(zip(fresh, range(start, start + len(fresh)), strict=True))


def _keys(rows: NDArray[np.int64]) -> list[bytes]:
    """Each row as bytes."""
    if not rows.size:
        return [b""] * len(rows)
    return np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1] * 8))).ravel().tolist()
