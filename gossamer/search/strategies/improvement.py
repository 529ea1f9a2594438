"""Expected improvement of a front's hypervolume, exact for independent predictions; beyond three objectives for a front
of the few designs that a grid of BOXES boxes can hold.

Less is better. The expected volume that a design adds is the integral of the probability that it beats a point, over
the points that no known design beats (Emmerich 2005). The coordinates of the front cut the space into a grid of boxes
that are each beaten or free, and over a box the integral is a product of one number an axis:

    EHVI = sum over free boxes of prod_m ( E[(upper_m - Y_m)+] - E[(lower_m - Y_m)+] )

Predictions are normal in a scale of their own (`Warp`), the volume is that of the values; the expectations are taken by
Gauss-Hermite quadrature. A batch is picked one by one: a pick counts as a design with the values predicted for it, so
what it covers is not sought twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gossamer.search.front import non_dominated, spread
from gossamer.search.strategies.warp import Warp

Matrix = NDArray[np.float64]

SHORT_LIST = 300
"""Designs best by themselves that are looked at for each pick of a batch."""
_EDGES = {1: 400, 2: 120, 3: 48}
"""Designs of the front that make the grid, by the number of objectives: boxes grow with a power of them."""
BOXES = 100_000
"""At most so many with more objectives: 16 designs for four, 9 for five."""
_NUMBERS = 1 << 26
"""Held at once: candidates are looked at in parts."""
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(12)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True)
class Outlook:
    """What is predicted of candidates: `mean`, `deviation` [n, objectives] in the scales of `warps`; `chance` [n]: of
    meeting every constraint.
    """

    mean: Matrix
    deviation: Matrix
    warps: Sequence[Warp]
    chance: Matrix

    @property
    def values(self) -> Matrix:
        """[n, objectives]: the middle of each prediction, as a value."""
        return np.stack([warp.value(column) for warp, column in zip(self.warps, self.mean.T)], axis=1)

    def take(self, places: NDArray[np.int64]) -> "Outlook":
        return replace(self, mean=self.mean[places], deviation=self.deviation[places], chance=self.chance[places])


def pick_batch(outlook: Outlook, front: Matrix, low: Matrix, high: Matrix, count: int) -> NDArray[np.int64]:
    """Positions of `count` candidates that together promise most. `front` [k, objectives] may be empty; `low` is below
    anything expected, `high` the reference point.
    """
    gain = expected_gain(outlook, front, low, high) * outlook.chance
    short = np.argsort(-gain, kind="stable")[: max(SHORT_LIST, count)]
    few, gain = outlook.take(short), gain[short]
    middle = np.minimum(few.values, high)
    picks: list[int] = []
    for _ in range(min(count, len(short))):
        if picks:
            gain = expected_gain(few, front, low, high) * few.chance
            gain[picks] = -1.0
        picks.append(int(gain.argmax()))
        front = np.concatenate([front, middle[picks[-1:]]])
    return short[picks]


def expected_gain(outlook: Outlook, front: Matrix, low: Matrix, high: Matrix) -> Matrix:
    """[n]: volume between the front and `high` that each candidate is expected to add."""
    front = _gridded(front, high)
    edges = [np.unique(np.concatenate([[a], column, [b]])) for a, column, b in zip(low, front.T, high)]
    free = _free(front, edges)
    step = max(1, _NUMBERS // free[0].size)
    parts = [np.arange(start, min(start + step, len(outlook.mean))) for start in range(0, len(outlook.mean), step)]
    return np.concatenate([np.zeros(0), *(_volumes(outlook.take(part), edges, free) for part in parts)])


def _volumes(outlook: Outlook, edges: Sequence[Matrix], free: Matrix) -> Matrix:
    shares = [_shares(outlook, axis, points) for axis, points in enumerate(edges)]
    found = shares[0] @ free.reshape(len(free), -1)
    for axis, share in enumerate(shares[1:], start=1):
        found = np.einsum("nab,na->nb", found.reshape(len(found), free.shape[axis], -1), share)
    return found[:, 0]


def _gridded(front: Matrix, high: Matrix) -> Matrix:
    inside = front[(front < high).all(axis=1)]
    inside = inside[non_dominated(inside)]
    objectives = front.shape[1]
    most = _EDGES.get(objectives, max(2, int(BOXES ** (1 / objectives)) - 1))
    return inside[spread(inside, most)] if len(inside) else inside


def _shares(outlook: Outlook, axis: int, edges: Matrix) -> Matrix:
    """[n, boxes]: E[(upper - Y)+] - E[(lower - Y)+] between neighbouring edges."""
    mean, deviation = outlook.mean[:, axis, None], outlook.deviation[:, axis, None]
    values = outlook.warps[axis].value(mean + deviation * _NODES)
    below = np.stack([np.maximum(edge - values, 0.0) @ _WEIGHTS for edge in edges], axis=1)
    return np.diff(below, axis=1)


def _free(front: Matrix, edges: Sequence[Matrix]) -> Matrix:
    """1 for every box of the grid that no design of the front beats, else 0."""
    free = np.ones([len(points) - 1 for points in edges])
    for point in front:
        free[tuple(slice(int(np.searchsorted(points, v)), None) for points, v in zip(edges, point))] = 0.0
    return free
