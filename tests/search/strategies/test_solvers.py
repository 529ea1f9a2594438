"""Integer programs, coordinate descent, SHGO and greedy changes: exact where they can be, and what they find."""

import itertools

import numpy as np
import pytest

from gossamer.ir.errors import SearchError
from gossamer.search.strategies.coordinate_descent import CoordinateDescent
from gossamer.search.strategies.exhaustive import Exhaustive
from gossamer.search.strategies.greedy import Greedy, best_change
from gossamer.search.strategies.integer_program import IntegerProgram
from gossamer.search.strategies.random import RandomSearch
from gossamer.search.strategies.shgo import Shgo
from tests.search.strategies.conftest import conditional, plain, problem_of, run

RNG = np.random.default_rng(5)
SHARES = RNG.random((3, 10, 4))
PLACES = np.arange(10)


def accuracy(genomes):
    return -SHARES[0, PLACES, genomes].sum(axis=1, keepdims=True)


def over(genomes):
    """Latency and memory above their bounds, as sums over the choices."""
    sums = SHARES[1:, PLACES, genomes].sum(axis=2).T
    return sums / np.array([3.5, 4.0]) - 1.0


def best_of_knapsack():
    """By dynamic programming's slow cousin: all combinations of two halves."""
    half = np.array(list(itertools.product(range(4), repeat=5)))
    worth = [SHARES[:, rows, :][:, np.arange(5), half].sum(axis=2) for rows in (PLACES[:5], PLACES[5:])]
    total = worth[0][:, :, None] + worth[1][:, None, :]
    fits = (total[1] <= 3.5) & (total[2] <= 4.0)
    return -total[0][fits].max()


def test_an_integer_program_solves_an_additive_problem_exactly():
    problem = problem_of(plain([4] * 10), constraints=2)
    seen = run(IntegerProgram(solutions=1).start(problem, 0), 34, accuracy, over)
    fits = (over(seen) <= 0).all(axis=1)
    # The first table takes the base design and thirty that differ in one choice; the next design is the answer.
    assert accuracy(seen[fits]).min() == pytest.approx(best_of_knapsack())
    assert accuracy(seen[31:32])[0, 0] == pytest.approx(best_of_knapsack())


@pytest.mark.slow
def test_later_programs_give_the_next_best_designs():
    problem = problem_of(plain([3] * 4))
    cost = lambda g: (g * np.array([27, 9, 3, 1])).sum(axis=1, keepdims=True) * 1.0  # noqa: E731
    seen = run(IntegerProgram(solutions=4).start(problem, 0), 60, cost)
    assert cost(seen).min() == 0
    assert set(range(20)) <= set(cost(seen)[:, 0].astype(int).tolist())


def test_tables_are_exact_where_choices_depend_on_others():
    space = conditional()
    shares = RNG.random((6, 4))

    def cost(genomes):
        active = np.stack([space.choices.active(item.when, genomes) for item in space.choices.items], axis=1)
        return (np.where(active, shares[np.arange(6), genomes] - 0.5, 0)).sum(axis=1, keepdims=True)

    everything = Exhaustive().start(problem_of(space), 0).ask()
    for seed in ([[0, 0, 0, 0, 0, 0]], [[2, 2, 1, 2, 3, 1]], [[1, 1, 2, 0, 2, 0]]):
        seen = run(IntegerProgram(solutions=1).start(problem_of(space, seeds=seed), 0), 24, cost)
        assert cost(seen).min() == pytest.approx(cost(everything).min())


def test_weights_of_several_objectives_trace_their_front():
    problem = problem_of(plain([4] * 10), objectives=2)
    both = lambda g: np.concatenate([accuracy(g), SHARES[1, PLACES, g].sum(axis=1, keepdims=True)], axis=1)  # noqa: E731
    solved = both(run(IntegerProgram(solutions=12).start(problem, 0), 43, both))[31:]
    drawn = both(run(RandomSearch().start(problem, 0), 5000, both))
    beaten = (drawn[None] <= solved[:, None]).all(axis=2).any(axis=1)
    assert not beaten.any() and np.ptp(solved[:, 0]) > 1.0


def test_what_fits_no_hardware_is_left_out_of_the_table():
    def wall(genomes):
        return np.where(genomes[:, :1] == 3, 1e9, -1.0)

    cost = lambda g: np.where(g[:, :1] == 3, np.nan, -1.0 * g.sum(axis=1, keepdims=True))  # noqa: E731
    seen = run(IntegerProgram(solutions=1).start(problem_of(plain([4] * 4), constraints=1), 0), 16, cost, wall)
    assert np.nanmin(cost(seen)) == -11


