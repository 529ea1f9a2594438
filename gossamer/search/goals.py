"""What a search optimises: a metric, or a number made of several.

    named("accuracy", metrics)          the metric itself
    named("edp", metrics)               energy * latency; also edap (* area) and perf_per_area (1 / latency / area)
    named("latency@worst", metrics)     over all targets that have a latency; also latency@mean

Weighted sums and products have options: see gossamer.search.weighted. A goal is where a design has no value (nan) or
does not fit (infinite) if one of its parts is: infinite on the worse side.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gossamer.ir.errors import SearchError, nearest
from gossamer.search.metrics import Metrics, Objective, Values


class Goal(Protocol):
    """One axis of a search and how its values come about."""

    @property
    def objective(self) -> Objective:
        """Its name, unit and direction; the key is not the column of a metric unless the goal is one."""
        ...

    def column(self, metrics: Metrics) -> Values:
        """[designs] values, from the columns of all metrics."""
        ...


@dataclass(frozen=True)
class Factor:
    """A part of a product: (value / target) ^ exponent; `within` is the exponent where the value is no worse than
    `target`, `beyond` where it is.
    """

    goal: Goal
    within: float
    beyond: float
    target: float = 1.0

    def values(self, metrics: Metrics) -> Values:
        ratio = self.goal.column(metrics) / self.target
        good = ratio >= 1 if self.goal.objective.higher_is_better else ratio <= 1
        with np.errstate(all="ignore"):
            return ratio ** np.where(good, self.within, self.beyond)


@dataclass(frozen=True)
class Product:
    """The product of its factors."""

    objective: Objective
    factors: tuple[Factor, ...]

    def column(self, metrics: Metrics) -> Values:
        with np.errstate(all="ignore"):
            found = np.prod([factor.values(metrics) for factor in self.factors], axis=0)
        return honest(found, self.objective, [factor.goal.column(metrics) for factor in self.factors])


@dataclass(frozen=True)
class Term:
    """A part of a sum: weight * value / per."""

    goal: Goal
    weight: float
    per: float = 1.0


@dataclass(frozen=True)
class Sum:
    """The sum of its terms."""

    objective: Objective
    terms: tuple[Term, ...]

    def column(self, metrics: Metrics) -> Values:
        columns = [term.goal.column(metrics) for term in self.terms]
        with np.errstate(all="ignore"):
            found = np.sum([term.weight / term.per * column for term, column in zip(self.terms, columns)], axis=0)
        return honest(found, self.objective, columns)


@dataclass(frozen=True)
class Over:
    """The worst or the mean of one goal over several targets, each divided by a scale of its own."""

    objective: Objective
    parts: tuple[Goal, ...]
    mean: bool
    scales: tuple[float, ...]

    def column(self, metrics: Metrics) -> Values:
        columns = np.stack([part.column(metrics) / scale for part, scale in zip(self.parts, self.scales)])
        worst = columns.min(axis=0) if self.objective.higher_is_better else columns.max(axis=0)
        return honest(columns.mean(axis=0) if self.mean else worst, self.objective, list(columns))


def honest(values: Values, item: Objective, parts: Sequence[Values]) -> Values:
    """`values` where all parts are finite; nan where a part has no value, infinitely bad where one is infinite."""
    every = np.stack(parts)
    worst = -np.inf if item.higher_is_better else np.inf
    found = np.where(np.isinf(every).any(axis=0), worst, values)
    return np.where(np.isnan(every).any(axis=0), np.nan, found)


def named(name: str, metrics: Sequence[Objective]) -> Goal:
    """What a user calls `name`: a metric by label or column, a standard product, or a metric over all targets.
    SearchError names the nearest.
    """
    for item in metrics:
        if name in (item.label, item.key):
            return item
    base, _, target = name.partition("@")
    if target in ("worst", "mean"):
        return over(base, target, metrics)
    if base in STANDARD:
        return STANDARD[base](target, metrics)
    several = [item for item in metrics if not target and name in _bases(item)]
    if len(several) == 1:
        return several[0]
    if several:
        labels = ", ".join(item.label for item in several)
        raise SearchError(f"'{name}' is measured on several targets; say {name}@worst, {name}@mean or one of {labels}")
    raise SearchError(f"unknown objective '{name}'{nearest(name, _known(metrics))}")


def over(base: str, how: str, metrics: Sequence[Objective], scales: Mapping[str, float] | None = None) -> Over:
    """`how` ("worst" or "mean") of a goal over its targets: those of `scales` (target -> scale), or else all."""
    parts = _per_target(base, metrics)
    if not parts:
        raise SearchError(f"{base}@{how}: {base} is not measured per target{nearest(base, _known(metrics))}")
    unknown = [target for target in scales or () if target not in parts]
    if unknown:
        raise SearchError(f"no {base} on a target '{unknown[0]}'{nearest(unknown[0], parts)}")
    chosen = dict.fromkeys(parts, 1.0) if scales is None else scales
    first = next(iter(parts.values())).objective
    key, label = (text.partition("@")[0] for text in (first.key, first.label))
    item = Objective(
        f"{key}@{how}", f"{label}@{how}", first.unit if scales is None else "", first.higher_is_better
    )
    return Over(item, tuple(parts[target] for target in chosen), how == "mean", tuple(chosen.values()))


def _per_target(base: str, metrics: Sequence[Objective]) -> dict[str, Goal]:
    """Target -> the goal `base` there."""
    needed = "latency" if base in STANDARD else base
    targets = [_target(item) for item in metrics if "@" in item.label and needed in _bases(item)]
    return {target: named(f"{base}@{target}", metrics) for target in targets}


def _product(
    label: str, key: str, unit: str, exponents: Mapping[str, int]
) -> Callable[[str, Sequence[Objective]], Goal]:
    def build(target: str, metrics: Sequence[Objective]) -> Goal:
        tail = f"@{target}" if target else ""
        factors = tuple(
            Factor(_on(part, tail, metrics), float(power), float(power)) for part, power in exponents.items()
        )
        return Product(Objective(key + tail, label + tail, unit, all(p < 0 for p in exponents.values())), factors)

    return build


STANDARD: Mapping[str, Callable[[str, Sequence[Objective]], Goal]] = {
    "edp": _product("edp", "edp_js", "J*s", {"energy": 1, "latency": 1}),
    "edap": _product("edap", "edap_jsmm2", "J*s*mm2", {"energy": 1, "latency": 1, "area": 1}),
    "perf_per_area": _product("perf_per_area", "perf_per_area", "1/(s*mm2)", {"latency": -1, "area": -1}),
    "power": _product("power", "power_w", "W", {"energy": 1, "latency": -1}),
}
"""Goals made of metrics by their names: energy-delay product, energy-delay-area product, inferences per second and
mm2, mean power.
"""


def _on(part: str, tail: str, metrics: Sequence[Objective]) -> Goal:
    """A part on the product's target; an area is often the chip's alone."""
    found = next((item for item in metrics if item.label == part + tail), None)
    return found if found is not None else named(part, metrics)


def _bases(item: Objective) -> tuple[str, str]:
    return item.label.partition("@")[0], item.key.partition("@")[0]


def _target(item: Objective) -> str:
    return item.label.partition("@")[2]


def _known(metrics: Sequence[Objective]) -> list[str]:
    return [item.label for item in metrics]
