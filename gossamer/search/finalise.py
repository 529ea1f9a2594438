"""From what a search evaluated to the designs it returns.

A spread of the front is lowered and measured through the full path: costs by the target's own compile, accuracy on
held-out images where networks were trained, everything else looked up again. Every limit is checked again on what was
measured. A design that fails one, or that another returned design beats once both are measured, is replaced by the
next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gossamer.backends.base import Infeasible
from gossamer.ir.errors import SearchError
from gossamer.ir.hardware import Hardware
from gossamer.search.choices import Genomes
from gossamer.search.datasets.base import Dataset
from gossamer.search.evaluators import Progress
from gossamer.search.folder import DESIGNS, drop_stale_designs, files_of, write_design
from gossamer.search.front import non_dominated, spread
from gossamer.search.host import compile_for_host
from gossamer.search.loop import Archive
from gossamer.search.lowered import Lowered, lower
from gossamer.search.objectives import Goal, Limit, matrix
from gossamer.search.panel import Panel
from gossamer.search.result import Design
from gossamer.search.space import CoDesignSpace

AGREEMENT = 1e-9
"""Relative difference allowed between a value in the inner loop and the same through the full path."""


@dataclass(frozen=True)
class Finalist:
    """A design of the search's front. `metrics`: all of them, measured."""

    genome: Genomes
    searched: Mapping[str, float]
    metrics: Mapping[str, float]
    lowered: Lowered


@dataclass
class Finaliser:
    """`notes` collects why designs were not returned."""

    space: CoDesignSpace
    panel: Panel
    data: Dataset | None
    objectives: Sequence[Goal]
    limits: Sequence[Limit]
    progress: Progress
    notes: list[str]

    def measured(self, archive: Archive, front: list[int], count: int) -> list[Finalist]:
        """At most `count` finalists, none beaten by another, all within the limits, best first objective first."""
        values = matrix(self.objectives, archive.columns(front))
        waiting = [front[place] for place in spread(values, min(len(front), 2 * count)).tolist()]
        kept: list[Finalist] = []
        while waiting and len(kept) < count:
            self.progress("measuring designs", len(kept), count)
            found = self._measure(archive, waiting.pop(0))
            kept = self._without_beaten([*kept, found]) if found is not None else kept
        self.progress("measuring designs", count, count)
        return sorted(kept, key=lambda item: [float(v) for v in self._values(item)])

    def _measure(self, archive: Archive, place: int) -> Finalist | None:
        row = archive.rows[place]
        network = self.panel.network(row.genome, f"{self.space.architecture.name}_{row.number}")
        trained = self.panel.trained is not None
        lowered = lower(self.space, row.genome, network, self.data, self.panel.seed, trained)
        if isinstance(lowered, Infeasible):
            self.notes.append(f"design {row.number} was not returned: {lowered}")
            return None
        metrics = self._all_metrics(row.number, row.genome, row.metrics, lowered.metrics)
        for limit in self.limits:
            if not limit.holds(_value(limit, metrics)):
                self.notes.append(f"design {row.number} was not returned: measured, it misses {limit.text}")
                return None
        return Finalist(row.genome, row.metrics, metrics, lowered)

    def _all_metrics(
        self, number: int, genome: Genomes, searched: Mapping[str, float], measured: Mapping[str, float]
    ) -> dict[str, float]:
        """Searched values, those that can be looked up again looked up, those that were measured measured."""
        instant = self.panel.instant
        again = {key: float(column[0]) for key, column in instant.evaluate(genome[None]).items()}
        self._compare(number, searched, again, "looked up again")
        priced = self.panel.priced
        if self.space.target is not None:
            own = {key: value for key, value in measured.items() if key in priced}
            self._compare(number, searched, own, f"through {self.space.target.name}.compile")
        news = {key: value for key, value in measured.items() if key in ("accuracy", *priced) or key not in searched}
        metrics = {**searched, **again, **news}
        return {**metrics, **{goal.objective.key: _value(goal, metrics) for goal in self.objectives}}

    def _compare(self, number: int, searched: Mapping[str, float], other: Mapping[str, float], how: str) -> None:
        """The inner loop and the full path must price a design alike; if not, neither number can be trusted."""
        for key, value in other.items():
            if not np.isclose(searched[key], value, rtol=AGREEMENT, atol=0, equal_nan=True):
                raise SearchError(
                    f"design {number}: {key} is {searched[key]!r} in the search but {value!r} {how}; report this"
                )

    def _without_beaten(self, kept: list[Finalist]) -> list[Finalist]:
        best = non_dominated(np.stack([self._values(item) for item in kept]))
        if len(best) < len(kept):
            self.notes.append("a design was not returned: on held-out images another one is better in everything")
        return [kept[place] for place in best.tolist()]

    def _values(self, item: Finalist) -> np.ndarray:
        keys = [goal.objective for goal in self.objectives]
        return np.array([objective.minimised(np.array(item.metrics[objective.key])) for objective in keys])

    def written(self, finalists: list[Finalist], folder: Path, host: bool) -> tuple[Design, ...]:
        """Design folders, numbered from 01 in the order given."""
        drop_stale_designs(folder, len(finalists))
        designs = [self._write(folder, place, item) for place, item in enumerate(finalists)]
        if host and self.space.target is not None and self.space.target.name != "cpu":
            designs = [
                self._for_host(place, item, design, len(designs))
                for place, (item, design) in enumerate(zip(finalists, designs))
            ]
        return tuple(designs)

    def _write(self, folder: Path, place: int, item: Finalist) -> Design:
        name = f"{place + 1:02d}"
        home = folder / DESIGNS / name
        hardware = self.space.hardware(item.genome) or Hardware()  # a search over tables has none
        files, notes = write_design(home, item.lowered, hardware, self.space.target)
        return Design(
            name,
            item.metrics,
            item.searched,
            self.space.network_values(item.genome),
            hardware,
            item.lowered.layers,
            str(item.lowered.module),
            home,
            files,
            notes,
            tuple(item.genome.tolist()),
        )

    def _for_host(self, place: int, item: Finalist, design: Design, count: int) -> Design:
        self.progress("compiling designs for this machine", place, count)
        failure = compile_for_host(item.lowered.plain, design.folder / "cpu")
        self.progress("compiling designs for this machine", place + 1, count)
        return replace(design, files=files_of(design.folder), notes=(*design.notes, *([failure] if failure else [])))


def _value(item: Goal | Limit, metrics: Mapping[str, float]) -> float:
    """Of one design."""
    return float(item.column({key: np.array([value]) for key, value in metrics.items()})[0])
