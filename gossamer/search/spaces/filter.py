"""The seam of filters, and what they look at: the layers that a choice decides.

A filter is a frozen dataclass behind an entry point of the group `gossamer.filters`; `apply` gives the space narrowed
for a target. `touched` gives one choice of some designs each of its values in turn, and returns the layers that differ:
for a place with operators these are the operator's own layers, for a kernel size the depthwise layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.base import Backend
from gossamer.ir.errors import SearchError
from gossamer.ir.hardware import Hardware
from gossamer.search.choices import Choice, Choices, Genomes
from gossamer.search.costs.columns import PLACE, Rows, to_layers
from gossamer.search.spaces.base import NetworkSpace


class Filter(Protocol):
    """Options of a filter. SearchError where it needs a target and has none, or nothing would be left."""

    def apply(self, space: NetworkSpace, backend: Backend | None, seed: int) -> NetworkSpace: ...


@dataclass(frozen=True)
class Touched:
    """Layers that differ between the values of a choice, over some designs: `rows` [n, fields], whose `value` [n]."""

    rows: Rows
    value: NDArray[np.int64]
    values: int

    def totals(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sum over each value's layers, given a number per row: [values]."""
        return np.bincount(self.value, numbers, self.values).astype(np.float64)


def touched(space: NetworkSpace, choice: Choice, genomes: Genomes, bits: int) -> Touched:
    """Layers, with tensors of `bits`, that `choice` decides in [P, genes] designs in which it is made active."""
    place, count = space.choices.places[choice.name], len(choice.values)
    every = np.repeat(activated(space.choices, choice, genomes), count, axis=0)
    every[:, place] = np.tile(np.arange(count), len(genomes))
    found = space.shapes(space.choices, space.repair(every))
    rows = found.rows.reshape(len(genomes), count, *found.rows.shape[1:])
    active = found.active.reshape(len(genomes), count, -1)
    differs = (active != active[:, :1]).any(axis=1) | ((rows != rows[:, :1]).any(axis=3) & active).any(axis=1)
    designs, values, slots = np.nonzero(active & differs[:, None])
    return Touched(with_bits(rows[designs, values, slots], bits), values, count)


def activated(choices: Choices, choice: Choice, genomes: Genomes) -> Genomes:
    """The designs, changed so that the choice's conditions hold."""
    found = genomes.copy()
    for condition in choice.when:
        other = choices.items[choices.places[condition.choice]]
        found = activated(choices, other, found)
        allowed = [place for place, value in enumerate(other.values) if value in condition.values]
        column = found[:, choices.places[other.name]]
        if allowed:
            column[~np.isin(column, allowed)] = allowed[-1]
    return found


def with_bits(rows: Rows, bits: int) -> Rows:
    """Layers whose tensors all have so many bits."""
    found = rows.copy()
    found[:, [PLACE["weight_bits"], PLACE["activation_bits"], PLACE["output_bits"]]] = bits
    return found


def layer_costs(rows: Rows, backend: Backend, hardware: Hardware, metric: str) -> NDArray[np.float64]:
    """"latency" (s) or "energy" (J) of each layer on a chip; infinite where it does not fit."""
    if not len(rows):
        return np.zeros(0)
    distinct, where = np.unique(rows, axis=0, return_inverse=True)
    costs = backend.cost(to_layers(distinct), [hardware])
    return (costs.latency_s if metric == "latency" else costs.energy_j)[where.reshape(-1)]


def matching(choices: Choices, patterns: Sequence[str]) -> tuple[Choice, ...]:
    """Choices whose name is like one of the patterns (`stage*.kernel`). SearchError for a pattern like none."""
    for pattern in patterns:
        if not any(fnmatchcase(item.name, pattern) for item in choices.items):
            names = ", ".join(item.name for item in choices.items[:6])
            raise SearchError(f"no choice of the space is called like '{pattern}'; there are {names}, ...")
    return tuple(item for item in choices.items if any(fnmatchcase(item.name, pattern) for pattern in patterns))


def needed(backend: Backend | None, name: str) -> Backend:
    """The target. SearchError without one."""
    if backend is None:
        raise SearchError(
            f"filter '{name}' prices layers on a target, and this search has none but tables; name one with --target"
        )
    return backend
