"""One network in one precision: every engine prepared, checked, then timed in turns with the others.

A turn is a block of runs of one engine while all others are stopped; the engines take turns for several rounds, so that
all meet like weather.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.runtimes.builds import build_of
from benchmarks.runtimes.engines import Job
from benchmarks.runtimes.models import Net
from benchmarks.runtimes.processes import EngineError, Worker
from benchmarks.runtimes.results import Row, judged

BLOCK_RUNS, BLOCK_S = 10, 0.1


@dataclass(frozen=True)
class Plan:
    """How to measure. `build_s`: limit of one preparation; `engine_s`: of all timed runs of one engine.

    `lock`: a file that is held while times are taken, where several people measure on one machine.
    """

    cores: tuple[int, ...]
    runs: int = 60
    build_s: float = 300.0
    engine_s: float = 20.0
    tune_s: float = 60.0
    lock: Path | None = None


Tell = Callable[[str], None]


def measure(net: Net, precision: str, files: Path, engines: Sequence[str], plan: Plan, tell: Tell) -> list[Row]:
    """A row for every engine, whatever became of it."""
    rows: dict[str, Row] = {}
    workers: dict[str, Worker] = {}
    try:
        for name in engines:
            tell(f"{net.title}, {precision}: preparing {name}")
            rows[name], worker = _prepared(Row(net.name, precision, name), net, files, plan)
            if worker is not None:
                workers[name] = worker
        tell(f"{net.title}, {precision}: measuring {len(workers)} engines in turns")
        with _held(plan.lock):
            _take_turns(rows, workers, plan)
    finally:
        for worker in workers.values():
            worker.close()
    return list(rows.values())


def _prepared(row: Row, net: Net, files: Path, plan: Plan) -> tuple[Row, Worker | None]:
    """Built, opened, checked; at rest. Without a worker when it failed."""
    folder = files / f"{row.precision}-{row.engine.replace(' ', '-')}"
    job = Job(net.name, net.zoo, row.precision, files / f"{row.precision}.onnx", folder, len(plan.cores), plan.tune_s)
    paths = {"input": files / "input.npy", "output": folder / "output.npy"}
    try:
        row = _built(row, job, paths, plan)
        worker = Worker(row.engine, "open", job, paths, plan.cores)
    except EngineError as error:
        return replace(row, note=str(error).replace(f"{folder}{os.sep}", "")), None
    try:
        found = worker.answer(plan.build_s)
        worker.rest()
    except EngineError as error:
        worker.close()
        return replace(row, note=str(error)), None
    row = replace(row, load_s=found["seconds"], peak_bytes=found["peak_bytes"], own_bytes=found["own_bytes"])
    error = relative_error(np.load(paths["output"]), np.load(files / f"{row.precision}.npy"))
    return judged(replace(row, error=error)), worker


def _built(row: Row, job: Job, paths: dict[str, Path], plan: Plan) -> Row:
    build = build_of(row.engine, job)
    found = build.kept()
    if found is None:
        build.clear()
        with contextlib.closing(Worker(row.engine, "build", job, paths, plan.cores)) as worker:
            found = worker.answer(plan.build_s + (job.tune_s if "tuned" in row.engine else 0))
        build.keep(found)
    return replace(row, version=found["version"], compile_s=found["seconds"])


def relative_error(found: np.ndarray, wanted: np.ndarray) -> float:
    """Largest difference over the largest wanted; infinite for another shape or anything that is no number."""
    if found.shape != wanted.shape or not np.isfinite(found).all():
        return float("inf")
    return float(np.abs(found.astype(np.float64) - wanted).max() / max(np.abs(wanted).max(), 1e-12))


def _take_turns(rows: dict[str, Row], workers: dict[str, Worker], plan: Plan) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in workers}
    waited: dict[str, list[float]] = {name: [] for name in workers}
    rounds = -(-plan.runs // BLOCK_RUNS)
    for _ in range(rounds):
        for name in tuple(workers):
            runs = _affordable(seconds[name], plan.engine_s / rounds)
            try:
                found = workers[name].ask(2 * plan.engine_s + 30, runs=runs, at_least_s=BLOCK_S)
                seconds[name] += found["seconds"]
                waited[name].append(found["waited"])
                rows[name] = replace(rows[name], peak_bytes=max(rows[name].peak_bytes, found["peak_bytes"]))
            except EngineError as error:
                rows[name] = replace(rows[name], note=str(error))
                del seconds[name]
                workers.pop(name).close()  # it may be at work still, in the others' turns
    for name, own in seconds.items():
        rows[name] = rows[name].timed(own, float(np.mean(waited[name])))


def _affordable(so_far: list[float], left_s: float) -> int:
    """Runs of the next block: fewer of an engine that is too slow for as many as the others make."""
    each = float(np.median(so_far)) if so_far else 0.0
    return BLOCK_RUNS if each * BLOCK_RUNS <= left_s else max(1, int(left_s / each))


@contextlib.contextmanager
def _held(lock: Path | None) -> Iterator[None]:
    if lock is None:
        yield
        return
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        time.sleep(0.2)
        yield
