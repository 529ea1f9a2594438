"""`gossamer report`: one search as a table for the terminal, as data, and as a page."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gossamer.ir.files import write_text
from gossamer.report.page import template_text
from gossamer.report.searches.charts import COLOURS
from gossamer.report.searches.history import History, read_history
from gossamer.report.searches.measure import Measure, Standing, measure_of, standing_of
from gossamer.report.searches.pictures import Line, fronts, growth, ways
from gossamer.report.searches.shared import Shared, shared_choices
from gossamer.report.searches.words import design_text, facts, sentences
from gossamer.search.metrics import Objective, show
from gossamer.search.yardstick import SETTING

if TYPE_CHECKING:
    from rich.table import Table

PAGE = "analysis.html"
MOST_ROWS = 200
MOST_COLUMNS = 4
"""Goals and other metrics on a terminal."""
EVALUATIONS, SECONDS = Objective("evaluations", "evaluations", ""), Objective("search_s", "search time", "s")


@dataclass(frozen=True)
class SearchReport:
    """A search so far. `measure` and `standing` are None while no design is within the limits."""

    history: History
    measure: Measure | None
    standing: Standing | None
    shared: tuple[Shared, ...]

    @property
    def facts(self) -> dict[str, str]:
        return facts(self.history, self.measure, self.standing)

    @property
    def sentences(self) -> list[str]:
        return sentences(self.history, self.measure, self.standing)


def report_search(where: Path | str, reference: Mapping[str, str] | None = None) -> SearchReport:
    """The search of a run's folder, a store's file or a database URL. `reference`: values of goals, with units, for the
    tight reference point. DataError: no search there, or nothing evaluated; SearchError: a reference on no goal.
    """
    history = read_history(where)
    measure = measure_of([history], reference)
    standing = standing_of(history, measure) if measure is not None else None
    shared = shared_choices(history.choices, history.archive.genomes(), history.front)
    return SearchReport(history, measure, standing, shared)


def write_page(report: SearchReport, path: Path) -> Path:
    """The page as a file. DataError when the disk does not take it."""
    return write_text(path, page(report))


def page(report: SearchReport) -> str:
    """One file that fetches nothing."""
    from jinja2 import Environment, select_autoescape

    history, measure = report.history, report.measure
    template = Environment(autoescape=select_autoescape(default=True)).from_string(template_text("search_one.html"))
    return template.render(
        title=title(history),
        facts=report.facts,
        sentences=report.sentences,
        fronts=fronts([history], measure) if measure is not None else [],
        growth=_growth(report),
        ways=ways(history) if measure is not None and len(history.goals) > 2 else "",
        goals=[goal.objective for goal in history.goals],
        others=[item.label for item in _others(history)],
        rows=[_row(history, place) for place in history.front[:MOST_ROWS].tolist()],
        shared=report.shared,
        settings={key: value for key, value in history.settings.items() if key not in ("choices", SETTING)},
        style=template_text("report.css") + template_text("search.css"),
        script=template_text("search.js"),
    )


def title(history: History) -> str:
    """What is searched, where."""
    words = history.settings
    what = words.get("experiment") or words.get("space", "search")
    return f"{history.name}: {what} on {words.get('target', 'hardware')}"


def document(report: SearchReport) -> dict[str, Any]:
    """The report as data: values in the columns' own units."""
    history, measure, standing = report.history, report.measure, report.standing
    found: dict[str, Any] = {
        "name": history.name,
        "state": history.state,
        "evaluations": len(history),
        "feasible": int(history.feasible.sum()),
        "seconds": float(history.seconds[-1]),
        "objectives": [goal.objective.label for goal in history.goals],
        "front": [_design(history, place) for place in history.front.tolist()],
        "shared": [{**vars(item), "times": item.times} for item in report.shared],
        "notes": report.sentences,
    }
    if measure is not None and standing is not None:
        found["hypervolume"] = {
            name: {"reference": _point(measure, point), "share_of_box": value}
            for name, point, value in (
                ("tight", measure.tight, standing.tight_box),
                ("far", measure.far, standing.far_box),
            )
        }
        found["anytime"] = {"evaluations": standing.after.tolist(), "share_of_front": standing.curve.tolist()}
    return found


def front_table(report: SearchReport, most: int = 20) -> "Table":
    """The front for the terminal, the first `most` designs."""
    from rich.markup import escape
    from rich.table import Table

    history = report.history
    table = Table(title=title(history), title_justify="left", title_style="bold", box=None, header_style="bold",
                  pad_edge=False)  # fmt: skip
    others = [item.label for item in _others(history)][: max(0, MOST_COLUMNS - len(history.goals))]
    for name in ("design", *(goal.objective.label for goal in history.goals), *others):
        table.add_column(name, justify="right")
    table.add_column("choices", no_wrap=True, overflow="ellipsis", max_width=60)
    for place in history.front[:most].tolist():
        row = _row(history, place)
        table.add_row(str(row["number"]), *row["goals"], *row["others"][: len(others)], escape(row["text"]))
    if len(history.front) > most:
        table.add_row("", f"... {len(history.front) - most} more")
    return table


def shared_table(report: SearchReport, most: int = 8) -> "Table":
    """What the front has in common, for the terminal."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="What the front has in common", title_justify="left", title_style="bold", box=None,
                  header_style="bold", pad_edge=False)  # fmt: skip
    for name in ("choice", "on the front", "of all evaluated", "times as often", "by chance"):
        table.add_column(name, justify="left" if name == "choice" else "right")
    for item in report.shared[:most]:
        table.add_row(escape(f"{item.choice} = {item.value}"), f"{item.front} of {item.front_of}",
                      f"{item.every:,} of {item.every_of:,}", f"{item.times:.2g}", f"{item.chance:.1g}")  # fmt: skip
    return table


def _growth(report: SearchReport) -> list[str]:
    """How the front grew, over evaluations and over time."""
    standing = report.standing
    if standing is None or len(standing.after) < 2:
        return []
    seconds = report.history.seconds[standing.after - 1]
    text = "share of the final front's hypervolume (%)"
    lines = [Line(report.history.name, x, standing.curve) for x in (standing.after.astype(np.float64), seconds)]
    axes = zip(lines, (EVALUATIONS, SECONDS))
    return [growth([line], item, text, COLOURS[:1]) for line, item in axes if (line.x > 0).any()]


def _row(history: History, place: int) -> dict[str, Any]:
    items = [goal.objective for goal in history.goals]
    return {
        "number": place,
        "goals": [show(item, float(value)) for item, value in zip(items, history.values[place])],
        "sort": [float(value) for value in history.values[place]],
        "others": [show(item, float(history.columns[item.key][place])) for item in _others(history)],
        "text": design_text(history, place),
    }


def _others(history: History) -> list[Objective]:
    """Metrics that are no goals, where any design has one; what should be large first."""
    goals = {goal.objective.key for goal in history.goals}
    columns = history.columns
    found = [item for item in history.metrics if item.key not in goals and np.isfinite(columns[item.key]).any()]
    return sorted(found, key=lambda item: not item.higher_is_better)


def _design(history: History, place: int) -> dict[str, Any]:
    row = history.archive.row(place)
    goals = {goal.objective.key: float(v) for goal, v in zip(history.goals, history.values[place])}
    return {
        "number": place,
        "metrics": {**row.metrics, **goals},
        "text": design_text(history, place),
        "genome": row.genome.tolist(),
    }


def _point(measure: Measure, point: Any) -> dict[str, float]:
    items = [goal.objective for goal in measure.goals]
    return {item.key: float(item.minimised(value)) for item, value in zip(items, point)}
