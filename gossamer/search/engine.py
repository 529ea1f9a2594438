"""`search`: one call from a target and a space to a front of designs in a folder."""

import platform
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import gossamer
from gossamer.backends.base import Backend
from gossamer.ir.errors import SearchError
from gossamer.ir.files import write_text
from gossamer.ir.registry import BACKENDS, ESTIMATORS
from gossamer.search.budget import Budget
from gossamer.search.costs.possible import refuse_impossible
from gossamer.search.costs.pricing import CostTable
from gossamer.search.datasets.base import Dataset, load_data
from gossamer.search.estimators.base import Estimator, Progress
from gossamer.search.finalise import Finaliser
from gossamer.search.folder import FRONT, STORE, SUPERNET, pareto_csv, write_summary
from gossamer.search.front import hypervolume, non_dominated, reference_point
from gossamer.search.inner import evaluate
from gossamer.search.loop import Loop, feasible
from gossamer.search.objectives import Limit, Objective, matrix, parse_limits, parse_objectives
from gossamer.search.result import Design, Run
from gossamer.search.space import BITS, CoDesignSpace, load_space
from gossamer.search.store import Store
from gossamer.search.strategies.base import Problem, load_method
from gossamer.search.threads import limit_threads, threads

if TYPE_CHECKING:
    from gossamer.search.estimators.train import Training

DEFAULT_OBJECTIVES = ("accuracy", "latency", "energy", "area")


def search(
    *,
    target: str = "systolic",
    space: str = "mobilenet",
    data: str = "digits",
    objectives: str | Iterable[str] = DEFAULT_OBJECTIVES,
    limits: Iterable[str] = (),
    budget: str | int | float = "5m",
    out: Path | str | None = None,
    seed: int = 0,
    strategy: str = "nsga2",
    estimator: str = "supernet",
    population: int = 96,
    designs: int = 12,
    bits: Iterable[int] = BITS,
    training: "Training | None" = None,
    host: bool = True,
    progress: Progress = lambda what, done, of: None,
) -> Run:
    """Search for networks and hardware together; returns the front and leaves everything in the folder `out`.

    `budget` counts training and searching, not the lowering of the designs found. `host`: also compile every returned
    network for this machine. `progress(what, done, of)` is called often. Started again with the same settings and
    folder it goes on where it was. SearchError: unknown names, impossible limits, nothing found; DataError: data or
    store.
    """
    asked = parse_objectives(objectives)
    bounds = parse_limits(limits)
    amount = Budget.parse(budget)
    limit_threads()
    backend: Backend = BACKENDS.load(target)
    images = load_data(data, seed)
    product = load_space(space, backend, images.input_shape, images.classes, tuple(bits))
    folder = Path(out) if out is not None else Path("runs") / f"{space}-{target}-{data.partition(':')[0]}"
    settings = _settings(
        target, space, data, asked, bounds, seed, strategy, estimator, population, images, product, training
    )
    table = CostTable(product)
    _require_area(table, asked, bounds)
    refuse_impossible(table, bounds, seed)
    _refuse_foreign(folder)
    store = Store(folder / STORE)
    try:
        store.settle(settings)
        started = time.monotonic()
        judge: Estimator = ESTIMATORS.load(estimator)(product, images, folder / SUPERNET, seed, training, progress)
        problem = Problem(product, product.corners(), len(asked), len(bounds) + 1, network_genes=product.network_genes)
        loop = Loop(
            load_method(strategy, population).start(problem, seed),
            lambda genomes: evaluate(table, judge.accuracy, genomes),
            store,
            asked,
            bounds,
            amount,
            progress,
            started,
        )
        loop.run()
        return _finish(
            loop, Finaliser(product, judge, images, asked, bounds, progress, []), folder, designs, settings, host
        )
    finally:
        store.close()


