"""A search over some genes of a space while the others keep their values, and several such searches side by side.

What was evaluated once is answered from memory: two searches that meet in one design ask for it once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError, nearest
from gossamer.ir.graph import Module
from gossamer.search.choices import Choice, Choices, Genomes
from gossamer.search.spaces.base import Space
from gossamer.search.strategies.asked import row_keys
from gossamer.search.strategies.base import Method, Problem, Strategy
from gossamer.search.strategies.standing import badness, standing

Matrix = NDArray[np.float64]


class SubSpace:
    """The genes `places` of `space`, the others as in `base`. Conditions hold through the repair of the whole space."""

    def __init__(self, space: Space, places: Genomes, base: Genomes) -> None:
        self._space, self._places, self._base = space, places, base
        items = space.choices.items
        self.choices = Choices(tuple(Choice(items[place].name, items[place].values) for place in places))

    @property
    def name(self) -> str:
        return self._space.name

    def whole(self, genomes: Genomes) -> Genomes:
        """Designs of the whole space."""
        composed = np.tile(self._base, (len(genomes), 1))
        composed[:, self._places] = genomes
        return self._space.repair(composed)

    def part(self, genomes: Genomes) -> Genomes:
        """The own genes of designs of the whole space."""
        return genomes[:, self._places]

    def repair(self, genomes: Genomes) -> Genomes:
        return self.part(self.whole(np.clip(genomes, 0, self.choices.sizes - 1)))

    def features(self, genomes: Genomes) -> Matrix:
        return self._space.features(self.whole(genomes))

    @property
    def groups(self) -> tuple[int, ...]:
        return self._space.groups

    def sketch(self, genome: Genomes) -> Module:
        return self._space.sketch(self.whole(genome[None])[0])

    def text(self, genome: Genomes) -> str:
        return self._space.text(self.whole(genome[None])[0])


def genes_of(problem: Problem, which: str, method: str) -> Genomes:
    """Columns of the genes called "network", "hardware", or whose names begin with `which`. SearchError where there
    are none, or none besides.
    """
    split = problem.network_genes if problem.network_genes >= 0 else problem.genes
    names = [item.name for item in problem.choices.items]
    if which in ("network", "hardware"):
        found = [place for place in range(problem.genes) if (place < split) == (which == "network")]
    else:
        found = [place for place, name in enumerate(names) if name.startswith(which)]
    if not found or len(found) == problem.genes:
        raise SearchError(
            f"strategy '{method}' searches some genes inside others, and {'none' if not found else 'all'} of the "
            f"{problem.genes} genes belong to '{which}'; search the hardware too, or name the beginning of some "
            f"genes' names{nearest(which, names) or f', such as {names[0]}'}"
        )
    return np.array(found, np.int64)


def others(problem: Problem, places: Genomes) -> Genomes:
    return np.setdiff1d(np.arange(problem.genes), places)


@dataclass
class Answers:
    """What was evaluated, by design."""

    problem: Problem
    known: dict[bytes, tuple[Matrix, Matrix]] = field(default_factory=dict)

    def add(self, genomes: Genomes, values: Matrix, violations: Matrix) -> None:
        self.known.update(zip(row_keys(genomes), zip(values, violations)))

    def of(self, genomes: Genomes) -> tuple[Matrix, Matrix]:
        values, violations = zip(*(self.known[key] for key in row_keys(genomes)))
        return np.stack(values), np.stack(violations)

    def unknown(self, genomes: Genomes) -> Genomes:
        """Rows without an answer, each once."""
        places = {key: place for place, key in reversed(list(enumerate(row_keys(genomes)))) if key not in self.known}
        return genomes[sorted(places.values())]


class SubSearch:
    """A method at work on a sub-space, on the objectives in the columns `objectives`, for at most `evaluations`
    designs (negative: no end).
    """

    def __init__(
        self, method: Method, space: SubSpace, problem: Problem, seeds: Genomes, seed: int,
        objectives: Sequence[int], evaluations: int,
    ) -> None:  # fmt: skip
        reference = None if problem.reference is None else problem.reference[list(objectives)]
        own = np.unique(space.part(seeds), axis=0) if len(seeds) else np.zeros((0, len(space.choices)), np.int64)
        self.space, self._columns, self._left = space, list(objectives), evaluations
        self._strategy: Strategy = method.start(
            Problem(space, own, len(self._columns), problem.constraints, reference), seed
        )
        self._pending: Genomes = own[:0]
        self.wholes: Genomes = np.zeros((0, problem.genes), np.int64)
        self._values, self._violations = np.zeros((0, len(self._columns))), np.zeros((0, problem.constraints))

    def ask(self) -> Genomes:
        """Designs of the whole space; none when this search is over."""
        if not len(self._pending) and self._left != 0:
            self._pending = self._strategy.ask()
            self._left = max(self._left - len(self._pending), 0) if self._left > 0 else self._left
            self._left = self._left if len(self._pending) else 0
        return self.space.whole(self._pending)

    def tell(self, answers: Answers) -> None:
        """Pass on the answers to what was asked."""
        wholes = self.space.whole(self._pending)
        values, violations = answers.of(wholes)
        self._strategy.tell(self._pending, values[:, self._columns], violations)
        self._values = np.concatenate([self._values, values[:, self._columns]])
        self._violations = np.concatenate([self._violations, violations])
        self.wholes = np.concatenate([self.wholes, wholes])
        self._pending = self._pending[:0]

    def best(self, count: int) -> Genomes:
        """Positions in `wholes` of the best designs."""
        return np.argsort(standing(self._values, badness(self._values, self._violations)))[:count]

    def judged(self, place: int) -> tuple[Matrix, Matrix]:
        return self._values[place], self._violations[place]


def questions(searches: Sequence[SubSearch], answers: Answers) -> Genomes:
    """What the searches want to know next and nobody answered yet; empty when all are over."""
    while True:
        asking = [(search, wholes) for search in searches if len(wholes := search.ask())]
        if not asking:
            return np.zeros((0, answers.problem.genes), np.int64)
        unknown = answers.unknown(np.concatenate([wholes for _, wholes in asking]))
        if len(unknown):
            return unknown
        answered(searches, answers)


def answered(searches: Sequence[SubSearch], answers: Answers) -> None:
    """Tell every search what it asked."""
    for search in searches:
        if len(search.ask()):
            search.tell(answers)
