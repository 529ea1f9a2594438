"""What the designs of a front have in common: values of choices that are more frequent there than among all designs
that were evaluated.

    kernel1 = 5    on the front 11 of 12,  evaluated 130 of 500,  3.5 times as often,  by chance 1e-5

`chance` is the probability that as many designs drawn at random from those evaluated have the value at least as often
(hypergeometric): small where the front says something. It is not corrected for the number of values looked at, and a
method that has learnt to prefer a value makes it frequent everywhere, so it then stands out less.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.hardware import Number
from gossamer.search.choices import Choice, Choices, Genomes

MOST = 20
LIKELY = 0.05


@dataclass(frozen=True)
class Shared:
    """A value of a choice. `front` of `front_of` designs on the front have it, and `every` of `every_of` evaluated
    ones; designs in which the choice does not matter are not counted.
    """

    choice: str
    value: Number
    front: int
    front_of: int
    every: int
    every_of: int
    chance: float

    @property
    def times(self) -> float:
        """How many times as frequent it is on the front."""
        return self.front / self.front_of / (self.every / self.every_of)


def shared_choices(choices: Choices, genomes: Genomes, front: NDArray[np.int64]) -> tuple[Shared, ...]:
    """The values that are over-represented at positions `front` of [P, genes] genomes, least likely first; at most
    MOST, and none more likely by chance than LIKELY.
    """
    found: list[Shared] = []
    for place, item in enumerate(choices.items):
        active = choices.active(item.when, genomes)
        found += _of_choice(item, genomes[active, place], genomes[front[active[front]], place])
    kept = [item for item in found if item.times > 1 and item.chance < LIKELY]
    return tuple(sorted(kept, key=lambda item: (item.chance, -item.times))[:MOST])


def _of_choice(item: Choice, every: NDArray[np.int64], front: NDArray[np.int64]) -> list[Shared]:
    from scipy.stats import hypergeom

    if not len(front):
        return []
    counts, own = (np.bincount(genes, minlength=len(item.values)) for genes in (every, front))
    chances = hypergeom.sf(own - 1, len(every), counts, len(front))
    return [
        Shared(item.name, value, int(k), len(front), int(n), len(every), float(chance))
        for value, k, n, chance in zip(item.values, own, counts, chances)
        if k
    ]
