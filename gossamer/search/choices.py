"""Named choices with conditions: what every part of a search space is made of.

    depth  = Choice("stage1.depth", (1, 2))
    kernel = Choice("stage1.block2.kernel", (3, 5), when=(Condition("stage1.depth", (2,)),))
    genes  = Choices((depth, kernel))

A genome is an integer vector: one index into `values` per choice. A choice whose conditions do not hold is inactive and
its gene is 0 after `repair`, so equal designs have equal genomes. Conditions may only name earlier choices.
All methods that take genomes take a matrix [P, genes] and are vectorised over P.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError, nearest
from gossamer.ir.hardware import Number

Genomes: TypeAlias = NDArray[np.int64]
"""int64 [P, genes] (a population) or [genes] (one design)."""


@dataclass(frozen=True)
class Condition:
    """Holds when `choice` is active and its value is one of `values`."""

    choice: str
    values: tuple[Number, ...]


@dataclass(frozen=True)
class Choice:
    """One decision. `when`: all must hold for it to matter."""

    name: str
    values: tuple[Number, ...]
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Choices:
    """An ordered list of choices: the product of their values."""

    items: tuple[Choice, ...]

    def __post_init__(self) -> None:
        names = [item.name for item in self.items]
        for place, item in enumerate(self.items):
            if item.name in names[:place]:
                raise SearchError(f"two choices of the space are called '{item.name}'; each needs a name of its own")
            if not item.values:
                raise SearchError(f"choice '{item.name}' has no values")
            if len(set(item.values)) < len(item.values):
                raise SearchError(f"choice '{item.name}' has a value twice: {', '.join(map(str, item.values))}")
            for condition in item.when:
                if condition.choice not in names[:place]:
                    raise SearchError(
                        f"choice '{item.name}' depends on '{condition.choice}', which must come before it"
                    )

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def places(self) -> dict[str, int]:
        """Name -> column."""
        return {item.name: place for place, item in enumerate(self.items)}

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Number of values of each choice."""
        return np.array([len(item.values) for item in self.items], np.int64)

    @cached_property
    def designs(self) -> float:
        """How many genomes there are, inactive genes counted once too often (an upper bound; infinite beyond 1e308)."""
        with np.errstate(over="ignore"):
            return float(np.prod(self.sizes.astype(np.float64)))

    def repair(self, genomes: Genomes) -> Genomes:
        """Canonical form: every gene inside its range (clipped), inactive genes 0."""
        found = np.clip(genomes, 0, self.sizes - 1)
        for when, columns in self._conditional:
            inactive = ~self.active(when, found)
            found[np.ix_(inactive, columns)] = 0
        return found

    def active(self, when: tuple[Condition, ...], genomes: Genomes) -> NDArray[np.bool_]:
        """bool [P]: where all conditions hold (and the choices they name are active themselves)."""
        result = np.ones(len(genomes), np.bool_)
        for condition in when:
            place = self.places[condition.choice]
            choice = self.items[place]
            allowed = np.array([value in condition.values for value in choice.values])
            result &= allowed[genomes[:, place]] & self.active(choice.when, genomes)
        return result

    @cached_property
    def _conditional(self) -> tuple[tuple[tuple[Condition, ...], NDArray[np.int64]], ...]:
        """Choices that share their conditions are repaired together, in order."""
        groups: dict[tuple[Condition, ...], list[int]] = {}
        for place, item in enumerate(self.items):
            if item.when:
                groups.setdefault(item.when, []).append(place)
        return tuple((when, np.array(columns)) for when, columns in groups.items())

    def column(self, name: str, genomes: Genomes) -> NDArray[np.int64]:
        """int64 [P]: the values a whole-number choice takes."""
        place = self.places[name]
        return np.array(self.items[place].values, np.int64)[genomes[:, place]]

    def decode(self, genome: Genomes) -> dict[str, Number]:
        """Name -> value of one genome, inactive choices left out."""
        row = genome[None]
        return {
            item.name: item.values[int(genome[place])]
            for place, item in enumerate(self.items)
            if bool(self.active(item.when, row)[0])
        }

    def encode(self, values: Mapping[str, Number]) -> Genomes:
        """The genome with these values, the first value for choices left out. SearchError for what is unknown."""
        genome = np.zeros(len(self), np.int64)
        for name, value in values.items():
            if name not in self.places:
                raise SearchError(f"the space has no choice '{name}'{nearest(name, self.places)}")
            choice = self.items[self.places[name]]
            if value not in choice.values:
                raise SearchError(f"{name} = {value} is none of {', '.join(map(str, choice.values))}")
            genome[self.places[name]] = choice.values.index(value)
        return self.repair(genome[None])[0]

    def sample(self, count: int, rng: np.random.Generator) -> Genomes:
        """Uniform over genes, repaired: int64 [count, genes]."""
        return self.repair(rng.integers(0, self.sizes, size=(count, len(self)), dtype=np.int64))

    def count(self) -> int:
        """How many designs there are, exactly: combinations of active choices."""
        from gossamer.search.counting import count

        return count(self.items)

    def neighbours(self, genome: Genomes) -> Genomes:
        """Every other design that one changed gene leads to: [n, genes], distinct."""
        places = np.repeat(np.arange(len(self)), self.sizes)
        values = np.concatenate([np.arange(size) for size in self.sizes]) if len(self) else np.zeros(0, np.int64)
        changed = np.broadcast_to(genome, (len(places), len(self))).copy()
        changed[np.arange(len(places)), places] = values
        found = np.unique(self.repair(changed), axis=0)
        return found[(found != genome).any(axis=1)]

    def crossover(self, left: Genomes, right: Genomes, rng: np.random.Generator) -> Genomes:
        """Children [P, genes] that take each gene from one parent or the other, repaired."""
        return self.repair(np.where(rng.random(left.shape) < 0.5, left, right))

    def one_hot(self, genomes: Genomes) -> NDArray[np.float64]:
        """One number per value of every choice: 1 where it is taken; a choice that is not active has none."""
        columns = [genomes[:, [place]] == np.arange(size) for place, size in enumerate(self.sizes)]
        for place, item in enumerate(self.items):
            if item.when:
                columns[place] = columns[place] & self.active(item.when, genomes)[:, None]
        return np.concatenate(columns, axis=1).astype(np.float64)

    def text(self, genome: Genomes) -> str:
        """`name=value ...` of the active choices, in order."""
        return " ".join(f"{name}={value}" for name, value in self.decode(genome).items())

    def parse(self, text: str) -> Genomes:
        """Reads `text` back. SearchError: what is no `name=value`, an unknown name or value, a choice left out."""
        values: dict[str, Number] = {}
        for word in text.split():
            name, equals, value = word.partition("=")
            if not equals:
                raise SearchError(f"'{word}' is not like name=value")
            values[name] = self.value(name, value)
        genome = self.encode(values)
        missing = [name for name in self.decode(genome) if name not in values]
        if missing:
            raise SearchError(f"the text gives no value to {', '.join(missing)}")
        return genome

    def value(self, name: str, text: str) -> Number:
        """The value of choice `name` that is written so. SearchError: there is none."""
        if name not in self.places:
            raise SearchError(f"the space has no choice '{name}'{nearest(name, self.places)}")
        values = self.items[self.places[name]].values
        for value in values:
            if str(value) == text:
                return value
        raise SearchError(f"{name}={text} is none of {', '.join(map(str, values))}")
