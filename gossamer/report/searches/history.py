"""A search as its store tells it: while it runs, when it has ended, or after it was killed.

    history = read_history("runs/first")            # a run's folder, a store's file, or a database URL
    history.points[history.front]                   # [n, goals], less is better

Invariant: arrays with one entry per evaluation are in the order in which designs were asked for.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import DataError, SearchError
from gossamer.search.archive import Archive
from gossamer.search.choices import Choice, Choices, Condition
from gossamer.search.database import shown
from gossamer.search.folder import STORE, SUMMARY
from gossamer.search.front import Points
from gossamer.search.indicators import best
from gossamer.search.inner import Columns
from gossamer.search.metrics import Objective
from gossamer.search.objectives import Goal, Limit, matrix, resolve, violations
from gossamer.search.sessions import Watch
from gossamer.search.store import Store
from gossamer.search.yardstick import metrics_of, read


@dataclass(frozen=True)
class History:
    """`folder`: of the run, where it has one. `seconds` [P]: search time after which so many were evaluated. `state`:
    "running", "finished" or "stopped".
    """

    name: str
    where: str
    folder: Path | None
    settings: Mapping[str, str]
    metrics: tuple[Objective, ...]
    goals: tuple[Goal, ...]
    limits: tuple[Limit, ...]
    choices: Choices
    archive: Archive
    seconds: NDArray[np.float64]
    state: str
    processes: int

    def __len__(self) -> int:
        return len(self.archive)

    @cached_property
    def columns(self) -> Columns:
        """Every metric of every evaluation; nan where it has none."""
        missing = {item.key: np.full(len(self), np.nan) for item in self.metrics}
        return {**missing, **self.archive.columns()}

    @cached_property
    def points(self) -> Points:
        """[P, goals], less is better."""
        return matrix(self.goals, self.columns)

    @cached_property
    def values(self) -> Points:
        """[P, goals] in the goals' own direction."""
        return np.stack([goal.column(self.columns) for goal in self.goals], axis=1)

    @cached_property
    def evaluated(self) -> NDArray[np.bool_]:
        """bool [P]: has a finite value of every goal."""
        return self.archive.ok() & np.isfinite(self.points).all(axis=1)

    @cached_property
    def feasible(self) -> NDArray[np.bool_]:
        """bool [P]: evaluated, and within all limits."""
        return self.evaluated & (violations(self.limits, self.columns) <= 0).all(axis=1)

    @cached_property
    def front(self) -> NDArray[np.int64]:
        """Positions of the feasible designs that no other beats, best in the first goal first."""
        fitting = np.flatnonzero(self.feasible)
        found = fitting[best(self.points[fitting])]
        return found[np.lexsort(self.points[found].T[::-1])]

    @property
    def reference(self) -> dict[str, str]:
        """The values, with units, that the search itself was given to look no further than, by goal."""
        texts = self.settings.get("reference", "none").split(", ")
        labels = [goal.objective.label for goal in self.goals]
        return {label: text[len(label) + 1 :] for label in labels for text in texts if text.startswith(f"{label} ")}

    @property
    def seed(self) -> str:
        return self.settings.get("seed", "")

    def towards(self, goals: Sequence[Goal]) -> "History":
        """The same search by other goals. SearchError names the metrics it does not have."""
        try:
            for goal in goals:
                goal.column(self.columns)
        except KeyError as error:
            there = ", ".join(sorted(self.archive.columns())) or "nothing"
            raise SearchError(f"{self.where}: has no metric '{error.args[0]}' (it has {there})") from None
        return replace(self, goals=tuple(goals))


def read_history(where: Path | str, objectives: str | None = None) -> History:
    """What is in a run's folder, a store's file or a database. `objectives` replaces the search's own. DataError where
    there is no search, or nothing is evaluated yet.
    """
    folder, path = _located(where)
    store = Store(path, create=False)
    try:
        settings, rows, sessions = store.settings(), store.evaluations(), store.sessions()
    finally:
        store.close()
    name = shown(str(where))
    if not rows:
        raise DataError(f"{name}: nothing is evaluated yet; wait until its search has begun")
    archive = Archive()
    archive.extend(rows)
    goals, limits = read(settings, name)
    metrics = metrics_of(settings)
    goals = goals if objectives is None else resolve(objectives, metrics)
    choices = _choices(settings, archive)
    title = folder.resolve().name if folder is not None else name
    running = any(not Watch().dead(SimpleNamespace(**session)) for session in sessions)
    state = "running" if running else "finished" if folder and (folder / SUMMARY).is_file() else "stopped"
    seconds = np.maximum.accumulate([row.elapsed_s for row in rows])
    history = History(
        title, name, folder, settings, metrics, goals, limits, choices, archive, seconds, state, len(sessions)
    )
    return history.towards(goals)


def _located(where: Path | str) -> tuple[Path | None, str]:
    """(folder of the run, its store)."""
    if "://" in str(where):
        return None, str(where)
    path = Path(where)
    if path.is_file():
        return path.parent, str(path)
    if not (path / STORE).is_file():
        raise DataError(f"{path}: holds no search ({STORE} is not there); name a run's folder, its store or its URL")
    return path, str(path / STORE)


def _choices(settings: Mapping[str, str], archive: Archive) -> Choices:
    """The space's choices as the store has them; of old stores that lack them, genes by number."""
    if "choices" not in settings:
        highest = archive.genomes().max(axis=0)
        return Choices(tuple(Choice(f"gene{place}", tuple(range(int(n) + 1))) for place, n in enumerate(highest)))
    return Choices(
        tuple(
            Choice(name, tuple(item["values"]), tuple(Condition(on, tuple(values)) for on, *values in item["when"]))
            for name, item in json.loads(settings["choices"]).items()
        )
    )
