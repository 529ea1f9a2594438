"""What a search has evaluated, in the order it asked, kept by column: a million designs are a few hundred megabytes."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Genomes
from gossamer.search.inner import Columns
from gossamer.search.tables import Evaluation, Status

_TIMES = ("elapsed_s", "started_s", "seconds")


@dataclass
class _Column:
    """A float array that grows; rows never written hold nan."""

    buffer: NDArray[np.float64] = field(default_factory=lambda: np.full(64, np.nan))

    def write(self, start: int, values: Sequence[float]) -> None:
        end = start + len(values)
        if end > len(self.buffer):
            longer = np.full(max(end, 2 * len(self.buffer)), np.nan)
            longer[: len(self.buffer)] = self.buffer
            self.buffer = longer
        self.buffer[start:end] = values

    def read(self, count: int) -> NDArray[np.float64]:
        """The first `count`."""
        if count > len(self.buffer):
            self.write(count - 1, [np.nan])
        return self.buffer[:count]


class Rows(Sequence[Evaluation]):
    """The archive as evaluations, made when asked for."""

    def __init__(self, archive: "Archive") -> None:
        self._archive = archive

    def __len__(self) -> int:
        return len(self._archive)

    @overload
    def __getitem__(self, place: int) -> Evaluation: ...
    @overload
    def __getitem__(self, place: slice) -> list[Evaluation]: ...
    def __getitem__(self, place: int | slice) -> Evaluation | list[Evaluation]:
        if isinstance(place, slice):
            return [self._archive.row(index) for index in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        return self._archive.row(place % len(self))

    def __iter__(self) -> Iterator[Evaluation]:
        return (self._archive.row(place) for place in range(len(self)))


class Archive:
    """`places`: the genome's bytes -> its position. Positions follow the order in which designs were asked for."""

    def __init__(self) -> None:
        self.places: dict[bytes, int] = {}
        self._numbers: list[int] = []
        self._notes: list[tuple[Status, str, str]] = []
        self._genes: list[bytes] = []
        self._metrics: dict[str, _Column] = {}
        self._times = {name: _Column() for name in _TIMES}

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def rows(self) -> Rows:
        return Rows(self)

    def add(self, row: Evaluation) -> None:
        self.extend([row])

    def extend(self, rows: Sequence[Evaluation]) -> None:
        start = len(self)
        for place, row in enumerate(rows, start):
            key = row.genome.tobytes()
            self.places[key] = place
            self._genes.append(key)
            self._numbers.append(row.number)
            self._notes.append((row.status, row.why, row.worker))
        for name in dict.fromkeys(name for row in rows for name in row.metrics):
            column = self._metrics.setdefault(name, _Column())
            column.write(start, [row.metrics.get(name, np.nan) for row in rows])
        for name, column in self._times.items():
            column.write(start, [getattr(row, name) for row in rows])

    def row(self, place: int) -> Evaluation:
        status, why, worker = self._notes[place]
        elapsed_s, started_s, seconds = (float(column.buffer[place]) for column in self._times.values())
        genome = np.frombuffer(self._genes[place], np.int64)
        metrics = {name: float(column.read(len(self))[place]) for name, column in self._metrics.items()}
        return Evaluation(
            self._numbers[place], genome, metrics, elapsed_s, status, why, started_s, seconds, worker
        )

    def genomes(self) -> Genomes:
        """int64 [P, genes]."""
        return np.frombuffer(b"".join(self._genes), np.int64).reshape(len(self), -1)

    def columns(self, places: Sequence[int] | None = None) -> Columns:
        """Metrics of some rows, or of all; nan where a row has none."""
        index = slice(None) if places is None else np.asarray(places, np.int64)
        return {name: column.read(len(self))[index].copy() for name, column in self._metrics.items()}

    def columns_of(self, genomes: Genomes) -> Columns:
        return self.columns([self.places[genome.tobytes()] for genome in genomes])

    def ok(self, places: Sequence[int] | None = None) -> NDArray[np.bool_]:
        """Where the evaluation gave finite metrics."""
        wanted = range(len(self)) if places is None else places
        return np.array([self._notes[place][0] == "ok" for place in wanted], np.bool_)

    def counts(self) -> dict[tuple[str, str], int]:
        """(status, why) -> how many designs, most first."""
        return dict(Counter((status, why) for status, why, _ in self._notes).most_common())