@pytest.mark.parametrize("method", [CoordinateDescent(), CoordinateDescent(genes=3, order="cyclic"), Shgo(3, 16)])
def test_they_find_the_best_of_a_separable_cost(method, additive):
    space, cost, best = additive
    assert cost(run(method.start(problem_of(space), 0), 300, cost)).min() == pytest.approx(best)


def test_coordinate_descent_tries_one_choice_at_a_time_and_may_end():
    seeds = [[1, 1, 1]]
    strategy = CoordinateDescent(order="cyclic", restarts=False).start(problem_of(plain([3, 3, 3]), seeds=seeds), 0)
    seen = run(strategy, 100, lambda g: g.sum(axis=1, keepdims=True) * 1.0)
    assert seen[:3].tolist() == [[1, 1, 1], [0, 1, 1], [2, 1, 1]]
    assert seen[-1].tolist() != [0, 0, 0] and [0, 0, 0] in seen.tolist() and len(seen) < 20


def test_shgo_leaves_a_local_minimum_that_coordinate_descent_is_caught_in():
    def trap(genomes):  # two valleys; the deeper one lies away from where descent begins
        near = np.abs(genomes - 2).sum(axis=1) + 1.0
        far = 0.6 * np.abs(genomes - 9).sum(axis=1)
        return np.minimum(near, far)[:, None]

    problem = problem_of(plain([12, 12]), seeds=[[1, 1]])
    caught = run(CoordinateDescent(restarts=False).start(problem, 0), 100, trap)
    assert trap(caught).min() == 1.0
    assert trap(run(Shgo(points=16).start(problem, 0), 100, trap)).min() == 0.0


def test_greedy_pruning_gives_up_what_costs_least_until_the_limit_is_met():
    worth, weight = np.array([5.0, 1.0, 3.0]), np.array([1.0, 1.0, 2.0])
    cost = lambda g: -(g * worth).sum(axis=1, keepdims=True)  # noqa: E731
    limit = lambda g: (g * weight).sum(axis=1, keepdims=True) / 5.0 - 1.0  # noqa: E731
    strategy = Greedy(restarts=False).start(problem_of(plain([3, 3, 3]), constraints=1), 0)
    seen = run(strategy, 100, cost, limit)
    assert seen[0].tolist() == [2, 2, 2]  # weighs 8 of 5
    # By loss per weight: the second gene (1), then the third (1.5), never the first (5).
    fits = (limit(seen) <= 0).all(axis=1)
    assert seen[fits][cost(seen[fits]).argmin()].tolist() == [2, 1, 1] or cost(seen[fits]).min() == -14
    assert len(seen) < 20


def test_greedy_steps_trace_a_front_of_several_objectives():
    both = lambda g: np.stack([-np.sqrt(1.0 + g).sum(axis=1), 1.0 + g @ np.array([4.0, 2.0, 1.0])], axis=1)  # noqa: E731
    seen = run(Greedy(restarts=False).start(problem_of(plain([4, 4, 4]), objectives=2), 0), 1000, both)
    assert [0, 0, 0] in seen.tolist() and len(seen) < 40
    # The first step saves what weighs most per loss: the first gene.
    assert [2, 3, 3] in seen[:4].tolist() and [1, 3, 3] in seen[4:7].tolist()


def test_a_greedy_step_takes_gains_before_trades_and_nothing_for_nothing():
    start = [[-10.0, 8.0]]
    trade, win, lose = [-9.0, 1.0], [-11.0, 7.0], [-9.0, 8.0]
    assert best_change(np.array([*start, trade, win, lose]), np.zeros(4)) == 1
    assert best_change(np.array([*start, trade, lose]), np.zeros(3)) == 0
    assert best_change(np.array([*start, lose]), np.zeros(2)) is None
    assert best_change(np.array([[1.0], [0.5], [0.2], [np.nan]]), np.zeros(4)) == 1
    # What misses a limit comes closer first, at the least loss per step closer.
    assert best_change(np.array([[0.0], [1.0], [1.5]]), np.array([1.0, 0.8, 0.5])) == 1
    assert best_change(np.array([[np.nan], [np.nan], [1.5]]), np.array([np.inf, np.inf, 0.5])) == 1


def test_triangulations_of_many_genes_are_refused():
    with pytest.raises(SearchError, match="'shgo': 8 - genes = -1 is too small"):
        Shgo(genes=9)
