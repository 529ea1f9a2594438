"""Searches that differ in nothing but their seed are one method tried several times: they are reported together, as a
mean and a spread.
"""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.report.searches.history import History
from gossamer.report.searches.measure import Measure, Standing, standing_of
from gossamer.report.searches.pictures import Line
from gossamer.search.indicators import checkpoints

_OF_SEED = ("seed", "data fingerprint")
"""A seed also splits the data."""


@dataclass(frozen=True)
class Group:
    """One method: its searches and how they stand, in the order given."""

    name: str
    histories: tuple[History, ...]
    standings: tuple[Standing, ...]

    def spread(self, value: Callable[[Standing], float]) -> tuple[float, float]:
        """Mean and standard deviation (of the sample; 0 for one search) over the seeds."""
        values = np.array([value(item) for item in self.standings])
        deviation = float(values.std(ddof=1)) if len(values) > 1 and np.isfinite(values).all() else 0.0
        return float(values.mean()), deviation

    def best(self, place: int) -> float:
        """Mean over the seeds of the best value of a goal; nan where a search found nothing."""
        up = self.histories[0].goals[place].objective.higher_is_better
        fronts = [history.values[history.front, place] for history in self.histories]
        return float(np.mean([(front.max() if up else front.min()) if len(front) else np.nan for front in fronts]))

    def by_evaluations(self) -> Line:
        """Mean, lowest and highest share over evaluations; until the shortest search ends."""
        x = checkpoints(min(len(history) for history in self.histories)).astype(np.float64)
        return self._line(x, [(item.after.astype(np.float64), item.curve) for item in self.standings])

    def by_seconds(self) -> Line:
        """The same over search time."""
        times = [history.seconds[item.after - 1] for history, item in zip(self.histories, self.standings)]
        first, last = min(time[0] for time in times), min(time[-1] for time in times)
        x = np.geomspace(max(first, 1e-3), max(last, 2e-3), 120)
        return self._line(x, [(time, item.curve) for time, item in zip(times, self.standings)])

    def _line(self, x: NDArray[np.float64], curves: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> Line:
        """Values on common places: each curve's last value so far."""
        rows = np.stack([np.append(0.0, y)[np.searchsorted(at, x * (1 + 1e-12), side="right")] for at, y in curves])
        if len(rows) == 1:
            return Line(self.name, x, rows[0])
        return Line(self.name, x, rows.mean(axis=0), rows.min(axis=0), rows.max(axis=0))


def grouped(histories: Sequence[History], measure: Measure) -> tuple[Group, ...]:
    """Methods in the order in which they are first met, each with a name of its own."""
    found: dict[tuple[tuple[str, str], ...], list[History]] = {}
    for history in histories:
        kept = {key: value for key, value in history.settings.items() if key not in _OF_SEED}
        found.setdefault(tuple(sorted(kept.items())), []).append(history)
    names = _names(list(found.values()))
    return tuple(
        Group(name, tuple(items), tuple(standing_of(item, measure) for item in items))
        for name, items in zip(names, found.values())
    )


def _names(groups: Sequence[Sequence[History]]) -> list[str]:
    """What the names of a group's runs have in common, or else the first; two groups are never called the same."""
    names: list[str] = []
    for items in groups:
        first, more = items[0].name, len(items) - 1
        common = re.sub(r"[-_.]*(seed)?[-_.]*\d*$", "", os.path.commonprefix([item.name for item in items]))
        name = first if not more else common or f"{first} and {more} more"
        names.append(name if name not in names else f"{name} ({len(names) + 1})")
    return names
