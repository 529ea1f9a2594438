"""The two ways to ask a backend what layers cost on chips given as genes: in columns, or with an object for each.

Both give the same numbers. Columns need no `Hardware` and no `Layer`, so they cost a fresh design far less.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.columnar import ColumnarBackend
from gossamer.ir.hardware import Number
from gossamer.search.choices import Genomes
from gossamer.search.costs.columns import PLACE, Rows, to_layers
from gossamer.search.space import CoDesignSpace

Column = NDArray[np.float64]


class Pricer(Protocol):
    """`genes` are hardware genes, [n, hardware choices]."""

    def areas(self, genes: Genomes) -> tuple[Column, NDArray[np.bool_]]:
        """Of each chip: its area, mm2 (nan where not known), and whether its values make a chip at all."""
        ...

    def price(self, rows: Rows, genes: Genomes, position: NDArray[np.int64]) -> Column:
        """[n, 2]: latency, s, and energy, J, of each layer on the chip at its position."""
        ...


def pricer_of(space: CoDesignSpace) -> Pricer:
    """The faster of the doors that the space's backend has."""
    backend = space.backend
    if space.algorithms is not None:
        return AlgorithmPricer(space)
    return ColumnPricer(backend, space) if isinstance(backend, ColumnarBackend) else ObjectPricer(space)


class ColumnPricer:
    """Genes become columns by one look-up a parameter."""

    def __init__(self, backend: ColumnarBackend, space: CoDesignSpace) -> None:
        self._backend = backend
        words = {info.name: info.choices for info in space.backend.hardware.parameters()}
        self._values: dict[str, Column] = {}
        for item in space.hardware_choices.items:
            name = item.name.removeprefix("hardware.")
            self._values[name] = np.array([_number(value, words[name]) for value in item.values])

    def areas(self, genes: Genomes) -> tuple[Column, NDArray[np.bool_]]:
        return self._backend.area_columns(self._columns(genes)), np.ones(len(genes), np.bool_)

    def price(self, rows: Rows, genes: Genomes, position: NDArray[np.int64]) -> Column:
        table = np.ascontiguousarray(rows.T, dtype=np.float64)
        layers = {name: table[place] for name, place in PLACE.items()}
        chips = {name: values[position] for name, values in self._columns(genes).items()}
        costs = self._backend.cost_columns(layers, chips)
        return np.stack([costs.latency_s, costs.energy_j], 1)

    def _columns(self, genes: Genomes) -> dict[str, Column]:
        return {name: values[genes[:, place]] for place, (name, values) in enumerate(self._values.items())}


class ObjectPricer:
    """Through `Backend.cost`. Values that exclude each other are priced as the default chip; nobody reads that."""

    def __init__(self, space: CoDesignSpace) -> None:
        self._space, self._backend = space, space.backend

    def areas(self, genes: Genomes) -> tuple[Column, NDArray[np.bool_]]:
        chips = [self._space.chip(chip) for chip in genes]
        areas = [None if chip is None else self._backend.area_mm2(chip) for chip in chips]
        found = np.array([float("nan") if area is None else area for area in areas])
        return found, np.array([chip is not None for chip in chips], np.bool_)

    def price(self, rows: Rows, genes: Genomes, position: NDArray[np.int64]) -> Column:
        chips = [self._space.chip(chip) or self._backend.hardware() for chip in genes]
        costs = self._backend.cost(to_layers(rows), [chips[place] for place in position.tolist()])
        return np.stack([costs.latency_s, costs.energy_j], 1)


class AlgorithmPricer(ObjectPricer):
    """Through `AlgorithmicBackend.cost_as`; the last column of the rows says which algorithm."""

    def price(self, rows: Rows, genes: Genomes, position: NDArray[np.int64]) -> Column:
        algorithms = self._space.algorithms
        assert algorithms is not None
        chips = [self._space.chip(chip) or self._backend.hardware() for chip in genes]
        schedules = algorithms.schedules(rows[:, -1].tolist())
        costs = algorithms.backend.cost_as(to_layers(rows), schedules, [chips[place] for place in position.tolist()])
        return np.stack([costs.latency_s, costs.energy_j], 1)


def _number(value: Number, words: tuple[str, ...]) -> float:
    return float(words.index(value)) if isinstance(value, str) else float(value)
