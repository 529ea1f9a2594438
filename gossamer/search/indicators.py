"""How good a front is, and how good it was all along.

All points are [designs, objectives], less is better, and every number names what it is relative to:

    share = hypervolume_share(found, exact, reference)      of the exact front's volume up to `reference`
    igd_plus(found, exact)                                  mean distance from the exact front to what was found
    coverage(found, exact)                                  share of the exact front's points that were found
    curve = anytime(points, feasible, checkpoints(len(points)), volume)

A reference point makes a number large or small: `tight` counts only the region that the front itself spans, `far` all
that was evaluated, so that nearly everything is covered by the first designs already. Reports give both and say so.
Where the exact front is not known, the best of all compared searches stands in for it.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from gossamer.search.front import Points, reference_point
from gossamer.search.goals import Goal
from gossamer.search.metrics import is_share

EQUAL = 1e-9
"""Relative difference up to which two points are the same one."""


def best(points: Points) -> NDArray[np.int64]:
    """Positions of the points that no other beats, of equals the first; fast on a million. Not finite: never best."""
    from moocore import is_nondominated

    finite = np.flatnonzero(np.isfinite(points).all(axis=1))
    if not len(finite):
        return finite
    return finite[np.asarray(is_nondominated(points[finite], keep_weakly=False), np.bool_)]


def tight(front: Points, goals: Sequence[Goal] = ()) -> Points:
    """The worst value of each objective on the front, moved out by a tenth of the front's extent; no accuracy is below
    zero.
    """
    shares = [is_share(goal.objective) for goal in goals] or [False] * front.shape[1]
    point = reference_point(front)
    return np.where(shares, np.minimum(point, 0.0), point)


def far(points: Points, front: Points, goals: Sequence[Goal] = ()) -> Points:
    """The worst value of each objective among all finite points, and at least `tight`: what many papers use."""
    near = tight(front, goals)
    finite = points[np.isfinite(points).all(axis=1)]
    return np.maximum(finite.max(axis=0), near) if len(finite) else near


def volume(points: Points, reference: Points) -> float:
    """What the points beat up to `reference`, in the product of the objectives' units. 0 for no points inside."""
    from moocore import hypervolume

    inside = points[(points < reference).all(axis=1) & np.isfinite(points).all(axis=1)]
    return float(hypervolume(inside, ref=reference)) if len(inside) else 0.0


def hypervolume_share(points: Points, exact: Points, reference: Points) -> float:
    """Volume of the points over that of the exact front, both up to `reference`; 1 is all there is to find."""
    low, span = _box(exact, reference)
    whole = volume((exact - low) / span, (reference - low) / span)
    return volume((points - low) / span, (reference - low) / span) / whole if whole else 0.0


def igd_plus(points: Points, exact: Points) -> float:
    """Inverted generational distance plus (Ishibuchi et al. 2015): mean over the exact front of the distance to the
    nearest point, counting only what is worse; objectives scaled to the exact front's extent. inf for no points.
    """
    from moocore import igd_plus as distance

    finite = points[np.isfinite(points).all(axis=1)]
    if not len(finite):
        return float("inf")
    low, span = _box(exact, exact.max(axis=0))
    return float(distance((finite - low) / span, ref=(exact - low) / span))


def coverage(points: Points, exact: Points) -> float:
    """Share of the exact front's points that are among the points, or matched by them."""
    if not len(exact):
        return 0.0
    slack = EQUAL * np.maximum(np.abs(exact), 1e-300)
    return float(np.mean([(points <= point + room).all(axis=1).any() for point, room in zip(exact, slack)]))


def checkpoints(count: int, most: int = 120) -> NDArray[np.int64]:
    """Numbers of evaluations at which a curve is drawn: dense at first, `count` the last, at most `most`."""
    if count < 1:
        return np.zeros(0, np.int64)
    return np.unique(np.round(np.geomspace(1, count, min(most, count))).astype(np.int64))


def anytime(
    points: Points, feasible: NDArray[np.bool_], after: NDArray[np.int64], value: Callable[[Points], float]
) -> NDArray[np.float64]:
    """`value` of the front of the feasible ones among the first n points, for every n of `after` (ascending)."""
    front = points[:0]
    found = np.empty(len(after))
    begin = 0
    for place, end in enumerate(after.tolist()):
        fresh = points[begin:end][feasible[begin:end]]
        pool = np.concatenate([front, fresh])
        front = pool[best(pool)] if len(fresh) else front
        found[place], begin = value(front), end
    return found


def _box(exact: Points, corner: Points) -> tuple[Points, Points]:
    """Lowest values and extents up to `corner`, for scaling; an objective without extent keeps its scale."""
    low = exact.min(axis=0)
    return low, np.where(corner > low, corner - low, 1.0)
