"""What a design must not exceed, or must reach.

    parse_limits(["latency<=2ms", "area<=4mm2", "accuracy>=96%", "latency@worst<=20ms"], metrics)
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gossamer.ir.errors import SearchError
from gossamer.search.goals import Goal, named
from gossamer.search.metrics import OBJECTIVES, Metrics, Objective, Values, quantity

MISSING = 1e9
"""The violation of a design that has no value: worse than any that has one."""

_LIMIT = re.compile(r"\s*([\w@.:/+-]+?)\s*(<=|>=|<|>|=+)\s*([-+0-9.eE]+\s*\S*)\s*")


@dataclass(frozen=True)
class Limit:
    """`text` is what the user wrote. `sign` +1: the value must not exceed `bound`; -1: it must reach it."""

    goal: Goal
    bound: float
    sign: int
    text: str

    @property
    def objective(self) -> Objective:
        return self.goal.objective

    def column(self, metrics: Metrics) -> Values:
        """What it bounds, of every design."""
        return self.goal.column(metrics)

    def violation(self, values: Values) -> Values:
        """By which part of the bound each value misses it; <= 0 where it holds, 1e9 where there is no value."""
        missed = self.sign * (values - self.bound) / (abs(self.bound) or 1.0)
        return np.where(np.isfinite(values), missed, MISSING)

    def holds(self, value: float) -> bool:
        return bool(self.violation(np.array([value]))[0] <= 0)


def parse_limits(texts: Iterable[str], metrics: Iterable[Objective] | None = None) -> tuple[Limit, ...]:
    """Limits on `metrics` (by default what every target's cost table gives). SearchError as `parse_limit`."""
    known = tuple(OBJECTIVES.values() if metrics is None else metrics)
    return tuple(parse_limit(text, known) for text in texts)


def parse_limit(text: str, metrics: Sequence[Objective] = tuple(OBJECTIVES.values())) -> Limit:
    """`latency<=2ms`. SearchError when it does not parse, the unit is wrong, or no value can ever meet it."""
    match = _LIMIT.fullmatch(text)
    if match is None:
        raise SearchError(f"limit '{text}' is not like latency<=2ms: name, <= or >=, number, unit")
    goal = named(match[1], metrics)
    if match[2] not in ("<=", ">="):
        raise SearchError(f"limit '{text}': only <= and >= are known, not {match[2]}")
    bound = quantity(match[3], goal.objective, f"limit '{text}'")
    limit = Limit(goal, bound, 1 if match[2] == "<=" else -1, text)
    _refuse_absurd(limit)
    return limit


def _refuse_absurd(limit: Limit) -> None:
    item = limit.objective
    if limit.sign < 0 and item.key.partition("@")[0] == "accuracy" and limit.bound > 1:
        raise SearchError(f"limit '{limit.text}' is impossible: accuracy is at most 100 %")
    if limit.sign > 0 and limit.bound <= 0 and not item.higher_is_better:
        raise SearchError(f"limit '{limit.text}' is impossible: {item.label} is always above 0")


def violations(limits: Iterable[Limit], metrics: Metrics) -> Values:
    """[designs, limits + 1]: one column per limit, and one for what fits no chip (a metric of +infinity) or was
    not evaluated at all; <= 0 is met.
    """
    columns = [limit.violation(limit.column(metrics)) for limit in limits]
    every = np.stack([np.asarray(column, np.float64) for column in metrics.values()])
    unfit = np.isposinf(every).any(axis=0) | np.isnan(every).all(axis=0)
    return np.stack([*columns, np.where(unfit, MISSING, -1.0)], axis=1)
