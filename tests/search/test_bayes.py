"""Predictor-guided search: the model, the gain it expects, and what it finds beside random search."""

import numpy as np
import pytest
from moocore import hypervolume

from gossamer.search.choices import Choice, Choices
from gossamer.search.spaces.base import PlainSpace
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.bayes import Bayes
from gossamer.search.strategies.gaussian import fit
from gossamer.search.strategies.improvement import covering, pick_batch, unbeaten_points
from gossamer.search.strategies.random import RandomSearch

SIZES = np.full(6, 5)


def plain(sizes):
    return PlainSpace(Choices(tuple(Choice(f"c{i}", tuple(range(n))) for i, n in enumerate(sizes))))


def problem(constraints=0, seeds=0):
    return Problem(plain(SIZES), np.zeros((seeds, 6), np.int64), 2, constraints)


def costs(genomes):
    """Two objectives that exclude each other, with an interaction of two genes."""
    good = genomes[:, :3].sum(axis=1) - 2.0 * (genomes[:, 0] == genomes[:, 1])
    return np.stack([20.0 - good - 0.5 * genomes[:, 5], np.exp(0.3 * good) + genomes[:, 3] + genomes[:, 4]], axis=1)


def run(strategy, count, violations=lambda genomes: np.zeros((len(genomes), 0))):
    seen = []
    while sum(map(len, seen)) < count:
        asked = strategy.ask()
        strategy.tell(asked, costs(asked), violations(asked))
        seen.append(asked)
    return np.concatenate(seen)[:count]


def test_the_model_of_a_smooth_function_predicts_it_and_knows_where_it_does_not():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((80, 3))
    model = fit(x, np.sin(x[:, 0]) + 0.5 * x[:, 1])
    new = rng.uniform(-1, 1, (50, 3))
    mean, deviation = model.predict(new)
    assert np.abs(mean - (np.sin(new[:, 0]) + 0.5 * new[:, 1])).mean() < 0.05
    assert model.predict(np.full((1, 3), 40.0))[1][0] > 5 * deviation.mean()


def test_the_expected_gain_of_a_sure_design_is_the_area_it_adds():
    front = np.array([[0.0, 0.5], [0.5, 0.0]])
    points = unbeaten_points(front, np.zeros(2), np.ones(2), np.random.default_rng(0), 20_000)
    assert not (front[None] <= points[:, None]).all(axis=2).any()
    # What the front leaves free is the square below (0.5, 0.5); a design at (0.25, 0.25) beats a quarter of it.
    gain = covering(np.array([[0.25, 0.25]]), np.full((1, 2), 1e-9), points).mean()
    assert gain == pytest.approx(0.25, abs=0.02)


def test_a_batch_does_not_pick_the_same_gain_twice():
    points = np.random.default_rng(0).uniform(0, 1, (2000, 2))
    mean = np.array([[0.30, 0.30], [0.31, 0.31], [0.05, 0.80]])
    assert sorted(pick_batch(mean, np.full((3, 2), 1e-3), np.ones(3), points, 2)) == [0, 2]


@pytest.mark.slow
def test_it_finds_more_than_random_search():
    reference = np.array([21.0, 40.0])

    def volume(strategy):
        found = [costs(run(strategy.start(problem(), seed), 60)) for seed in range(3)]
        return np.mean([hypervolume(points, ref=reference) for points in found])

    everything = hypervolume(costs(np.stack(np.meshgrid(*[np.arange(5)] * 6), -1).reshape(-1, 6)), ref=reference)
    assert volume(Bayes()) > volume(RandomSearch(20)) + 0.3 * (everything - volume(RandomSearch(20)))


def test_equal_seeds_ask_equally_and_nothing_twice():
    first, second = (run(Bayes().start(problem(), 3), 45) for _ in range(2))
    assert np.array_equal(first, second)
    assert len(np.unique(first, axis=0)) == len(first)


def test_it_learns_what_is_feasible():
    def too_large(genomes):
        return (genomes[:, [3]] - 1.0).astype(float)  # only two values of gene 3 of five are allowed

    asked = run(Bayes().start(problem(constraints=1), 0), 70, too_large)
    assert (too_large(asked[20:]) <= 0).mean() > 0.8 > (too_large(asked[:20]) <= 0).mean()


def test_a_small_space_is_exhausted():
    tiny = Problem(plain([2, 3]), np.zeros((1, 2), np.int64), 2, 0)
    strategy, seen = Bayes().start(tiny, 0), []
    while len(asked := strategy.ask()):
        strategy.tell(asked, asked.astype(float), np.zeros((len(asked), 0)))
        seen.append(asked)
    assert len(np.unique(np.concatenate(seen), axis=0)) == 6
