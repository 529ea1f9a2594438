"""Expected improvement of a front's hypervolume, for any number of objectives (less is better).

The expected volume that a design with independent normal predictions adds is the integral, over the region that no
known design beats, of the probability that it beats the point there:

    EHVI = integral over z of prod_m Phi((z_m - mean_m) / deviation_m)

(Emmerich 2005), taken here over points drawn evenly from that region. A batch is picked one by one: what an earlier
pick probably covers counts the less for the next.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Matrix = NDArray[np.float64]

POINTS = 512
_SHORT, _ROUGH = 500, 96
"""The designs best by themselves, by so many of the points, are looked at for each pick of a batch."""


def unbeaten_points(front: Matrix, low: Matrix, high: Matrix, rng: np.random.Generator, count: int = POINTS) -> Matrix:
    """Up to `count` points of the box from `low` to `high` that no row of `front` beats: [n, objectives]."""
    kept: list[Matrix] = []
    found = 0
    for _ in range(40):
        drawn = rng.uniform(low, high, (4 * count, len(low)))
        beaten = (front[None] <= drawn[:, None]).all(axis=2)
        free = drawn[beaten.sum(axis=1) == 0]
        kept.append(free)
        found += len(free)
        if found >= count:
            break
    return np.concatenate(kept)[:count]


def pick_batch(mean: Matrix, deviation: Matrix, chance: Matrix, points: Matrix, count: int) -> NDArray[np.int64]:
    """Positions of `count` designs [n, objectives] that together promise most. `chance` [n]: of being feasible."""
    if not len(points):
        return np.argsort(-chance, kind="stable")[:count]
    own = covering(mean, deviation, points[:: max(1, len(points) // _ROUGH)]).mean(axis=1) * chance
    short = np.argsort(-own, kind="stable")[: max(_SHORT, count)]
    covers = covering(mean[short], deviation[short], points) * chance[short, None]
    left = np.ones(len(points))
    picks: list[int] = []
    for _ in range(min(count, len(short))):
        promise = covers @ left
        promise[picks] = -1.0
        pick = int(promise.argmax())
        picks.append(pick)
        left *= 1.0 - covers[pick]
    return short[picks]


def covering(mean: Matrix, deviation: Matrix, points: Matrix) -> Matrix:
    """Probability [n, points] that each design beats each point."""
    result = np.ones((len(mean), len(points)))
    for axis in range(points.shape[1]):
        result *= ndtr((points[None, :, axis] - mean[:, None, axis]) / deviation[:, None, axis])
    return result
