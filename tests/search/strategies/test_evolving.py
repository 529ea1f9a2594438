"""Evolutionary methods: what they find beside random search and beside pymoo, and their options."""

import time

import numpy as np
import pytest
from moocore import hypervolume

from gossamer.ir.errors import SearchError
from gossamer.search.strategies.ageing_evolution import AgeingEvolution
from gossamer.search.strategies.asked import Asked
from gossamer.search.strategies.evolution import Evolution
from gossamer.search.strategies.nsga2 import Nsga2
from gossamer.search.strategies.nsga3 import Niches, Nsga3, directions
from gossamer.search.strategies.random import LatinHypercube, RandomSearch
from gossamer.search.strategies.sampling import latin_hypercube
from gossamer.search.strategies.standing import badness, crowding, standing
from tests.search.strategies.conftest import plain, problem_of, run

TABLES = np.random.default_rng(3).random((2, 20, 5))


def two(genomes):
    return TABLES[:, np.arange(20), genomes].sum(axis=2).T


@pytest.mark.parametrize("method", [AgeingEvolution(population=50), Evolution()])
def test_one_objective_is_brought_closer_to_the_best_than_by_random_search(method, additive):
    space, cost, best = additive
    found, drawn = (
        np.mean([cost(run(m.start(problem_of(space), seed), 600, cost)).min() for seed in range(3)]) - best
        for m in (method, RandomSearch())
    )
    assert found < 0.25 * drawn


@pytest.mark.parametrize("method", [AgeingEvolution(), AgeingEvolution(scalarisation="sum"), Evolution(), Nsga2()])
def test_several_objectives_are_traded_better_than_by_random_search(method):
    problem = problem_of(plain([5] * 20), objectives=2)
    asked = (run(each.start(problem, 0), 2000, two) for each in (method, RandomSearch()))
    volume, drawn = (hypervolume(two(genomes), ref=[10, 10]) for genomes in asked)
    assert volume > 1.3 * drawn


@pytest.mark.parametrize("method", [Nsga2(), Evolution(), AgeingEvolution(batch=20), RandomSearch()])
def test_a_method_itself_takes_little_of_ten_thousand_designs_a_second(method):
    problem = problem_of(plain([5] * 20), objectives=2)
    before = time.process_time()
    run(method.start(problem, 0), 5000, two)
    assert time.process_time() - before < 0.5


def test_nsga2_is_as_good_as_pymoos():
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import Problem as PymooProblem
    from pymoo.operators.crossover.ux import UX
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.repair.rounding import RoundingRepair
    from pymoo.operators.sampling.rnd import IntegerRandomSampling
    from pymoo.optimize import minimize

    class Tables(PymooProblem):
        def __init__(self):
            super().__init__(n_var=20, n_obj=2, xl=0, xu=4, vtype=int)

        def _evaluate(self, x, out, *args, **kwargs):
            out["F"] = two(x.astype(int))

    def theirs(seed):
        repair = RoundingRepair()
        operators = {"crossover": UX(repair=repair), "mutation": PM(repair=repair), "sampling": IntegerRandomSampling()}
        found = minimize(Tables(), NSGA2(pop_size=50, **operators), ("n_gen", 40), seed=seed)
        return hypervolume(found.F, ref=[10, 10])

    problem = problem_of(plain([5] * 20), objectives=2)
    ours = [hypervolume(two(run(Nsga2(50).start(problem, seed), 2000, two)), ref=[10, 10]) for seed in range(3)]
    assert np.mean(ours) >= 0.99 * np.mean([theirs(seed) for seed in range(3)])


def test_nsga3_spreads_three_objectives_better_than_random_search_and_no_worse_than_pymoos():
    shares = np.random.default_rng(4).random((3, 12, 4))
    three = lambda g: shares[:, np.arange(12), g].sum(axis=2).T  # noqa: E731
    problem = problem_of(plain([4] * 12), objectives=3)

    def volume(method):
        return np.mean([hypervolume(three(run(method.start(problem, s), 1500, three)), ref=[7] * 3) for s in range(2)])

    nsga3 = volume(Nsga3(60))
    assert nsga3 > 1.2 * volume(RandomSearch(60)) and nsga3 > 0.9 * volume(Nsga2(60))


