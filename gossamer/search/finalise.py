"""From what a search evaluated to the designs it returns.

A spread of the front is lowered and measured through the full path; every limit is checked again on what was measured.
A design that fails one, or that another returned design beats once both are measured, is replaced by the next.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gossamer.backends.base import Infeasible
from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.datasets.base import Dataset
from gossamer.search.estimators.base import Estimator, Progress
from gossamer.search.folder import DESIGNS, drop_stale_designs, files_of, write_design
from gossamer.search.front import non_dominated, spread
from gossamer.search.host import compile_for_host
from gossamer.search.loop import Archive
from gossamer.search.lowered import Lowered, lower
from gossamer.search.objectives import Limit, Objective, matrix
from gossamer.search.result import Design
from gossamer.search.space import CoDesignSpace

AGREEMENT = 1e-9
"""Relative difference allowed between a cost in the inner loop and the same through the full path."""


@dataclass(frozen=True)
class Finalist:
    """A design of the search's front, measured."""

    genome: Genomes
    searched: Mapping[str, float]
    lowered: Lowered


@dataclass
class Finaliser:
    """`notes` collects why designs were not returned."""

    space: CoDesignSpace
    estimator: Estimator
    data: Dataset
    objectives: tuple[Objective, ...]
    limits: tuple[Limit, ...]
    progress: Progress
    notes: list[str]

    def measured(self, archive: Archive, front: list[int], count: int) -> list[Finalist]:
        """At most `count` finalists, none beaten by another, all within the limits."""
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
        lowered = lower(
            self.space,
            row.genome,
            self.estimator.weights(row.genome),
            self.data,
            f"{self.space.architecture.name}_{row.number}",
        )
        if isinstance(lowered, Infeasible):
            self.notes.append(f"design {row.number} was not returned: {lowered}")
            return None
        self._compare(row.number, row.metrics, lowered.metrics)
        for limit in self.limits:
            if not limit.holds(lowered.metrics[limit.objective.key]):
                self.notes.append(f"design {row.number} was not returned: measured, it misses {limit.text}")
                return None
        return Finalist(row.genome, row.metrics, lowered)

    def _compare(self, number: int, searched: Mapping[str, float], measured: Mapping[str, float]) -> None:
        """The inner loop and the full path must price a design alike; if not, neither number can be trusted."""
        for key in ("latency_s", "energy_j", "area_mm2", "macs", "weight_bytes"):
            one, other = searched[key], measured[key]
            if not np.isclose(one, other, rtol=AGREEMENT, atol=0, equal_nan=True):
                raise SearchError(
                    f"design {number}: {key} is {one!r} in the search but {other!r} through "
                    f"{self.space.backend.name}.compile; report this"
                )

    def _without_beaten(self, kept: list[Finalist]) -> list[Finalist]:
        best = non_dominated(np.stack([self._values(item) for item in kept]))
        if len(best) < len(kept):
            self.notes.append("a design was not returned: on held-out images another one is better in everything")
        return [kept[place] for place in best.tolist()]

    def _values(self, item: Finalist) -> np.ndarray:
        return np.array([o.minimised(np.array(item.lowered.metrics[o.key])) for o in self.objectives])

    def written(self, finalists: list[Finalist], folder: Path, host: bool) -> tuple[Design, ...]:
        """Design folders, numbered from 01 in the order given."""
        drop_stale_designs(folder, len(finalists))
        designs = [self._write(folder, place, item) for place, item in enumerate(finalists)]
        if host and self.space.backend.name != "cpu":
            designs = [
                self._for_host(place, item, design, len(designs))
                for place, (item, design) in enumerate(zip(finalists, designs))
            ]
        return tuple(designs)

    def _write(self, folder: Path, place: int, item: Finalist) -> Design:
        name = f"{place + 1:02d}"
        home = folder / DESIGNS / name
        hardware = self.space.hardware(item.genome)
        assert hardware is not None
        files, notes = write_design(home, item.lowered, hardware, self.space.backend)
        return Design(
            name,
            item.lowered.metrics,
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
