"""What a search optimises and what it must not exceed, with units.

    goals = resolve(["accuracy", "latency@worst", {"weighted_sum": {"accuracy": 1, "energy": -2}}], evaluator.metrics)
    points = matrix(goals, columns)                                 # [designs, goals], less is better
    limits = parse_limits(["latency<=2ms", "accuracy>=96%"], evaluator.metrics)

Metrics and units are in gossamer.search.metrics, goals made of several in goals and weighted, limits in limits; all are
reached from here.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gossamer.ir.errors import SearchError
from gossamer.search.goals import Goal, named
from gossamer.search.limits import Limit, parse_limit, parse_limits, violations
from gossamer.search.metrics import OBJECTIVES, UNITS, Metrics, Objective, Values, show
from gossamer.search.weighted import combined

__all__ = [
    "OBJECTIVES",
    "UNITS",
    "Goal",
    "Limit",
    "Metrics",
    "Objective",
    "matrix",
    "objective",
    "parse_limit",
    "parse_limits",
    "parse_objectives",
    "resolve",
    "show",
    "violations",
]


def resolve(
    nodes: "str | Iterable[str | Mapping[str, Any]]", metrics: Iterable[Objective] | None = None
) -> tuple[Goal, ...]:
    """Names ("accuracy", "edp", "latency@worst") and mappings (see weighted) -> goals over `metrics`, by default what
    every target's cost table gives. At least one, each once; one text may hold several names, with commas.
    """
    known = tuple(OBJECTIVES.values() if metrics is None else metrics)
    found = tuple(
        named(node, known) if isinstance(node, str) else combined(node, known) for node in _listed(nodes)
    )
    if not found:
        raise SearchError(f"a search needs at least one objective (known: {', '.join(item.label for item in known)})")
    keys = [goal.objective.key for goal in found]
    for place, key in enumerate(keys):
        if key in keys[:place]:
            label = found[place].objective.label
            raise SearchError(f"an objective is named twice: '{label}'; say it once, or give one another `name`")
    return found


def matrix(goals: Iterable[Goal], metrics: Metrics) -> Values:
    """[designs, goals], less is better."""
    return np.stack([goal.objective.minimised(goal.column(metrics)) for goal in goals], axis=1)


def objective(name: str) -> Objective:
    """A metric of every target's by what a user calls it or by its column. SearchError names the nearest."""
    return named(name, tuple(OBJECTIVES.values())).objective


def parse_objectives(names: str | Iterable[str]) -> tuple[Objective, ...]:
    """Metrics of every target's cost table: at least one, each once."""
    return tuple(goal.objective for goal in resolve(names))


def _listed(nodes: "str | Iterable[str | Mapping[str, Any]]") -> Sequence[str | Mapping[str, Any]]:
    every = nodes.split(",") if isinstance(nodes, str) else nodes
    words = [node.strip() if isinstance(node, str) else node for node in every]
    return [word for word in words if word]
