import numpy as np
import pytest

from gossamer.search.front import hypervolume, non_dominated, reference_point, spread


def brute(points):
    def beaten(i):
        for j in range(len(points)):
            if (points[j] <= points[i]).all() and ((points[j] < points[i]).any() or j < i):
                return True
        return False

    return [i for i in range(len(points)) if not beaten(i)]


@pytest.mark.parametrize("seed", range(5))
def test_non_dominated_equals_the_definition(seed):
    points = np.random.default_rng(seed).integers(0, 6, (80, 3)).astype(float)
    assert non_dominated(points).tolist() == brute(points)


def test_spread_keeps_the_ends():
    points = np.stack([np.linspace(0, 1, 50), 1 - np.linspace(0, 1, 50)], axis=1)
    picked = spread(points, 5)
    assert {0, 49} <= set(picked.tolist()) and len(set(picked.tolist())) == 5
    gaps = np.diff(np.sort(points[picked, 0]))
    assert gaps.max() < 0.3
    assert spread(points[:3], 5).tolist() == [0, 1, 2]


def test_hypervolume_is_a_share_of_the_box():
    points = np.array([[0.0, 1.0], [1.0, 0.0]])
    reference = reference_point(points)
    assert reference.tolist() == pytest.approx([1.1, 1.1])
    assert hypervolume(points, reference) == pytest.approx((0.1 * 1.1 + 0.1 * 1.1 - 0.01) / 1.21)
    assert hypervolume(np.array([[0.5, 0.5]]), np.array([1.0, 1.0])) == pytest.approx(1.0)
