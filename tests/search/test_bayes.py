"""Predictor-guided search: the model, the gain it expects, and what it finds beside random search."""

import numpy as np
import pytest
from moocore import hypervolume

from gossamer.search.choices import Choice, Choices
from gossamer.search.spaces.base import PlainSpace
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.bayes import Bayes
from gossamer.search.strategies.gaussian import _distances, _objective, fit
from gossamer.search.strategies.improvement import Outlook, expected_gain, pick_batch
from gossamer.search.strategies.random import RandomSearch
from gossamer.search.strategies.warp import Warp, warps

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
    model = fit(x, (1, 2), np.sin(x[:, 0]) + 0.5 * x[:, 1])
    new = rng.uniform(-1, 1, (50, 3))
    mean, deviation = model.predict(new)
    assert np.abs(mean - (np.sin(new[:, 0]) + 0.5 * new[:, 1])).mean() < 0.05
    assert model.predict(np.full((1, 3), 40.0))[1][0] > 5 * deviation.mean()


def test_a_group_that_says_nothing_weighs_little():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((80, 4))
    weights = np.exp(fit(x, (2, 2), np.sin(2 * x[:, 0]) + x[:, 1]).logs[:2])
    assert weights[0] > 10 * weights[1]


def test_the_gradient_of_the_evidence_is_its_slope():
    rng = np.random.default_rng(0)
    x, logs = rng.standard_normal((20, 3)), np.array([-1.2, 0.3, -2.0])
    apart = np.stack([_distances(part, part) for part in (x[:, :1], x[:, 1:])])
    target, step = rng.standard_normal(20), 1e-5
    found = _objective(logs, apart, target)[1]
    ups, downs = ([_objective(logs + side * unit, apart, target)[0] for unit in np.eye(3)] for side in (step, -step))
    assert found == pytest.approx((np.array(ups) - np.array(downs)) / (2 * step), rel=1e-4)


PLAIN = (Warp(), Warp())


def outlook(mean, deviation=1e-9, warps=PLAIN):
    mean = np.array(mean)
    return Outlook(mean, np.full_like(mean, deviation), warps, np.ones(len(mean)))


def test_the_gain_of_a_sure_design_is_the_volume_it_adds():
    front = np.array([[0.0, 0.5], [0.5, 0.0]])
    # What the front leaves free is the square below (0.5, 0.5); a design at (0.25, 0.25) beats a quarter of it.
    gain = expected_gain(outlook([[0.25, 0.25], [0.6, 0.6], [0.4, 0.1]]), front, np.full(2, -1.0), np.ones(2))
    assert gain == pytest.approx([0.0625, 0.0, 0.04], abs=1e-7)


def test_the_gain_of_three_unsure_objectives_is_what_drawn_values_add():
    rng = np.random.default_rng(0)
    front, high = rng.uniform(0, 1, (6, 3)), np.full(3, 1.2)
    warps = (Warp(), Warp(0.0, 0.5), Warp(0.2, 0.1))
    believed = outlook([[0.4, 0.5, 0.6]], 0.2, warps)
    drawn = np.stack([w.value(0.2 * rng.standard_normal(4000) + m) for w, m in zip(warps, (0.4, 0.5, 0.6))], axis=1)
    before = hypervolume(front, ref=high)
    added = [hypervolume(np.vstack([front, row]), ref=high) - before for row in drawn]
    gain = expected_gain(believed, front, np.full(3, -3.0), high)[0]
    assert gain == pytest.approx(np.mean(added), rel=0.05)


@pytest.mark.parametrize("objectives", [4, 6])
def test_many_objectives_fit_in_memory(objectives, monkeypatch):
    """The gains are the same whether candidates are looked at together or in parts."""
    rng = np.random.default_rng(0)
    believed = outlook(rng.random((200, objectives)), 0.1, [Warp()] * objectives)
    front = rng.random((60, objectives))
    ends = np.full(objectives, -1.0), np.ones(objectives)
    gain = expected_gain(believed, front, *ends)
    assert gain.shape == (200,) and gain.min() > -1e-12 and gain.max() > 0.01
    monkeypatch.setattr("gossamer.search.strategies.improvement._NUMBERS", 30_000)
    assert expected_gain(believed, front, *ends) == pytest.approx(gain, rel=1e-9, abs=1e-15)


def test_a_batch_does_not_pick_the_same_gain_twice():
    believed = outlook([[0.30, 0.30], [0.31, 0.31], [0.05, 0.80]], 1e-3)
    assert sorted(pick_batch(believed, np.empty((0, 2)), np.zeros(2), np.ones(2), 2)) == [0, 2]


def test_warps_are_undone_and_say_their_slope():
    values = np.array([-1.0, 0.2, 0.5, 3.0, 40.0])
    for warp in warps(values):
        assert warp.value(warp.warped(values)) == pytest.approx(values)
        slope = (warp.warped(values + 1e-6) - warp.warped(values)) / 1e-6
        assert warp.log_slope(values) == pytest.approx(np.log(slope).sum(), abs=1e-3)


@pytest.mark.slow
def test_it_finds_more_than_random_search():
    reference = np.array([21.0, 40.0])

    def volume(strategy):
        found = [costs(run(strategy.start(problem(), seed), 60)) for seed in range(3)]
        return np.mean([hypervolume(points, ref=reference) for points in found])

    everything = hypervolume(costs(np.stack(np.meshgrid(*[np.arange(5)] * 6), -1).reshape(-1, 6)), ref=reference)
    assert volume(Bayes()) > volume(RandomSearch(20)) + 0.3 * (everything - volume(RandomSearch(20)))


@pytest.mark.slow
def test_equal_seeds_ask_equally_and_nothing_twice():
    first, second = (run(Bayes().start(problem(), 3), 45) for _ in range(2))
    assert np.array_equal(first, second)
    assert len(np.unique(first, axis=0)) == len(first)


@pytest.mark.slow
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
