"""What a search optimises and what it must not exceed, with units.

    parse_objectives("accuracy,latency,energy,area")
    parse_limits(["latency<=2ms", "area<=4mm2", "accuracy>=96%"])

Values are kept in the unit of their column: fractions, seconds, joules, mm2, J*s, bytes.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError, nearest

Metrics = Mapping[str, NDArray[np.float64]]
"""Column name -> one value per design."""


@dataclass(frozen=True)
class Objective:
    """One axis. `key` is its column, `label` what a user calls it, `unit` the unit of the column ("" for counts)."""

    key: str
    label: str
    unit: str
    higher_is_better: bool = False

    def minimised(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The values with a sign that makes less better."""
        return -values if self.higher_is_better else values


OBJECTIVES: Mapping[str, Objective] = {
    item.label: item
    for item in (
        Objective("accuracy", "accuracy", "", higher_is_better=True),
        Objective("latency_s", "latency", "s"),
        Objective("energy_j", "energy", "J"),
        Objective("area_mm2", "area", "mm2"),
        Objective("edp_js", "edp", "J*s"),
        Objective("macs", "macs", ""),
        Objective("weight_bytes", "weights", "B"),
    )
}

UNITS: Mapping[str, Mapping[str, float]] = {
    "": {"": 1.0, "%": 0.01, "k": 1e3, "M": 1e6, "G": 1e9},
    "s": {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9},
    "J": {"J": 1.0, "mJ": 1e-3, "uJ": 1e-6, "nJ": 1e-9},
    "mm2": {"mm2": 1.0, "um2": 1e-6, "cm2": 1e2},
    "J*s": {"J*s": 1.0, "mJ*ms": 1e-6, "uJ*ms": 1e-9, "uJ*us": 1e-12, "nJ*s": 1e-9},
    "B": {"B": 1.0, "kB": 1e3, "KiB": 1024.0, "MB": 1e6, "MiB": 1024.0**2},
}

_LIMIT = re.compile(r"\s*([A-Za-z_0-9]+)\s*(<=|>=|<|>|=+)\s*([-+0-9.eE]+)\s*(\S*)\s*")


@dataclass(frozen=True)
class Limit:
    """`text` is what the user wrote. `sign` +1: the value must not exceed `bound`; -1: it must reach it."""

    objective: Objective
    bound: float
    sign: int
    text: str

    def violation(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """By which part of the bound each value misses it; <= 0 where it holds, 1e9 where there is no value."""
        missed = self.sign * (values - self.bound) / (abs(self.bound) or 1.0)
        return np.where(np.isfinite(values), missed, 1e9)

    def holds(self, value: float) -> bool:
        return bool(self.violation(np.array([value]))[0] <= 0)


def objective(name: str) -> Objective:
    """By what a user calls it or by its column. SearchError names the nearest."""
    for item in OBJECTIVES.values():
        if name in (item.label, item.key):
            return item
    raise SearchError(f"unknown objective '{name}'{nearest(name, OBJECTIVES)}")


def parse_objectives(names: str | Iterable[str]) -> tuple[Objective, ...]:
    """At least one, each once."""
    words = [word.strip() for word in (names.split(",") if isinstance(names, str) else names)]
    found = tuple(objective(word) for word in words if word)
    if not found:
        raise SearchError(f"a search needs at least one objective (known: {', '.join(OBJECTIVES)})")
    if len(set(found)) != len(found):
        raise SearchError(f"an objective is named twice in '{','.join(words)}'")
    return found


def parse_limits(texts: Iterable[str]) -> tuple[Limit, ...]:
    return tuple(parse_limit(text) for text in texts)


def parse_limit(text: str) -> Limit:
    """`latency<=2ms`. SearchError when it does not parse, the unit is wrong, or no value can ever meet it."""
    match = _LIMIT.fullmatch(text)
    if match is None:
        raise SearchError(f"limit '{text}' is not like latency<=2ms: name, <= or >=, number, unit")
    item = objective(match[1])
    if match[2] not in ("<=", ">="):
        raise SearchError(f"limit '{text}': only <= and >= are known, not {match[2]}")
    units = UNITS[item.unit]
    if match[4] not in units:
        raise SearchError(
            f"limit '{text}': {item.label} is measured in {', '.join(u for u in units if u)}, not '{match[4]}'"
        )
    try:
        bound = float(match[3]) * units[match[4]]
    except ValueError:
        raise SearchError(f"limit '{text}': '{match[3]}' is not a number") from None
    limit = Limit(item, bound, 1 if match[2] == "<=" else -1, text)
    _refuse_absurd(limit)
    return limit


def _refuse_absurd(limit: Limit) -> None:
    if limit.sign < 0 and limit.objective.key == "accuracy" and limit.bound > 1:
        raise SearchError(f"limit '{limit.text}' is impossible: accuracy is at most 100 %")
    if limit.sign > 0 and limit.bound <= 0:
        raise SearchError(f"limit '{limit.text}' is impossible: {limit.objective.label} is always above 0")


def show(item: Objective, value: float) -> str:
    """A value in the unit that reads best: `2.3 ms`, `96.4 %`."""
    if item.key == "accuracy":
        return f"{100 * value:.4g} %"
    units = sorted(UNITS[item.unit].items(), key=lambda pair: pair[1])
    fitting = [(name, factor) for name, factor in units if factor <= abs(value) and name != "%"] or units[:1]
    name, factor = fitting[-1] if item.unit not in ("mm2", "J*s") else (item.unit, 1.0)
    return f"{value / factor:.4g} {name}".strip()


def matrix(objectives: Iterable[Objective], metrics: Metrics) -> NDArray[np.float64]:
    """[designs, objectives], less is better."""
    return np.stack([item.minimised(metrics[item.key]) for item in objectives], axis=1)


def violations(limits: Iterable[Limit], metrics: Metrics) -> NDArray[np.float64]:
    """[designs, limits + 1]: one column per limit, and one for what fits no chip; <= 0 is met."""
    columns = [limit.violation(metrics[limit.objective.key]) for limit in limits]
    unfit = np.where(np.isfinite(metrics["latency_s"]), -1.0, 1e9)
    return np.stack([*columns, unfit], axis=1)