def _finish(
    loop: Loop, finaliser: Finaliser, folder: Path, designs: int, settings: Mapping[str, str], host: bool
) -> Run:
    """What the loop found, lowered, measured and written. After Ctrl-C the slow last step, the host's compiler, is
    left out.
    """
    archive, asked = loop.archive, finaliser.objectives
    seconds = loop.seconds
    fitting = feasible(archive, finaliser.limits)
    points = matrix(asked, archive.columns(fitting))
    best = non_dominated(points)
    front = [fitting[place] for place in best.tolist()]
    finalists = finaliser.measured(archive, front, designs)
    if not finalists:
        raise SearchError(
            f"no design of the front holds when it is measured: {'; '.join(dict.fromkeys(finaliser.notes))}"
        )
    found = finaliser.written(finalists, folder, host and not loop.interrupted)
    write_text(folder / FRONT, pareto_csv(asked, found))
    reference = reference_point(points[best])
    run = Run(
        folder,
        settings,
        _facts(),
        asked,
        found,
        tuple(map(tuple, _explored(loop, asked))),
        len(archive.rows),
        len(front),
        hypervolume(points[best], reference),
        {o.key: float(o.minimised(np.array(value))) for o, value in zip(asked, reference)},
        seconds,
        loop.interrupted,
        tuple(dict.fromkeys(finaliser.notes)),
    )
    write_summary(folder, _summary(run))
    return run


def _explored(loop: Loop, objectives: tuple[Objective, ...]) -> list[list[float]]:
    columns = loop.archive.columns()
    return np.stack([columns[item.key] for item in objectives], axis=1).tolist()


def _summary(run: Run) -> dict[str, object]:
    return {
        "settings": dict(run.settings),
        "facts": dict(run.facts),
        "evaluations": run.evaluations,
        "seconds": run.seconds,
        "interrupted": run.interrupted,
        "front_size": run.front_size,
        "hypervolume": run.hypervolume,
        "reference_point": dict(run.reference),
        "notes": list(run.notes),
        "designs": [_design_summary(design) for design in run.front],
    }


def _design_summary(design: Design) -> dict[str, object]:
    return {
        "name": design.name,
        "metrics": dict(design.metrics),
        "searched": dict(design.searched),
        "network": dict(design.network),
        "hardware": design.hardware.values(),
        "files": list(design.files),
        "notes": list(design.notes),
        "genome": list(design.genome),
    }


def _require_area(table: CostTable, objectives: tuple[Objective, ...], limits: tuple[Limit, ...]) -> None:
    backend = table.space.backend
    if (
        any(item.key == "area_mm2" for item in (*objectives, *(limit.objective for limit in limits)))
        and backend.area_mm2(backend.hardware()) is None
    ):
        raise SearchError(
            f"target '{backend.name}' has no area of its own; leave it out of limits and objectives, "
            "as in --objectives accuracy,latency,energy"
        )


def _refuse_foreign(folder: Path) -> None:
    """A run goes into a folder of its own: what else is there is somebody's."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / STORE).exists():
        raise SearchError(f"{folder}: is not empty and holds no search; name a new folder")


def _settings(
    target: str,
    space: str,
    data: str,
    objectives: tuple[Objective, ...],
    limits: tuple[Limit, ...],
    seed: int,
    strategy: str,
    estimator: str,
    population: int,
    images: Dataset,
    product: CoDesignSpace,
    training: "Training | None",
) -> dict[str, str]:
    """What makes two searches the same one."""
    return {
        "target": target,
        "space": space,
        "data": data.partition(":")[0],
        "data fingerprint": images.fingerprint,
        "objectives": ",".join(item.label for item in objectives),
        "limits": ", ".join(limit.text for limit in limits) or "none",
        "seed": str(seed),
        "strategy": strategy,
        "estimator": estimator,
        "population": str(population),
        "bits": ",".join(map(str, product.precision.bits)) or "float",
        "genes": str(len(product.choices)),
        "training": "default" if training is None else str(training),
    }


def _facts() -> dict[str, str]:
    """What else the numbers may depend on."""
    found = {
        "gossamer": gossamer.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "threads": str(threads()),
    }
    for package in ("numpy", "torch", "pymoo"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
