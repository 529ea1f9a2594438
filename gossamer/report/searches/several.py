"""`gossamer compare`: several searches by one yardstick, as a table for the terminal, as data, and as a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gossamer.ir.errors import SearchError
from gossamer.ir.files import write_text
from gossamer.report.page import template_text
from gossamer.report.searches.charts import COLOURS
from gossamer.report.searches.groups import Group, grouped
from gossamer.report.searches.history import History, read_history
from gossamer.report.searches.measure import Measure, measure_of
from gossamer.report.searches.one import EVALUATIONS, SECONDS
from gossamer.report.searches.pictures import fronts, growth
from gossamer.search.metrics import show
from gossamer.search.yardstick import SETTING

if TYPE_CHECKING:
    from rich.table import Table

PAGE = "compare.html"
GOOD = 0.95


@dataclass(frozen=True)
class Comparison:
    """`groups`: searches that differ only in their seed stand together."""

    groups: tuple[Group, ...]
    measure: Measure

    @property
    def histories(self) -> tuple[History, ...]:
        return tuple(history for group in self.groups for history in group.histories)


def compare_searches(
    runs: Sequence[Path | str], objectives: str | None = None, reference: Mapping[str, str] | None = None
) -> Comparison:
    """Searches by the objectives of the first, or by `objectives`, which every one must have measured. SearchError: one
    has not, or none found a feasible design; DataError: no search there.
    """
    histories = [read_history(run, objectives) for run in runs]
    if not histories:
        raise SearchError("nothing to compare: name the folders of searches")
    try:
        histories = [_named(item.towards(histories[0].goals), histories) for item in histories]
    except SearchError as error:
        raise SearchError(f"{error}; name objectives that all have measured: --objectives accuracy,latency") from None
    measure = measure_of(histories, reference)
    if measure is None:
        raise SearchError(f"none of {len(histories)} searches has found a design within its limits")
    return Comparison(grouped(histories, measure), measure)


def _named(history: History, every: Sequence[History]) -> History:
    """A folder that shares its name with another one is called by its path."""
    shared = [item for item in every if item.name == history.name]
    return replace(history, name=history.where) if len(shared) > 1 else history


def sentences(comparison: Comparison) -> list[str]:
    """What the columns mean, and what differs between the searches besides their method."""
    measure = comparison.measure
    origin = "as given" if measure.given else "the worst of that front, moved out by a tenth of its extent"
    found = [
        "Hypervolume is the share of what the best front known covers: that of all designs of all these searches "
        f"together, {len(measure.front)} points; it is the exact front if one of them was exhaustive. Tight reference "
        f"point: {measure.said(measure.tight)} ({origin}); far: {measure.said(measure.far)} (the worst of all that was "
        "evaluated), which makes nearly any front look complete. Coverage is the share of that front's points that "
        "were found, IGD+ the mean distance from it, in units of its extent.",
    ]
    if any(len(group.histories) > 1 for group in comparison.groups):
        found.append("Searches that differ only in their seed stand together: mean ± standard deviation.")
    texts = {", ".join(limit.text for limit in history.limits) or "none" for history in comparison.histories}
    if len(texts) > 1:
        found.append(f"Each search is judged within its own limits, which differ: {'; '.join(sorted(texts))}.")
    counts = {len(history) for history in comparison.histories}
    if len(counts) > 1:
        found.append(f"The searches evaluated {min(counts):,} to {max(counts):,} designs; compare the curves.")
    return found + [f"{item.name} is still running." for item in comparison.histories if item.state == "running"]


def table(comparison: Comparison) -> "Table":
    """One row per method, best first."""
    from rich.markup import escape
    from rich.table import Table

    found = Table(box=None, header_style="bold", pad_edge=False)
    for name in header(comparison):
        found.add_column(name, justify="left" if name == "search" else "right")
    for row in rows(comparison):
        found.add_row(*(escape(text) for text, _ in row))
    return found


def header(comparison: Comparison) -> list[str]:
    goals = [f"best {goal.objective.label}" for goal in comparison.measure.goals]
    return ["search", "seeds", "evaluated", "hypervolume", "far", f"to {GOOD:.0%}", "IGD+", "coverage", *goals, "time"]


def rows(comparison: Comparison) -> list[list[tuple[str, float]]]:
    """(what is shown, what it is sorted by) per column of `header`, best hypervolume first."""
    found = [_row(group) for group in comparison.groups]
    return sorted(found, key=lambda row: -row[3][1])


def _row(group: Group) -> list[tuple[str, float]]:
    counts = [len(history) for history in group.histories]
    seconds = float(np.mean([history.seconds[-1] for history in group.histories]))
    goals = [goal.objective for goal in group.histories[0].goals]
    best = [group.best(place) for place in range(len(goals))]
    return [
        (group.name, 0.0),
        (str(len(counts)), len(counts)),
        (f"{round(np.mean(counts)):,}", float(np.mean(counts))),
        _spread(*group.spread(lambda item: item.tight)),
        _spread(*group.spread(lambda item: item.far)),
        _reached(group),
        _spread(*group.spread(lambda item: item.igd_plus)),
        _spread(*group.spread(lambda item: item.coverage)),
        *((show(item, value), value) for item, value in zip(goals, best)),
        (f"{seconds:,.3g} s", seconds),
    ]


def _spread(mean: float, deviation: float) -> tuple[str, float]:
    return (f"{mean:.3f} ± {deviation:.3f}" if deviation else f"{mean:.3f}"), mean


def _reached(group: Group) -> tuple[str, float]:
    """Evaluations to GOOD of the best known hypervolume, the mean over the seeds that reached it."""
    there = [count for item in group.standings if (count := item.evaluations_to(GOOD)) is not None]
    if not there:
        return "not reached", float("inf")
    missing = f" ({len(there)} of {len(group.standings)})" if len(there) < len(group.standings) else ""
    return f"{round(np.mean(there)):,}{missing}", float(np.mean(there))


def document(comparison: Comparison) -> dict[str, Any]:
    """The comparison as data."""
    measure = comparison.measure
    items = [goal.objective for goal in measure.goals]
    points = {"tight": measure.tight, "far": measure.far}
    return {
        "objectives": [item.label for item in items],
        "reference": {
            name: {item.key: float(item.minimised(value)) for item, value in zip(items, point)}
            for name, point in points.items()
        },
        "best_known_front": len(measure.front),
        "searches": [_group_document(group) for group in comparison.groups],
        "notes": sentences(comparison),
    }


def _group_document(group: Group) -> dict[str, Any]:
    line = group.by_evaluations()
    return {
        "name": group.name,
        "runs": [
            {
                "name": history.name,
                "seed": history.seed,
                "evaluations": len(history),
                "seconds": float(history.seconds[-1]),
                "front": len(history.front),
                "hypervolume_tight": item.tight,
                "hypervolume_far": item.far,
                "igd_plus": item.igd_plus,
                "coverage": item.coverage,
                f"evaluations_to_{GOOD:.2f}": item.evaluations_to(GOOD),
            }
            for history, item in zip(group.histories, group.standings)
        ],
        "anytime": {"evaluations": line.x.tolist(), "share": line.y.tolist()},
    }


def write_page(comparison: Comparison, path: Path) -> Path:
    """The page as a file. DataError when the disk does not take it."""
    return write_text(path, page(comparison))


def page(comparison: Comparison) -> str:
    """One file that fetches nothing."""
    from jinja2 import Environment, select_autoescape

    groups, text = comparison.groups, "share of the best known hypervolume (%)"
    template = Environment(autoescape=select_autoescape(default=True)).from_string(template_text("search_many.html"))
    return template.render(
        title=f"{len(groups)} searches: " + ", ".join(goal.objective.label for goal in comparison.measure.goals),
        sentences=sentences(comparison),
        key=[(group.name, COLOURS[place % len(COLOURS)]) for place, group in enumerate(groups)],
        growth=[
            growth([group.by_evaluations() for group in groups], EVALUATIONS, text),
            growth([group.by_seconds() for group in groups], SECONDS, text),
        ],
        fronts=fronts([group.histories[0] for group in groups], comparison.measure),
        header=header(comparison),
        rows=rows(comparison),
        settings=_differing(comparison),
        style=template_text("report.css") + template_text("search.css"),
        script=template_text("search.js"),
    )


def _differing(comparison: Comparison) -> list[tuple[str, list[str]]]:
    """Settings that are not the same in all groups."""
    every = [group.histories[0].settings for group in comparison.groups]
    names = dict.fromkeys(name for settings in every for name in settings)
    shown = [name for name in names if name not in ("choices", SETTING, "seed")]
    found = [(name, [settings.get(name, "") for settings in every]) for name in shown]
    return [(name, values) for name, values in found if len(set(values)) > 1]
