"""`run`: an experiment carried out, from the first question to a folder of designs; `search`: the same by keywords.

    run(load_recipe("young", target="systolic"), "runs/young")

Started again with the same experiment and folder it goes on where it was; several processes may do so at once.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gossamer.ir.errors import SearchError
from gossamer.ir.registry import EXECUTORS
from gossamer.search.budget import Budget
from gossamer.search.costs.possible import refuse_impossible
from gossamer.search.evaluators import SHARED, Progress
from gossamer.search.executors.base import Executor, Pool
from gossamer.search.executors.memory import RememberingPool
from gossamer.search.experiment import Experiment
from gossamer.search.finalise import Finaliser
from gossamer.search.finish import finish, given_reference
from gossamer.search.folder import STORE, alone, settle_in
from gossamer.search.keywords import experiment_of
from gossamer.search.loop import Loop
from gossamer.search.objectives import Goal, Limit, parse_limits, resolve
from gossamer.search.panel import Panel, WorkerJob
from gossamer.search.recipes.load import load_recipe
from gossamer.search.result import Run
from gossamer.search.space import BITS, CoDesignSpace
from gossamer.search.store import Store
from gossamer.search.strategies.base import Problem
from gossamer.search.threads import limit_threads
from gossamer.search.yardstick import SETTING, written

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
    executor: str = "",
    changes: Iterable[str] = (),
    store: str = "",
    host: bool = True,
    progress: Progress = lambda what, done, of: None,
) -> Run:
    """Search for networks and hardware together; returns the front and leaves everything in the folder `out`.

    `budget` counts training and searching, not the lowering of the designs found. `host`: also compile every returned
    network for this machine. `progress(what, done, of)` is called often. SearchError: unknown names, impossible
    limits, nothing found; DataError: data or store.
    """
    refused = next(iter(changes), None)
    if refused is not None:
        raise SearchError(f"--set {refused}: changes options of a recipe, and none is named; add --recipe NAME")
    limit_threads()
    experiment = experiment_of(
        target, space, data, objectives, limits, budget, seed, strategy, estimator, population, designs, bits, training
    )
    placed = replace(experiment, executor=EXECUTORS.load(executor)() if executor else None)
    return run(placed, out, store=store, host=host, progress=progress)


def search_recipe(
    recipe: str,
    target: str = "",
    changes: Iterable[str] = (),
    *,
    out: Path | str | None = None,
    store: str = "",
    host: bool = True,
    progress: Progress = lambda what, done, of: None,
) -> Run:
    """`run` of a recipe by name or file, with its options changed. SearchError: what is wrong in it, and where."""
    return run(load_recipe(recipe, target, changes), out, store=store, host=host, progress=progress)


def run(
    experiment: Experiment,
    out: Path | str | None = None,
    *,
    store: str = "",
    host: bool = True,
    progress: Progress = lambda what, done, of: None,
) -> Run:
    """The front of an experiment, everything left in the folder `out`. `store`: URL of a database for the results, by
    default a file in the folder. Raises as `search`.
    """
    folder = Path(out) if out is not None else Path("runs") / _name(experiment)
    space = experiment.product.build(experiment.space, experiment.backend())
    if experiment.data:
        limit_threads()
    panel = Panel.start(experiment, space, folder, progress)
    _require_area(space, experiment, panel)
    goals = resolve(experiment.objectives, panel.metrics)
    limits = parse_limits(experiment.limits, panel.metrics)
    refuse_impossible(space, panel.instant, limits, experiment.seed)
    settings = experiment.settings | {SETTING: written(panel.metrics, experiment.objectives, experiment.limits)}
    settle_in(folder)
    results = Store(store or folder / STORE)
    try:
        results.settle(settings, space.choices)
        with _pool(experiment, panel, folder) as pool:
            loop = _loop(experiment, space, panel, goals, limits, results, progress, pool)
            loop.run()
        images = experiment.images()
        finaliser = Finaliser(space, panel, images, goals, limits, progress, [])
        with alone(folder):
            return finish(loop, finaliser, experiment, folder, settings, host)
    finally:
        results.close()


def _loop(
    experiment: Experiment,
    space: CoDesignSpace,
    panel: Panel,
    goals: tuple[Goal, ...],
    limits: tuple[Limit, ...],
    results: Store,
    progress: Progress,
    pool: "Pool | None",
) -> Loop:
    """The search, ready to run. A search over hardware or bits begins at the corners of the space, so that it knows
    how far each axis reaches; one over networks alone begins as its strategy likes.
    """
    none = np.empty((0, len(space.choices)), np.int64)
    seeds = space.corners() if len(space.choices) > len(space.architecture.choices) else none
    problem = Problem(
        space, seeds, len(goals), len(limits) + 1, given_reference(experiment, goals), network_genes=space.network_genes
    )
    here = panel.here
    return Loop(
        experiment.strategy.start(problem, experiment.seed),
        here.evaluate,
        results,
        goals,
        limits,
        Budget.parse(experiment.budget),
        progress,
        time.monotonic(),
        pool=pool,
    )


@contextmanager
def _pool(experiment: Experiment, panel: Panel, folder: Path) -> "Iterator[Pool | None]":
    """Workers for what must not run in this process; None where nothing needs them."""
    if not panel.outside:
        yield None
        return
    executor: Executor = experiment.executor or EXECUTORS.load("processes")()
    pool = executor.start(WorkerJob.of(experiment, panel, folder))
    if all(item.key in SHARED for item in pool.metrics):
        pool = RememberingPool(pool, panel.space.network_genes)
    try:
        yield pool
    finally:
        pool.close()


def _require_area(space: CoDesignSpace, experiment: Experiment, panel: Panel) -> None:
    words = " ".join([*map(str, experiment.objectives), *experiment.limits])
    if space.target is not None and "area" in words and all(item.label != "area" for item in panel.metrics):
        raise SearchError(
            f"target '{space.target.name}' has no area of its own; leave it out of limits and objectives, "
            "as in --objectives accuracy,latency,energy"
        )


def _name(experiment: Experiment) -> str:
    parts = (experiment.name, *experiment.targets, experiment.data.partition(":")[0])
    return "-".join(part for part in parts if part)
