"""What is said about a search: facts, sentences on how to read the numbers, and names for designs."""

from collections import Counter

import numpy as np

from gossamer.report.searches.history import History
from gossamer.report.searches.measure import Measure, Standing
from gossamer.search.metrics import show
from gossamer.search.tables import WORDS

STATES = {
    "running": ["The search is running; this is what there is by now."],
    "stopped": ["The search was stopped before its end; the same command goes on from here."],
}


def facts(history: History, measure: Measure | None, standing: Standing | None) -> dict[str, str]:
    """Names and values for the head of a report."""
    lost: Counter[str] = Counter()
    found = {
        "state": history.state,
        "evaluated": f"{len(history):,}",
        "within all limits": f"{int(history.feasible.sum()):,}",
        "on the front": f"{len(history.front):,}",
    }
    for (status, _), count in history.archive.counts().items():
        lost[status] += count
    found |= {WORDS[status]: f"{count:,}" for status, count in lost.items() if status != "ok"}
    for goal, place in zip(history.goals, range(len(history.goals))) if len(history.front) else ():
        item, values = goal.objective, history.values[history.front, place]
        best = values.max() if item.higher_is_better else values.min()
        found[f"best {item.label}"] = show(item, float(best))
    if standing is not None and measure is not None and len(history.goals) > 1:
        found["hypervolume, tight point"] = f"{standing.tight_box:.3f}"
        found["hypervolume, far point"] = f"{standing.far_box:.3f}"
    found["search time"] = _duration(float(history.seconds[-1]))
    return found


def sentences(history: History, measure: Measure | None, standing: Standing | None) -> list[str]:
    """How to read the numbers, and what went wrong."""
    found = list(STATES.get(history.state, []))
    if measure is None or standing is None:
        texts = ", ".join(limit.text for limit in history.limits)
        found.append(f"No design has a value and meets the limits ({texts or 'none'}) so far: {_nearest(history)}.")
    elif len(history.goals) == 1:
        found.append("With one objective the front is the best design; curves: its way from the reference point.")
    else:
        found.append(references(measure, standing))
        if len(history.front) == 1:
            found.append("The front is one design, which fills its box whatever it is worth.")
    lost = [item for item in history.archive.counts().items() if item[0][0] != "ok"]
    found += [_lost(status, why, count) for (status, why), count in lost[:5]]
    if len(history.archive) and history.processes > 1:
        found.append(f"{history.processes} processes worked on it, one after the other or together.")
    return found


def references(measure: Measure, standing: Standing) -> str:
    """Both hypervolumes, with what they are relative to."""
    origin = "as given" if measure.given else "the worst of the front, moved out by a tenth of its extent"
    return (
        f"Hypervolume is the part of the box between the front's best values and a reference point that the front "
        f"beats. With the tight point ({measure.said(measure.tight)}: {origin}) it is {standing.tight_box:.3f}; with a "
        f"far one ({measure.said(measure.far)}: the worst of all that was evaluated) it is {standing.far_box:.3f}. "
        "A far point makes nearly any front look complete; it serves only to compare with papers that use one."
    )


def design_title(history: History, place: int) -> str:
    """A design's number and goals: what a mark in a picture says."""
    items = [goal.objective for goal in history.goals]
    shown = [f"{item.label} {show(item, float(value))}" for item, value in zip(items, history.values[place])]
    return "\n".join([f"design {place}", *shown])


def design_text(history: History, place: int) -> str:
    """`name=value ...` of its choices."""
    return history.choices.text(history.archive.row(place).genome)


def _nearest(history: History) -> str:
    """The design that misses the limits by least."""
    if not history.limits:
        return "none of them fits and has a finite value of every objective"
    if not history.evaluated.any():
        return "none of them fits and has a finite value of every objective"
    missed = np.stack([limit.violation(limit.column(history.columns)) for limit in history.limits], axis=1)
    place = int(np.where(history.evaluated, np.maximum(missed, 0).sum(axis=1), np.inf).argmin())
    values = [(limit.objective, float(limit.column(history.columns)[place])) for limit in history.limits]
    return "the nearest has " + ", ".join(f"{item.label} = {show(item, value)}" for item, value in values)


def _lost(status: str, why: str, count: int) -> str:
    if status == "unfit":
        who = "One design does not fit its" if count == 1 else f"{count:,} designs do not fit their"
        return f"{who} hardware: {why}."
    who = "One design has" if count == 1 else f"{count:,} designs have"
    return f"{who} no value: {why or 'a metric is not finite'}."


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
