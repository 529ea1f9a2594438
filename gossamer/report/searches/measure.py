"""One yardstick for one or several searches: the best front known, two reference points, and how each search stands.

    measure = measure_of(histories)
    standing_of(histories[0], measure).tight        # share of the best known front's hypervolume

The best known front is that of all designs of all searches together: of a single search its own, and the exact front
where one of the searches was exhaustive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError, nearest
from gossamer.report.searches.history import History
from gossamer.search.front import Points, hypervolume
from gossamer.search.indicators import anytime, best, checkpoints, coverage, far, hypervolume_share, igd_plus, tight
from gossamer.search.metrics import quantity, show
from gossamer.search.objectives import Goal


@dataclass(frozen=True)
class Measure:
    """`front` [n, goals]: the best known; `tight`, `far` [goals]: reference points. Less is better in all three.
    `given`: the tight one was the user's.
    """

    goals: tuple[Goal, ...]
    front: Points
    tight: Points
    far: Points
    given: bool

    def said(self, reference: Points) -> str:
        """A reference point in words: `accuracy 60 %, latency 12 ms`."""
        items = [goal.objective for goal in self.goals]
        return ", ".join(f"{o.label} {show(o, float(o.minimised(v)) + 0.0)}" for o, v in zip(items, reference))


@dataclass(frozen=True)
class Standing:
    """One search by a measure. `tight`, `far`: shares of the best known front's hypervolume up to either point;
    `tight_box`, `far_box`: shares of the box between that front's best values and the point; `curve`: `tight` after so
    many evaluations as `after` says.
    """

    tight: float
    far: float
    tight_box: float
    far_box: float
    igd_plus: float
    coverage: float
    after: NDArray[np.int64]
    curve: NDArray[np.float64]

    def evaluations_to(self, share: float) -> int | None:
        """How many evaluations it took until the curve reached `share`, as finely as the curve is drawn."""
        there = np.flatnonzero(self.curve >= share - 1e-9)
        return int(self.after[there[0]]) if len(there) else None


def measure_of(histories: Sequence[History], reference: Mapping[str, str] | None = None) -> Measure | None:
    """`reference`: values of some goals, by label, in place of the tight point's; by default those the searches were
    given themselves, where they were all given the same. None where no search has found any feasible design.
    SearchError for a reference on no goal.
    """
    goals = histories[0].goals
    found = np.concatenate([history.points[history.front] for history in histories])
    own = histories[0].reference if all(item.reference == histories[0].reference for item in histories) else {}
    asked = reference or own
    given = _given(goals, asked)
    if not len(found):
        return None
    front = found[best(found)]
    near = np.where(np.isnan(given), tight(front, goals), given)
    every = np.concatenate([history.points[history.evaluated] for history in histories])
    beyond = np.maximum(far(every, front, goals), near)
    return Measure(goals, front, near, beyond, bool(asked))


def standing_of(history: History, measure: Measure) -> Standing:
    """How one search stands."""
    own, after = history.points[history.front], checkpoints(len(history))
    curve = anytime(
        history.points, history.feasible, after, lambda found: hypervolume_share(found, measure.front, measure.tight)
    )
    return Standing(
        hypervolume_share(own, measure.front, measure.tight),
        hypervolume_share(own, measure.front, measure.far),
        _box(own, measure, measure.tight),
        _box(own, measure, measure.far),
        igd_plus(own, measure.front),
        coverage(own, measure.front),
        after,
        curve,
    )


def _box(own: Points, measure: Measure, reference: Points) -> float:
    """Of the volume between the best values of the best known front and the reference."""
    return hypervolume_share(own, measure.front, reference) * hypervolume(measure.front, reference)


def _given(goals: Sequence[Goal], reference: Mapping[str, str]) -> Points:
    """[goals], minimised; nan where the user gave none."""
    labels = {goal.objective.label: goal.objective for goal in goals}
    for name in reference:
        if name not in labels:
            raise SearchError(f"reference point: the search has no objective '{name}'{nearest(name, labels)}")
    texts = [reference.get(label) for label in labels]
    return np.array(
        [
            np.nan if text is None else float(item.minimised(np.array(quantity(text, item, f"reference {item.label}"))))
            for item, text in zip(labels.values(), texts)
        ]
    )
