"""The pictures of a report: fronts of every pair of goals, how the front grew, its designs in parallel coordinates."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gossamer.report.axes import Axis, axis_of
from gossamer.report.searches.charts import COLOURS, Dots, Frame, curve, dots, limit_line, parallel, staircase
from gossamer.report.searches.history import History
from gossamer.report.searches.measure import Measure
from gossamer.report.searches.words import design_title
from gossamer.search.metrics import Objective

MOST_PAIRS = 6
MOST_TITLED = 400
MOST_WAYS = 300
GREY, PALE = "#aab3c5", "#f0c9b8"


@dataclass(frozen=True)
class Line:
    """A curve of one search, or of several that differ in their seeds: `low` and `high` then hold them all."""

    title: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None


def fronts(histories: Sequence[History], measure: Measure, colours: Sequence[str] = COLOURS) -> list[str]:
    """A scatter plot per pair of goals: everything evaluated, and every search's front in its colour; up to the
    reference point, where one was given.
    """
    axes = [_axis(histories, measure, place) for place in range(len(measure.goals))]
    pairs = list(combinations(range(len(axes)), 2))[:MOST_PAIRS]
    return [_front(histories, colours, axes, *_across(histories[0], *pair)) for pair in pairs]


def growth(lines: Sequence[Line], what: Objective, y_title: str, colours: Sequence[str] = COLOURS) -> str:
    """How a share grew over evaluations or seconds (`what`)."""
    every = np.concatenate([line.x for line in lines])
    lowest = min(float(np.quantile(line.y if line.low is None else line.low, 0.15)) for line in lines)
    low = max(0.0, np.floor(20 * min(lowest, 0.95)) / 20)
    frame = Frame(axis_of(what, every[every > 0].tolist()), Axis(y_title, 0.01, low, 1 + 0.02 * (1 - low), False))
    marks: list[str] = []
    for line, colour in zip(lines, _cycle(colours, len(lines))):
        seen = line.x > 0
        band = None if line.low is None or line.high is None else (line.low[seen], line.high[seen])
        marks += curve(frame, line.x[seen], line.y[seen], colour, line.title, band)
    return frame.picture(marks)


def ways(history: History) -> str:
    """The front in parallel coordinates; of a large front an even part."""
    front = history.front[:: max(1, -(-len(history.front) // MOST_WAYS))]
    items = [goal.objective for goal in history.goals]
    rows = history.values[front]
    axes = [axis_of(item, rows[:, place].tolist()) for place, item in enumerate(items)]
    titles = [design_title(history, place) for place in front.tolist()]
    return parallel(axes, rows.tolist(), [item.higher_is_better for item in items], titles)


def _front(histories: Sequence[History], colours: Sequence[str], axes: Sequence[Axis], x: int, y: int) -> str:
    first = histories[0]
    items = [first.goals[place].objective for place in (x, y)]
    up = (items[0].higher_is_better, items[1].higher_is_better)
    frame = Frame(axes[x], axes[y])
    marks: list[str] = []
    for history in histories:
        values = history.values[:, [x, y]]
        marks += dots(frame, Dots(values[history.evaluated & ~history.feasible], PALE, 1.8, opacity=0.7))
        marks += dots(frame, Dots(values[history.feasible], GREY, 1.8, opacity=0.6))
    for history, colour in zip(histories, _cycle(colours, len(histories))):
        marks += _own(frame, history, x, y, up, colour)
    for limit in first.limits:
        for place, item in zip((x, y), items):
            if limit.objective.key == item.key:
                marks += limit_line(frame, limit.bound, place == y, limit.text)
    return frame.picture(marks)


def _own(frame: Frame, history: History, x: int, y: int, up: tuple[bool, bool], colour: str) -> list[str]:
    """One search's front."""
    front = history.front[:: max(1, -(-len(history.front) // MOST_TITLED))]
    values = history.values[front][:, [x, y]]
    titles = [f"{history.name}\n{design_title(history, place)}" for place in front.tolist()]
    return [*staircase(frame, values, up, colour), *dots(frame, Dots(values, colour, titles=titles))]


def _across(history: History, first: int, second: int) -> tuple[int, int]:
    """What is better when higher stands upright."""
    return (second, first) if history.goals[first].objective.higher_is_better else (first, second)


def _axis(histories: Sequence[History], measure: Measure, place: int) -> Axis:
    """Holds all fronts and most of what was evaluated, far outliers left out; or all up to the reference point."""
    item = measure.goals[place].objective
    fronts = np.concatenate([history.values[history.front, place] for history in histories])
    if measure.given:
        points = np.concatenate([history.points[history.front] for history in histories])
        inside = fronts[(points < measure.tight).all(axis=1)]
        return axis_of(item, [*inside.tolist(), float(item.minimised(measure.tight[place]))])
    cloud = np.concatenate([history.values[history.evaluated, place] for history in histories])
    return axis_of(item, [*fronts.tolist(), float(np.quantile(cloud, 0.2 if item.higher_is_better else 0.8))])


def _cycle(colours: Sequence[str], count: int) -> list[str]:
    return [colours[place % len(colours)] for place in range(count)]

