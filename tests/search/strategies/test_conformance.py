"""What every installed strategy must do, whatever it searches and whatever it is told."""

import dataclasses

import numpy as np
import pytest

from gossamer.ir.errors import SearchError
from gossamer.ir.registry import STRATEGIES
from tests.search.strategies.conftest import conditional, plain, problem_of

METHODS = STRATEGIES.names()
SLOW = {"hw-pr-nas", "bayes", "ppo", "integer-program", "reinforce", "ddpg"}
"""Learn, or solve programs, at their every step."""
SMALL = {
    "population": 12, "children": 12, "batch": 6, "first": 10, "warm_up": 8, "updates": 1, "candidates": 60,
    "inner_evaluations": 9, "evaluations": 20, "points": 8, "solutions": 3, "hidden": 8, "epochs": 1,
    "encoder_epochs": 1, "predictor_epochs": 15, "generations": 4,
}  # fmt: skip
"""Options, where a method has them, that keep it quick."""
MAY_END = {"nested", "two-phase"}
"""Methods that look at parts of a space on purpose, so they may end before all of it is asked for."""


def each(names):
    return [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in sorted(names)]


def started(name, problem, seed=0):
    method = STRATEGIES.load(name)
    fields = {item.name for item in dataclasses.fields(method) if isinstance(item.default, int)}
    return method(**{key: value for key, value in SMALL.items() if key in fields}).start(problem, seed)


def problem_for(name, space, constraints=0, network_genes=3, seeds=None):
    """With two objectives where the method takes several, one where it does not."""
    for objectives in (2, 1):
        problem = problem_of(space, objectives, constraints, seeds, network_genes)
        try:
            started(name, problem)
        except SearchError as error:
            assert "give one objective" in str(error)
            continue
        return problem
    raise AssertionError(name)


def told(problem, genomes):
    """Smooth, with an interaction; one column or two."""
    sizes = np.maximum(problem.sizes - 1, 1)
    unit = genomes / sizes
    first = ((unit - 0.7) ** 2).sum(axis=1) + 0.3 * unit[:, 0] * unit[:, -1]
    return np.stack([first, unit.sum(axis=1)], axis=1)[:, : problem.objectives]


def play(strategy, problem, count, answer=told, limits=lambda genomes: np.zeros((len(genomes), 0))):
    """What was asked, question by question."""
    rounds = []
    while sum(map(len, rounds)) < count and len(asked := strategy.ask()):
        rounds.append(asked)
        strategy.tell(asked, answer(problem, asked), limits(asked))
    return rounds


@pytest.mark.parametrize("name", each(METHODS))
def test_questions_are_repaired_distinct_and_a_function_of_the_answers(name):
    space = conditional()
    problem = problem_for(name, space, network_genes=4)
    first, again = (play(started(name, problem, seed=5), problem, 60) for _ in range(2))
    assert len(first) == len(again) and all(np.array_equal(*pair) for pair in zip(first, again))
    asked = np.concatenate(first)
    assert asked.dtype == np.int64 and asked.shape[1] == problem.genes
    assert (space.repair(asked.copy()) == asked).all()
    assert len(np.unique(asked, axis=0)) == len(asked) >= (20 if name in MAY_END else 40)


@pytest.mark.parametrize("name", each({*METHODS} - {"exhaustive", "greedy"}))  # greedy: no chance before a restart
def test_another_seed_asks_otherwise(name):
    problem = problem_for(name, plain([5] * 6))
    asked = [np.concatenate(play(started(name, problem, seed), problem, 60)) for seed in (1, 2)]
    assert asked[0].shape != asked[1].shape or (asked[0] != asked[1]).any()


@pytest.mark.parametrize("name", each(METHODS))
def test_a_tiny_space_is_exhausted_and_the_search_ends(name):
    problem = problem_for(name, plain([2, 1, 3, 2]), seeds=[[1, 0, 2, 1]])
    asked = np.concatenate(play(started(name, problem), problem, 1000))
    assert len(np.unique(asked, axis=0)) == len(asked) <= 12
    if name not in MAY_END:
        assert len(asked) == 12


@pytest.mark.parametrize("name", each(METHODS))
def test_values_that_are_not_finite_stop_nothing(name):
    problem = problem_for(name, plain([4] * 5), constraints=1)

    def answer(problem, genomes):
        values = told(problem, genomes)
        values[genomes[:, 0] == 0] = np.nan
        values[genomes[:, 1] == 0] = np.inf
        return values

    def limits(genomes):
        return np.where(genomes[:, [0]] == 0, np.inf, np.where(genomes[:, [1]] == 0, 1e9, -1.0))

    asked = play(started(name, problem), problem, 90, answer, limits)
    assert sum(map(len, asked)) >= (20 if name in MAY_END else 60)


@pytest.mark.parametrize("name", each(METHODS))
def test_nothing_but_failures_stops_nothing(name):
    problem = problem_for(name, plain([3] * 5), constraints=1)
    asked = play(
        started(name, problem), problem, 50, lambda p, g: np.full((len(g), p.objectives), np.nan),
        lambda g: np.full((len(g), 1), 1e9),
    )  # fmt: skip
    assert sum(map(len, asked)) >= (20 if name in MAY_END else 27)


LEARNING = sorted({*METHODS} - {"exhaustive", "random", "latin-hypercube", "shgo", "ddpg", "ppo"})
"""Those that must find the feasible part within a few questions; SHGO begins with a grid, DDPG and PPO are slow."""


@pytest.mark.parametrize("name", each(LEARNING))
def test_feasible_designs_are_asked_for_once_limits_are_known(name):
    problem = problem_for(name, plain([6] * 6), constraints=1)

    def limits(genomes):  # a sixth of the space; the values prefer the rest
        return genomes[:, [0]] + genomes[:, [1]] - 2.0

    asked = np.concatenate(play(started(name, problem), problem, 130, told, limits))
    fits = (limits(asked) <= 0).all(axis=1)
    assert fits[-60:].mean() > 1.4 / 6


@pytest.mark.parametrize("name", each(METHODS))
def test_the_problems_seeds_are_asked_early(name):
    seed = [4, 1, 3, 2, 0, 4]
    problem = problem_for(name, plain([5] * 6), seeds=[seed])
    if name in ("exhaustive", "greedy", "nested"):  # by their order; from the largest; networks on its own chips
        return
    assert seed in np.concatenate(play(started(name, problem), problem, 13)).tolist()
