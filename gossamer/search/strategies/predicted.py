"""Search on predictions: learn a model of the designs evaluated, search the model, evaluate the best it promises.

    first designs -> evaluate -> [fit models -> search them with `method` -> evaluate the best `batch`] ...

The form of BRP-NAS (binary relations), GATES (pairwise rankings), BANANAS (ensembles, independent Thompson sampling),
ChamNet (Gaussian processes under an evolution), Once-for-all's search stage (an MLP under an evolution) and DPP-Net:
they differ in the model, the inner method and the numbers.

What a design promises is its prediction lowered by `optimism` deviations, or with `acquisition: thompson` one draw from
the prediction. Spaces of up to `whole` gene combinations are predicted whole; in larger ones `method` searches
`candidates` designs on predictions, beginning with the best known. Rank models do for objectives, since only the order
counts; constraints need their size, so they have a model of their own (`limit_surrogate`).
"""

from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.strategies.ageing_evolution import AgeingEvolution
from gossamer.search.strategies.asked import Asked, everything
from gossamer.search.strategies.base import Method, Problem
from gossamer.search.strategies.checks import at_least, one_of, share
from gossamer.search.strategies.forecast import Forecast, forecast
from gossamer.search.strategies.nsga2 import Nsga2
from gossamer.search.strategies.sampling import STARTS, Start, first_designs
from gossamer.search.strategies.standing import Told, badness, standing
from gossamer.search.surrogates.base import Surrogate

Matrix = NDArray[np.float64]
Acquisition: TypeAlias = Literal["optimism", "thompson"]

_DEFAULT = "ridge"


@dataclass(frozen=True)
class Predicted:
    """See the module's docstring. `first`: designs before the first model. `batch`: designs a round. `exploring`: the
    share of a round that is drawn at random. `surrogates`: one for all objectives or one each; none: ridge regression.
    `method`: the inner search; none: ageing evolution for one objective, NSGA-II for several.
    """

    surrogates: tuple[Surrogate, ...] = ()
    limit_surrogate: Surrogate | None = None
    method: Method | None = None
    first: int = 50
    start_with: Start = "random"
    batch: int = 10
    exploring: float = 0.0
    acquisition: Acquisition = "optimism"
    optimism: float = 0.0
    candidates: int = 2000
    whole: int = 20_000

    def __post_init__(self) -> None:
        for option, least in (("first", 3), ("batch", 1), ("candidates", 1), ("whole", 0)):
            at_least("predicted", option, getattr(self, option), least)
        share("predicted", "exploring", self.exploring)
        one_of("predicted", "acquisition", self.acquisition, ("optimism", "thompson"))
        one_of("predicted", "start_with", self.start_with, STARTS)

    def start(self, problem: Problem, seed: int) -> "Predicting":
        return Predicting(problem, seed, self, self._models(problem.objectives))

    def _models(self, objectives: int) -> tuple[Surrogate, ...]:
        """One per objective."""
        given = self.surrogates or (_default(),)
        if len(given) not in (1, objectives):
            raise SearchError(
                f"strategy 'predicted' was given {len(given)} surrogates for {objectives} objectives; give one for "
                "all, or one for each in their order"
            )
        return given * objectives if len(given) == 1 else given


def _default() -> Surrogate:
    from gossamer.ir.registry import SURROGATES

    return SURROGATES.load(_DEFAULT)()


class Predicting:
    """A search on predictions."""

    def __init__(self, problem: Problem, seed: int, options: Predicted, models: tuple[Surrogate, ...]) -> None:
        self._problem, self._options, self._seed = problem, options, seed
        self._models = models
        self._limit_model = options.limit_surrogate or _default()
        self._method = options.method or (AgeingEvolution(batch=50) if problem.objectives == 1 else Nsga2())
        self._rng = np.random.default_rng(seed)
        self._asked, self._told = Asked(problem), Told(problem)
        self._everything = everything(problem) if prod(problem.sizes.tolist()) <= options.whole else None
        self._round = 0

    def ask(self) -> Genomes:
        options = self._options
        if len(self._asked) < options.first:
            missing = options.first - len(self._asked)
            return first_designs(self._problem, self._asked, missing, options.start_with, self._rng)
        self._round += 1
        models = forecast(self._told, self._models, self._limit_model, self._seed + self._round)
        if models is None:
            return self._asked.sampled(options.batch, self._rng)
        guided = options.batch - int(round(options.exploring * options.batch))
        best = self._asked.fresh(self._best(self._pool(models), models, guided), guided)
        return np.concatenate([best, self._asked.sampled(options.batch - len(best), self._rng)])

    def tell(self, genomes: Genomes, values: Matrix, violations: Matrix) -> None:
        self._told.add(genomes, values, violations)

    def _pool(self, models: Forecast) -> Genomes:
        """Candidates that were not asked for yet."""
        if self._everything is not None:
            self._everything = self._asked.unseen(self._everything)
            return self._everything
        best = self._told.genomes[np.argsort(self._told.standing)[: self._options.first]]
        inner = Problem(
            self._problem.space, best, self._problem.objectives, self._problem.constraints,
            self._problem.reference, self._problem.network_genes,
        )  # fmt: skip
        return self._asked.unseen(self._searched(inner, models))

    def _searched(self, inner: Problem, models: Forecast) -> Genomes:
        """Every design that the inner method looks at."""
        strategy = self._method.start(inner, self._seed + self._round)
        found: list[Genomes] = [np.zeros((0, inner.genes), np.int64)]
        while sum(map(len, found)) < self._options.candidates and len(genomes := strategy.ask()):
            strategy.tell(genomes, self._promises(genomes, models), models.violations(genomes))
            found.append(genomes)
        return np.concatenate(found)

    def _promises(self, genomes: Genomes, models: Forecast) -> Matrix:
        mean, deviation = models.values(genomes)
        if self._options.acquisition == "thompson":
            return mean + deviation * self._rng.standard_normal(mean.shape)
        return mean - self._options.optimism * deviation

    def _best(self, pool: Genomes, models: Forecast, count: int) -> Genomes:
        """The `count` candidates that stand best, in their order."""
        if not len(pool) or not count:
            return pool[:0]
        values = self._promises(pool, models)
        places = standing(values, badness(values, models.violations(pool)))
        return pool[np.argsort(places)[:count]]
