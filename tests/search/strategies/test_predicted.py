"""Search on predictions: what it gains, with which models and inner methods, and what it is told."""

from dataclasses import dataclass

import numpy as np
import pytest
from moocore import hypervolume

from gossamer.ir.errors import SearchError
from gossamer.search.strategies.ageing_evolution import AgeingEvolution
from gossamer.search.strategies.evolution import Evolution
from gossamer.search.strategies.forecast import forecast
from gossamer.search.strategies.predicted import Predicted
from gossamer.search.strategies.random import RandomSearch
from gossamer.search.strategies.standing import Told
from gossamer.search.surrogates.ridge import Ridge
from tests.search.strategies.conftest import plain, problem_of, run

SHARES = np.random.default_rng(11).random((2, 12, 4))


@dataclass(frozen=True)
class Scores:
    """A rank model of the tests: it knows the order and gives scores on a scale of its own, unsure by `deviation`."""

    deviation: float = 0.0

    def fit(self, space, genomes, values, seed):
        return Scored(Ridge().fit(space, genomes, values, seed), self.deviation)


@dataclass(frozen=True)
class Scored:
    model: object
    deviation: float

    def predict(self, genomes):
        mean, _ = self.model.predict(genomes)
        return np.tanh(mean / 10) - 50, np.full(len(genomes), self.deviation)


@pytest.mark.parametrize(
    "options",
    [
        {"method": AgeingEvolution(population=20, tournament=5, batch=20)},
        {"method": Evolution(), "surrogates": (Scores(),)},
        {"exploring": 0.5, "optimism": 1.0},
    ],
)
def test_a_large_space_is_searched_on_predictions(options, additive):
    space, cost, best = additive  # 4 ** 12 designs: `whole` is far away
    method = Predicted(first=40, candidates=400, **options)
    asked = (run(each.start(problem_of(space), 0), 120, cost) for each in (method, RandomSearch(20)))
    found, drawn = (cost(genomes).min() - best for genomes in asked)
    assert found < 0.15 * drawn


def test_a_small_space_is_predicted_whole():
    table = np.random.default_rng(2).random((6, 4))
    cost = lambda g: table[np.arange(6), g].sum(axis=1, keepdims=True)  # noqa: E731
    seen = run(Predicted(first=20, batch=4).start(problem_of(plain([4] * 6)), 0), 36, cost)
    assert cost(seen).min() == pytest.approx(table.min(axis=1).sum())


def test_several_objectives_have_a_model_each():
    both = lambda g: SHARES[:, np.arange(12), g].sum(axis=2).T  # noqa: E731
    problem = problem_of(plain([4] * 12), objectives=2)
    asked = [
        run(method.start(problem, 0), 160, both)
        for method in (Predicted((Ridge(), Scores()), first=40, candidates=800), RandomSearch(20))
    ]
    volume, drawn = (hypervolume(both(genomes), ref=[6, 6]) for genomes in asked)
    assert volume > 2 * drawn
    with pytest.raises(SearchError, match="2 surrogates for 3 objectives; give one for all, or one for each"):
        Predicted((Ridge(), Scores())).start(problem_of(plain([2, 2]), objectives=3), 0)


def test_draws_from_the_prediction_differ_where_it_is_unsure():
    problem = problem_of(plain([4] * 5))
    cost = lambda g: g.sum(axis=1, keepdims=True) * 1.0  # noqa: E731

    def spread(deviation):
        method = Predicted((Scores(deviation),), first=20, batch=20, acquisition="thompson")
        return cost(run(method.start(problem, 0), 60, cost))[20:].std()

    assert spread(10.0) > 1.5 * spread(0.0)


def test_predicted_limits_are_kept_by_what_is_asked():
    problem = problem_of(plain([4] * 6), constraints=1)
    cost = lambda g: -g.sum(axis=1, keepdims=True) * 1.0  # noqa: E731
    limit = lambda g: g @ np.array([[3.0], [2], [1], [1], [1], [1]]) / 10 - 1  # noqa: E731
    seen = run(Predicted((Scores(),), first=30).start(problem, 0), 80, cost, limit)
    fits = (limit(seen) <= 0)[:, 0]
    assert fits[30:].mean() > 0.7 and fits[:30].mean() < 0.4
    assert cost(seen[fits]).min() <= -10  # the best: 0 0 3 3 3 1, or one of the first two


def test_models_learn_from_designs_with_values_alone():
    problem = problem_of(plain([3, 3]), constraints=1)
    told = Told(problem)
    told.add(np.array([[0, 0], [1, 1]]), np.array([[1.0], [np.nan]]), np.array([[-1.0], [1e9]]))
    assert forecast(told, (Ridge(),), Ridge(), 0) is None
    told.add(np.array([[0, 1], [0, 2]]), np.array([[2.0], [3.0]]), np.full((2, 1), -1.0))
    models = forecast(told, (Ridge(0.01),), Ridge(0.01), 0)
    values, _ = models.values(np.array([[0, 0], [0, 2], [2, 1]]))
    assert values[0, 0] < values[1, 0]
    missed = models.violations(np.array([[1, 1], [0, 0]]))
    assert missed[0, 0] > 0 > missed[1, 0] and np.abs(missed).max() < 1.5


def test_without_a_value_it_goes_on_at_random():
    strategy = Predicted(first=5, batch=7).start(problem_of(plain([4] * 5)), 0)
    seen = run(strategy, 40, lambda g: np.full((len(g), 1), np.nan))
    assert len(seen) == 40 and len(np.unique(seen, axis=0)) == 40
