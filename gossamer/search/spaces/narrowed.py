"""A family with fewer values to choose from: what a filter makes of a space.

    narrow = narrowed(FBNet(), (("block1", ("k3_e1", "skip")),))
    narrow.size                              # exact, as of any space

The layers, modules, texts and features are those of the family; only genes count the values that are left. A narrowed
family can do what the family could: train in a supernet (Plannable), join its layers (Joined), count as published.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, TypeAlias, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError, nearest
from gossamer.ir.graph import Module
from gossamer.ir.hardware import Number
from gossamer.search.choices import Choice, Choices, Genomes
from gossamer.search.costs.columns import Population
from gossamer.search.spaces.base import Matrix, NetworkSpace, Plannable, Slot
from gossamer.search.spaces.flow import Flow, Joined
from gossamer.search.spaces.plan import Plan

Kept: TypeAlias = tuple[tuple[str, tuple[Number, ...]], ...]
"""(choice, values left) for choices that lose some."""


@runtime_checkable
class Published(Protocol):
    """A family that counts as its publication does."""

    def parameters(self, genomes: Genomes) -> NDArray[np.int64]: ...

    def flops(self, genomes: Genomes) -> NDArray[np.int64]: ...


class Narrowing:
    """What all kinds have in common."""

    base: NetworkSpace
    kept: Kept
    input_shape: tuple[int, int, int]
    classes: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "input_shape", self.base.input_shape)
        object.__setattr__(self, "classes", self.base.classes)
        places = self.base.choices.places
        for name, values in self.kept:
            if name not in places:
                raise SearchError(f"space '{self.name}' has no choice '{name}'{nearest(name, places)}")
            _check_left(self.base.choices.items[places[name]], values)

    @property
    def name(self) -> str:
        return self.base.name

    @cached_property
    def choices(self) -> Choices:
        left = dict(self.kept)
        return Choices(
            tuple(
                replace(item, values=tuple(value for value in item.values if value in left.get(item.name, item.values)))
                for item in self.base.choices.items
            )
        )

    @property
    def slots(self) -> tuple[Slot, ...]:
        return self.base.slots

    def shapes(self, choices: Choices, genomes: Genomes) -> Population:
        return self.base.shapes(self.base.choices, self.own(choices, genomes))

    def module(self, genome: Genomes, seed: int = 0) -> Module:
        return self.base.module(self.wide(genome[None])[0], seed)

    def sketch(self, genome: Genomes) -> Module:
        return self.base.sketch(self.wide(genome[None])[0])

    def features(self, genomes: Genomes) -> Matrix:
        return self.base.features(self.wide(genomes))

    @property
    def groups(self) -> tuple[int, ...]:
        return self.base.groups

    def repair(self, genomes: Genomes) -> Genomes:
        """Canonical form; the family's own where its values are all left."""
        found = self.choices.repair(genomes)
        narrow = self._narrow(self.base.repair(self.wide(found)))
        return np.where((narrow >= 0).all(axis=1, keepdims=True), narrow, found)

    def text(self, genome: Genomes) -> str:
        return self.base.text(self.wide(genome[None])[0])

    def parse(self, text: str) -> Genomes:
        """SearchError: also for a value that is not left."""
        wide = self.base.parse(text)
        genome = self._narrow(wide[None])[0]
        for place in np.flatnonzero(genome < 0)[:1]:
            item, left = self.base.choices.items[place], self.choices.items[place]
            raise SearchError(
                f"{item.name}={item.values[wide[place]]} was filtered out of space '{self.name}'; left are "
                f"{', '.join(map(str, left.values))}"
            )
        return genome

    def own(self, choices: Choices, genomes: Genomes) -> Genomes:
        """The family's genomes of those of a product, whose choices are given."""
        return self.wide(genomes[:, [choices.places[item.name] for item in self.choices.items]])

    def wide(self, genomes: Genomes) -> Genomes:
        """The family's genomes of [P, genes] repaired ones."""
        columns = [np.array(wide)[genomes[:, place]] for place, wide in enumerate(self._wide)]
        found = np.stack(columns, axis=1) if columns else genomes
        for item, place in self.base.choices.places.items():  # an inactive gene is 0 in the family too
            when = self.choices.items[place].when
            if when and self._wide[place][0]:
                found[~self.choices.active(when, genomes), self.base.choices.places[item]] = 0
        return found

    @cached_property
    def _wide(self) -> tuple[tuple[int, ...], ...]:
        """For every choice, where each value that is left stands among the family's."""
        pairs = zip(self.base.choices.items, self.choices.items)
        return tuple(tuple(base.values.index(value) for value in item.values) for base, item in pairs)

    def _narrow(self, genomes: Genomes) -> Genomes:
        """Own genomes of the family's, -1 for values that are not left; inactive genes are 0."""
        columns: list[Genomes] = []
        for place, (base, wide) in enumerate(zip(self.base.choices.items, self._wide)):
            back = np.full(len(base.values), -1, np.int64)
            back[list(wide)] = np.arange(len(wide))
            there = self.base.choices.active(base.when, genomes)
            columns.append(np.where(there, back[genomes[:, place]], 0))
        return np.stack(columns, axis=1)


@dataclass(frozen=True)
class Narrowed(Narrowing, NetworkSpace):
    """Of any family."""

    base: NetworkSpace
    kept: Kept


@dataclass(frozen=True)
class NarrowedChain(Narrowing, NetworkSpace):
    """Of a family that a supernet can train."""

    base: NetworkSpace
    kept: Kept

    def plan(self, values: Mapping[str, Number]) -> Plan:
        return cast(Plannable, self.base).plan(values)


@dataclass(frozen=True)
class NarrowedJoined(Narrowing, NetworkSpace):
    """Of a family whose networks are no chains."""

    base: NetworkSpace
    kept: Kept

    def flows(self, choices: Choices, genomes: Genomes) -> Sequence[tuple[NDArray[np.int64], Flow]]:
        return cast(Joined, self.base).flows(self.base.choices, self.own(choices, genomes))


@dataclass(frozen=True)
class NarrowedCells(Narrowing, NetworkSpace):
    """Of a family of no chains that counts as published."""

    base: NetworkSpace
    kept: Kept

    def flows(self, choices: Choices, genomes: Genomes) -> Sequence[tuple[NDArray[np.int64], Flow]]:
        return cast(Joined, self.base).flows(self.base.choices, self.own(choices, genomes))

    def parameters(self, genomes: Genomes) -> NDArray[np.int64]:
        return cast(Published, self.base).parameters(self.wide(genomes))

    def flops(self, genomes: Genomes) -> NDArray[np.int64]:
        return cast(Published, self.base).flops(self.wide(genomes))


def narrowed(base: NetworkSpace, kept: Kept) -> NetworkSpace:
    """The family with these values left. SearchError: an unknown choice, no value left, or one that the family does not
    have.
    """
    if isinstance(base, Plannable):
        return NarrowedChain(base, kept)
    if isinstance(base, Joined):
        return NarrowedCells(base, kept) if isinstance(base, Published) else NarrowedJoined(base, kept)
    return Narrowed(base, kept)


def _check_left(item: Choice, values: tuple[Number, ...]) -> None:
    if not values:
        raise SearchError(f"no value of '{item.name}' is left; it has {', '.join(map(str, item.values))}")
    wrong = [value for value in values if value not in item.values]
    if wrong:
        raise SearchError(f"{item.name} = {wrong[0]} is none of {', '.join(map(str, item.values))}")
