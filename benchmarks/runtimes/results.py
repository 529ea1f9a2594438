"""Rows of the benchmark, what is computed from them, and files of rows that several runs fill.

    record = Record.read(path).merged(Record(machine, rows))

A network in one precision is measured as a whole, all engines in turns: a ratio of times from different runs would
compare the weather, so merging replaces all the rows of a (network, precision) at once.
"""

import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.runtimes.engines import OURS

WRONG = {"fp32": 1e-3, "int8": 0.25, "s8s8": 0.25}
"""Largest relative error of an engine that counts. int8 networks of random weights magnify a last bit."""


@dataclass(frozen=True)
class Row:
    """One engine on one network. Times in ms; `error` relative to onnxruntime unoptimised; `note`: why it failed.

    `compile_s`: what is done once and shipped; `load_s`: from there to the first output, in a new process.
    `waited`: share of the timed blocks that the engine's threads had work but no core: someone else was at the machine.
    `peak_bytes`: most memory of that process; `own_bytes`: what of it came after the imports.
    """

    net: str
    precision: str
    engine: str
    version: str = ""
    compile_s: float = 0.0
    load_s: float = 0.0
    runs: int = 0
    median_ms: float = math.nan
    p10_ms: float = math.nan
    p90_ms: float = math.nan
    least_ms: float = math.nan
    waited: float = math.nan
    error: float = math.nan
    peak_bytes: int = 0
    own_bytes: int = 0
    note: str = ""

    def timed(self, seconds: Sequence[float], waited: float) -> "Row":
        ms = np.asarray(seconds) * 1e3
        p10, median, p90 = (float(v) for v in np.percentile(ms, (10, 50, 90)))
        return replace(
            self, runs=len(ms), median_ms=median, p10_ms=p10, p90_ms=p90, least_ms=float(ms.min()), waited=waited,
        )  # fmt: skip

    @property
    def valid(self) -> bool:
        return not self.note and not math.isnan(self.median_ms)


@dataclass(frozen=True)
class Record:
    """Rows of any number of networks; `machine` says where and when, by (net, precision) key."""

    rows: tuple[Row, ...] = ()
    machines: tuple[tuple[str, str], ...] = ()

    def merged(self, newer: "Record") -> "Record":
        """This one, with every (network, precision) of the newer in its place."""
        fresh = {(r.net, r.precision) for r in newer.rows}
        kept = tuple(r for r in self.rows if (r.net, r.precision) not in fresh)
        machines = {**dict(self.machines), **dict(newer.machines)}
        return Record((*kept, *newer.rows), tuple(machines.items()))

    def of(self, net: str, precision: str) -> dict[str, Row]:
        """The rows of one table line by engine."""
        return {r.engine: r for r in self.rows if (r.net, r.precision) == (net, precision)}

    def to_json(self) -> dict[str, Any]:
        rows = [{k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(r).items()}
                for r in self.rows]  # fmt: skip
        return {"machines": dict(self.machines), "rows": rows}

    def write(self, path: Path) -> None:
        """In one step, so that a run that is stopped leaves the file as it was."""
        part = path.with_name(path.name + ".part")
        part.write_text(json.dumps(self.to_json(), indent=1) + "\n")
        os.replace(part, path)

    @staticmethod
    def read(path: Path) -> "Record":
        """Empty when there is no file. Raises ValueError: not a record."""
        if not path.exists():
            return Record()
        try:
            data = json.loads(path.read_text())
            rows = tuple(Row(**{k: math.nan if v is None else v for k, v in row.items()}) for row in data["rows"])
            return Record(rows, tuple(data["machines"].items()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}: no record of this benchmark ({error}); name another file") from error


def judged(row: Row) -> Row:
    """A row whose output is wrong, with a note that says so."""
    limit = WRONG[row.precision]
    if row.note or row.error <= limit:
        return row
    return replace(row, note=f"wrong: relative error {row.error:.1e}")


def fastest(rows: dict[str, Row], quantity: str = "median_ms") -> Row | None:
    """The fastest peer that gives right answers."""
    peers = [r for r in rows.values() if r.engine not in OURS and r.valid]
    return min(peers, key=lambda r: getattr(r, quantity), default=None)


def ratio(rows: dict[str, Row], engine: str, quantity: str = "median_ms") -> float:
    """An engine's time over that of the fastest peer; nan when either has none."""
    own, peer = rows.get(engine), fastest(rows, quantity)
    if own is None or peer is None or not own.valid:
        return math.nan
    return getattr(own, quantity) / getattr(peer, quantity)


def geometric_mean(values: Iterable[float]) -> float:
    """Of those that are numbers; nan without any."""
    known = [v for v in values if not math.isnan(v)]
    return math.exp(sum(map(math.log, known)) / len(known)) if known else math.nan
