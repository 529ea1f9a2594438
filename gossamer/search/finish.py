"""The end of a search: its front, lowered, measured and written, and what it says of itself."""

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

import gossamer
from gossamer.ir.errors import SearchError
from gossamer.ir.files import write_text
from gossamer.search.experiment import Experiment
from gossamer.search.finalise import Finaliser
from gossamer.search.folder import FRONT, pareto_csv, write_summary
from gossamer.search.front import hypervolume, non_dominated
from gossamer.search.indicators import tight
from gossamer.search.loop import Loop, feasible
from gossamer.search.metrics import quantity
from gossamer.search.objectives import Goal, matrix
from gossamer.search.result import Design, Run
from gossamer.search.tables import WORDS
from gossamer.search.threads import threads


def finish(
    loop: Loop, finaliser: Finaliser, experiment: Experiment, folder: Path, settings: Mapping[str, str], host: bool
) -> Run:
    """What the loop found, lowered, measured and written. After Ctrl-C the slow last step, the host's compiler, is
    left out.
    """
    archive, goals = loop.archive, finaliser.objectives
    seconds = loop.seconds
    fitting = feasible(archive, finaliser.limits)
    points = matrix(goals, archive.columns(fitting))
    best = non_dominated(points)
    front = [fitting[place] for place in best.tolist()]
    finalists = finaliser.measured(archive, front, experiment.designs)
    if not finalists:
        raise SearchError(
            f"no design of the front holds when it is measured: {'; '.join(dict.fromkeys(finaliser.notes))}"
        )
    found = finaliser.written(finalists, folder, host and not loop.interrupted)
    asked = tuple(goal.objective for goal in goals)
    write_text(folder / FRONT, pareto_csv(asked, found))
    given = given_reference(experiment, goals)
    reference = tight(points[best], goals) if given is None else given
    columns = archive.columns()
    run = Run(
        folder,
        settings,
        _facts(),
        asked,
        found,
        tuple(map(tuple, np.stack([goal.column(columns) for goal in goals], axis=1).tolist())),
        len(archive.rows),
        len(front),
        hypervolume(points[best], reference),
        {o.key: float(o.minimised(np.array(value))) for o, value in zip(asked, reference)},
        seconds,
        loop.interrupted,
        tuple(dict.fromkeys([*_lost(loop), *finaliser.notes])),
    )
    write_summary(folder, _summary(run))
    return run


def _lost(loop: Loop) -> list[str]:
    """Designs without values, counted by reason."""
    return [f"{count} designs {WORDS[status]}: {why}" for (status, why), count in loop.archive.counts().items() if why]


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


def given_reference(experiment: Experiment, goals: Sequence[Goal]) -> np.ndarray | None:
    """The recipe's reference point, less is better; None where it has none. SearchError: not a value per objective."""
    if not experiment.reference:
        return None
    items = {goal.objective.label: goal.objective for goal in goals}
    if set(items) != set(experiment.reference):
        raise SearchError(
            f"reference: needs one value for each of {', '.join(items)}; found {', '.join(experiment.reference)}"
        )
    return np.array(
        [
            float(item.minimised(np.array(quantity(experiment.reference[label], item, f"reference: {label}"))))
            for label, item in items.items()
        ]
    )


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
