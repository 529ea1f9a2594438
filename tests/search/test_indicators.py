"""Indicators against numbers worked out by hand, and against the definition."""

import numpy as np
import pytest

from gossamer.search.front import non_dominated
from gossamer.search.indicators import (
    anytime,
    best,
    checkpoints,
    coverage,
    far,
    hypervolume_share,
    igd_plus,
    tight,
    volume,
)

EXACT = np.array([[0.0, 2.0], [1.0, 1.0], [2.0, 0.0]])


def test_volume_by_hand():
    assert volume(EXACT, np.array([3.0, 3.0])) == pytest.approx(1 * 3 + 1 * 2 + 1 * 1)
    assert volume(EXACT[:1], np.array([3.0, 3.0])) == pytest.approx(3.0)
    assert volume(EXACT + 5, np.array([3.0, 3.0])) == 0.0
    assert volume(np.array([[np.inf, 0.0], [np.nan, 0.0]]), np.array([3.0, 3.0])) == 0.0


def test_share_of_the_exact_front_does_not_depend_on_units():
    reference = np.array([3.0, 3.0])
    assert hypervolume_share(EXACT[1:2], EXACT, reference) == pytest.approx(4 / 6)
    scale = np.array([1e-6, 1e9])
    assert hypervolume_share(EXACT[1:2] * scale, EXACT * scale, reference * scale) == pytest.approx(4 / 6)
    assert hypervolume_share(EXACT, EXACT, reference) == pytest.approx(1.0)
    assert hypervolume_share(EXACT[:0], EXACT, reference) == 0.0


def test_one_objective():
    assert hypervolume_share(np.array([[2.0]]), np.array([[1.0]]), np.array([3.0])) == pytest.approx(0.5)


def test_igd_plus_counts_only_what_is_worse():
    assert igd_plus(EXACT, EXACT) == 0.0
    assert igd_plus(EXACT - 1, EXACT) == 0.0
    # scaled by the extent 2: (0, 2), (1, 1), (2, 0) to (1, 1) are 0.5, 0, 0.5 away
    assert igd_plus(EXACT[1:2], EXACT) == pytest.approx((0.5 + 0 + 0.5) / 3)
    assert igd_plus(EXACT[:0], EXACT) == float("inf")


def test_coverage_is_the_share_found():
    assert coverage(EXACT[:2], EXACT) == pytest.approx(2 / 3)
    assert coverage(EXACT * (1 + 1e-12), EXACT) == 1.0
    assert coverage(EXACT + 1e-3, EXACT) == 0.0
    assert coverage(EXACT[:0], EXACT) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_best_equals_the_definition(seed):
    points = np.random.default_rng(seed).integers(0, 6, (80, 3)).astype(float)
    assert np.unique(points[best(points)], axis=0).tolist() == np.unique(points[non_dominated(points)], axis=0).tolist()
    assert len(best(points)) == len(non_dominated(points))
    assert best(np.array([[np.nan, 0.0], [np.inf, 0.0], [1.0, 1.0]])).tolist() == [2]
    assert best(np.full((2, 2), np.inf)).tolist() == []


def test_anytime_equals_the_front_of_each_prefix():
    rng = np.random.default_rng(0)
    points, feasible = rng.random((200, 2)), rng.random(200) < 0.7
    after, reference = checkpoints(200, 30), np.ones(2)
    curve = anytime(points, feasible, after, lambda front: volume(front, reference))
    prefixes = [volume(points[:n][feasible[:n]], reference) for n in after]
    assert curve == pytest.approx(prefixes)
    assert (np.diff(curve) >= -1e-12).all() and after[0] == 1 and after[-1] == 200


def test_a_far_reference_flatters():
    rng = np.random.default_rng(1)
    angle = np.linspace(0, np.pi / 2, 50)
    exact = 1 - np.stack([np.cos(angle), np.sin(angle)], axis=1)
    every = np.concatenate([exact, rng.random((500, 2)) * 10])
    few = exact[[5, 45]]
    near = hypervolume_share(few, exact, tight(exact))
    assert hypervolume_share(few, exact, far(every, exact)) > 0.97 > 0.7 > near
    assert (far(every, exact) >= tight(exact)).all()
