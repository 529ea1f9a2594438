"""Pareto fronts: which designs no other one beats, how good a front is, and a spread of designs from it.

All arrays are [designs, objectives], less is better.
"""

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def non_dominated(points: Points) -> NDArray[np.int64]:
    """Positions of the points that no other beats (no worse in all, better in one); of equals the first."""
    if not len(points):
        return np.zeros(0, np.int64)
    _, first = np.unique(points, axis=0, return_index=True)
    first = np.sort(first)
    order = first[np.lexsort(points[first].T[::-1])]
    kept: list[int] = []
    front = np.empty_like(points)
    for place in order.tolist():
        point, so_far = points[place], front[: len(kept)]
        # In lexicographic order nothing that comes later can beat what is kept.
        if not len(kept) or not (so_far <= point).all(axis=1).any():
            front[len(kept)] = point
            kept.append(place)
    return np.sort(np.array(kept, np.int64))


def spread(points: Points, count: int) -> NDArray[np.int64]:
    """At most `count` positions that cover a front: the best in each objective, then always the one farthest from all
    picked.
    """
    if len(points) <= count:
        return np.arange(len(points))
    low, high = points.min(axis=0), points.max(axis=0)
    scaled = (points - low) / np.where(high > low, high - low, 1.0)
    picked = list(
        dict.fromkeys(int(np.lexsort((scaled.sum(axis=1), scaled[:, axis]))[0]) for axis in range(points.shape[1]))
    )[:count]
    distance = np.linalg.norm(scaled[:, None] - scaled[picked], axis=2).min(axis=1)
    while len(picked) < count:
        far = int(distance.argmax())
        picked.append(far)
        distance = np.minimum(distance, np.linalg.norm(scaled - scaled[far], axis=1))
    return np.array(picked)


def reference_point(points: Points) -> Points:
    """A tight one: the worst value of each objective on the front, moved out by a tenth of the front's extent."""
    low, high = points.min(axis=0), points.max(axis=0)
    return high + 0.1 * np.where(high > low, high - low, np.maximum(np.abs(high), 1e-30))


def hypervolume(points: Points, reference: Points) -> float:
    """Volume beaten by the front up to `reference`, as a share of the box from its best values to `reference`."""
    from moocore import hypervolume as volume

    low = points.min(axis=0)
    inside = points[(points < reference).all(axis=1)]
    return float(volume((inside - low) / (reference - low), ref=np.ones(points.shape[1]))) if len(inside) else 0.0
