"""The assignment problem: optimal on chains and series-parallel graphs, good elsewhere, against exhaustive search."""

from itertools import product

import numpy as np
import pytest

from gossamer.passes.assignment import Assignment


def random_problem(rng, sizes, edges):
    problem = Assignment()
    for size in sizes:
        problem.variable(rng.uniform(0, 1, size).tolist())
    for i, j in edges:
        problem.pair(i, j, rng.uniform(0, 2, (sizes[i], sizes[j])))
    return problem


def optimum(problem):
    return min(problem.cost(choices) for choices in product(*(range(len(own)) for own in problem.own)))


SERIES_PARALLEL = {
    "one": (1, []),
    "apart": (3, []),
    "chain": (6, [(i, i + 1) for i in range(5)]),
    "star": (6, [(0, i) for i in range(1, 6)]),
    "residual": (6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (2, 4), (4, 5)]),
    "ladder": (6, [(0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 5), (0, 5)]),
}


@pytest.mark.parametrize("name", SERIES_PARALLEL)
@pytest.mark.parametrize("seed", range(5))
def test_exact_where_no_choice_is_guessed(name, seed):
    rng = np.random.default_rng(seed)
    count, edges = SERIES_PARALLEL[name]
    problem = random_problem(rng, rng.integers(1, 4, count).tolist(), edges)
    solution = problem.solve()
    assert solution.exact
    assert solution.cost == pytest.approx(optimum(problem))
    assert solution.cost == pytest.approx(problem.cost(solution.choices))


def test_entangled_graphs_stay_near_the_optimum_and_no_single_change_helps():
    rng, ratios = np.random.default_rng(0), []
    for _ in range(40):
        edges = [(i, j) for i in range(6) for j in range(i) if rng.random() < 0.9]
        problem = random_problem(rng, [3] * 6, edges)
        solution = problem.solve()
        ratios.append(solution.cost / optimum(problem))
        for variable in range(6):
            for choice in range(3):
                other = [*solution.choices[:variable], choice, *solution.choices[variable + 1 :]]
                assert problem.cost(other) >= solution.cost - 1e-12
    assert np.mean(ratios) < 1.1


def test_pairs_add_up_in_either_direction_and_with_oneself():
    problem = Assignment()
    x, y = problem.variable([0.0, 0.0]), problem.variable([0.0, 0.0, 0.0])
    problem.pair(x, y, np.array([[3.0, 1.0, 2.0], [3.0, 3.0, 3.0]]))
    problem.pair(y, x, np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 0.0]]))
    problem.pair(x, x, np.array([[0.5, 9.0], [9.0, 0.0]]))
    assert problem.solve().choices == (0, 2)
    assert problem.cost((0, 2)) == 2.5