def test_directions_fit_the_population_and_survivors_fill_it():
    assert len(directions(3, 92)) == 91 and len(directions(2, 10)) == 10
    values = np.random.default_rng(0).random((60, 3))
    bad = np.where(np.arange(60) < 25, 0.0, np.arange(60) / 60)
    kept, standing_ = Niches(3, 20, 0)(values, bad, 20)
    assert len(set(kept.tolist())) == 20 and (kept < 25).all() and (standing_ == 0).all()
    kept, standing_ = Niches(3, 40, 0)(values, bad, 40)
    assert set(range(25)) <= set(kept.tolist()) and sorted(kept.tolist())[25:] == list(range(25, 40))
    assert standing_[25:].tolist() == list(range(1, 16))


def test_crowding_is_pymoos():
    from pymoo.operators.survival.rank_and_crowding.metrics import calc_crowding_distance

    points = np.random.default_rng(0).random((40, 3))
    theirs = calc_crowding_distance(points) * 3  # pymoo divides by the objectives
    assert np.allclose(crowding(points, np.zeros(40)), theirs)
    both = crowding(np.concatenate([points, points]), np.repeat([0.0, 1.0], 40))
    assert np.allclose(both, np.r_[theirs, theirs])


def test_feasible_stands_before_infeasible_and_what_has_no_value_last():
    values = np.array([[5.0], [1.0], [0.0], [np.nan], [2.0]])
    bad = badness(values, np.array([[-1.0], [-1.0], [0.5], [-1.0], [np.inf]]))
    assert bad.tolist() == [0.0, 0.0, 0.5, np.inf, 1e9]
    assert standing(values, bad).tolist() == [1, 0, 2, 4, 3]


def test_a_latin_hypercube_takes_every_value_equally_often():
    drawn = latin_hypercube(problem_of(plain([2, 3, 6])), 12, np.random.default_rng(0))
    for column, size in zip(drawn.T, (2, 3, 6)):
        assert np.bincount(column, minlength=size).tolist() == [12 // size] * size


def test_seeds_come_first_and_count():
    problem = problem_of(plain([4, 4, 4]), seeds=[[1, 2, 3], [1, 2, 3], [3, 3, 3]])
    for method in (RandomSearch(8), LatinHypercube(8), AgeingEvolution(population=8), Evolution(8), Nsga2(8)):
        asked = method.start(problem, 0).ask()
        assert asked[:2].tolist() == [[1, 2, 3], [3, 3, 3]] and len(asked) == 8


def test_culling_replaces_what_misses_a_limit_before_evolution_begins(additive):
    space, cost, _ = additive

    def limit(genomes):
        return genomes[:, [0]] - 1.0

    strategy = Evolution(population=40, culling=3).start(problem_of(space, constraints=1), 0)
    asked = strategy.ask()
    for _ in range(3):
        missing = int((limit(asked) > 0).sum())
        strategy.tell(asked, cost(asked), limit(asked))
        asked = strategy.ask()
        assert 0 < len(asked) <= 40 and (len(asked) < 40 or missing == 40)


def test_what_is_left_of_a_small_space_is_found_without_luck():
    asked = Asked(problem_of(plain([2] * 12)))
    rng = np.random.default_rng(0)
    assert len(asked.sampled(4090, rng)) == 4090
    assert len(asked.sampled(10, rng)) == 6 and not len(asked.sampled(10, rng))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: AgeingEvolution(population=0), "population = 0 is too small; it must be at least 1"),
        (lambda: Evolution(mutation=1.5), "mutation = 1.5 must lie between 0 and 1"),
        (lambda: Nsga2(start_with="latin-hyperqube"), "is none of random, latin-hypercube"),
    ],
)
def test_options_out_of_range_are_refused(make, said):
    with pytest.raises(SearchError, match=said):
        make()
