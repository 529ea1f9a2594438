"""The strategy `hw-pr-nas`: evolution on one learnt Pareto score (Benmeziane et al. 2023; thesis, 3.2).

    Latin hypercube of `first` designs -> evaluate -> train encoder and predictor of Pareto ranks
    -> [evolution on the score -> evaluate the best `batch` -> train the predictor again] ...

The thesis stops after one evolution and takes the best scores for the front. Here the search goes on while its budget
lasts: predictors are cheap, and the encoder, which knows nothing of values, is kept. Spaces of up to `whole` gene
combinations are scored whole instead of evolved. Designs that miss limits rank behind all others.
"""

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.strategies.asked import Asked, everything
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.checks import at_least, one_of, share
from gossamer.search.strategies.evolution import Evolution
from gossamer.search.strategies.sampling import STARTS, Start, first_designs
from gossamer.search.strategies.standing import Told

if TYPE_CHECKING:
    from gossamer.search.surrogates.hw_pr_nas.model import HwPrNas, ParetoModel

Matrix = NDArray[np.float64]
Loss: TypeAlias = Literal["listwise", "printed"]


@dataclass(frozen=True)
class HwPrNasSearch:
    """`population`, `generations` and `mutation` are those of the evolution on scores; `loss`, the
    epochs and `hidden` (units a node of the graph) those of the model.
    """

    first: int = 500
    start_with: Start = "latin-hypercube"
    batch: int = 50
    population: int = 150
    generations: int = 250
    mutation: float = 0.9
    loss: Loss = "listwise"
    encoder_epochs: int = 30
    predictor_epochs: int = 80
    hidden: int = 128
    whole: int = 20_000

    def __post_init__(self) -> None:
        for option, least in (("first", 3), ("population", 2), ("encoder_epochs", 0)):
            at_least("hw-pr-nas", option, getattr(self, option), least)
        for option in ("batch", "generations", "predictor_epochs", "hidden"):
            at_least("hw-pr-nas", option, getattr(self, option), 1)
        share("hw-pr-nas", "mutation", self.mutation)
        one_of("hw-pr-nas", "start_with", self.start_with, STARTS)
        one_of("hw-pr-nas", "loss", self.loss, ("listwise", "printed"))

    def start(self, problem: Problem, seed: int) -> "ParetoScored":
        return ParetoScored(problem, seed, self)


class ParetoScored:
    """A search on Pareto scores."""

    def __init__(self, problem: Problem, seed: int, options: HwPrNasSearch) -> None:
        self._problem, self._options, self._seed = problem, options, seed
        self._rng = np.random.default_rng(seed)
        self._asked, self._told = Asked(problem), Told(problem)
        self._everything = everything(problem) if prod(problem.sizes.tolist()) <= options.whole else None
        self._model: ParetoModel | None = None
        self._round = 0

    def ask(self) -> Genomes:
        options = self._options
        missing = options.first - len(self._asked)
        if missing > 0:
            return first_designs(self._problem, self._asked, missing, options.start_with, self._rng)
        self._round += 1
        usable: NDArray[np.bool_] = np.asarray(np.isfinite(self._told.values).all(axis=1))
        if usable.sum() < 3:
            return self._asked.sampled(options.batch, self._rng)
        model = self._learnt(usable)
        pool = self._pool(model)
        best = pool[np.argsort(-model.scores(pool), kind="stable")[: options.batch]] if len(pool) else pool
        found = self._asked.fresh(best, options.batch)
        return np.concatenate([found, self._asked.sampled(options.batch - len(found), self._rng)])

    def tell(self, genomes: Genomes, values: Matrix, violations: Matrix) -> None:
        self._told.add(genomes, values, violations)

    def _learnt(self, usable: NDArray[np.bool_]) -> "ParetoModel":
        """The encoder is trained once, the predictor in every round."""
        from gossamer.search.surrogates.hw_pr_nas.model import FIRST

        told, seed = self._told, self._seed + self._round
        genomes, values, bad = told.genomes[usable], told.values[usable], told.bad[usable]
        if self._model is None:
            self._model = self._settings().fit(self._problem.space, genomes, values, seed, bad)
        else:
            self._model = self._model.with_platform(FIRST, genomes, values, seed, bad)
        return self._model

    def _settings(self) -> "HwPrNas":
        try:
            from gossamer.search.surrogates.hw_pr_nas.model import HwPrNas
        except ImportError as error:
            raise SearchError(f"strategy 'hw-pr-nas' needs gossamer[search]: {error}") from error

        options = self._options
        return HwPrNas(
            options.loss,
            encoder_epochs=options.encoder_epochs,
            epochs=options.predictor_epochs,
            hidden=options.hidden,
        )

    def _pool(self, model: "ParetoModel") -> Genomes:
        """Designs not asked for yet: all, or those an evolution on scores comes by."""
        if self._everything is not None:
            self._everything = self._asked.unseen(self._everything)
            return self._everything
        return self._asked.unseen(self._evolved(model))

    def _evolved(self, model: "ParetoModel") -> Genomes:
        options, told = self._options, self._told
        best = told.genomes[np.argsort(told.standing)[: options.population // 2]]
        inner = Problem(self._problem.space, best, 1, 0, network_genes=self._problem.network_genes)
        method = Evolution(population=options.population, children=options.population, mutation=options.mutation)
        strategy = method.start(inner, self._seed + self._round)
        found = [np.zeros((0, inner.genes), np.int64)]
        for _ in range(options.generations):
            if not len(genomes := strategy.ask()):
                break
            strategy.tell(genomes, -model.scores(genomes)[:, None], np.zeros((len(genomes), 0)))
            found.append(genomes)
        return np.concatenate(found)
