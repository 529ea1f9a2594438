"""Metrics of a design, with their units.

    Objective("latency_s@pixel3", "latency@pixel3", "s")

Values are kept in the unit of their column: fractions, seconds, joules, mm2, J*s, bytes. A metric that exists once per
target has a column for each, named `key@target`.
Invariant: `quantity(show(metric, value), metric)` is `value` again, but for rounding.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError

Values: TypeAlias = NDArray[np.float64]
Metrics: TypeAlias = Mapping[str, Values]
"""Column name -> one value per design."""


@dataclass(frozen=True)
class Objective:
    """One axis. `key` is its column, `label` what a user calls it, `unit` the unit of the column ("" for counts)."""

    key: str
    label: str
    unit: str
    higher_is_better: bool = False

    @property
    def objective(self) -> "Objective":
        """A metric is the simplest goal: see gossamer.search.goals."""
        return self

    def column(self, metrics: Metrics) -> Values:
        """Its values among all metrics."""
        return metrics[self.key]

    def minimised(self, values: Values) -> Values:
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
"""What every target's cost table gives, and accuracy."""

UNITS: Mapping[str, Mapping[str, float]] = {
    "": {"": 1.0, "%": 0.01, "k": 1e3, "M": 1e6, "G": 1e9},
    "s": {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9},
    "J": {"J": 1.0, "mJ": 1e-3, "uJ": 1e-6, "nJ": 1e-9},
    "W": {"W": 1.0, "mW": 1e-3, "uW": 1e-6},
    "mm2": {"mm2": 1.0, "um2": 1e-6, "cm2": 1e2},
    "J*s": {"J*s": 1.0, "mJ*ms": 1e-6, "uJ*ms": 1e-9, "uJ*us": 1e-12, "nJ*s": 1e-9},
    "B": {"B": 1.0, "kB": 1e3, "KiB": 1024.0, "MB": 1e6, "MiB": 1024.0**2},
}

_QUANTITY = re.compile(r"\s*([-+0-9.eE]+)\s*(\S*)\s*")


def units_of(item: Objective) -> Mapping[str, float]:
    """What a value of it may be written in: unit -> factor to the column's own."""
    return UNITS.get(item.unit, {item.unit: 1.0})


def quantity(given: str | float, item: Objective, where: str) -> float:
    """`"80 ms"` as seconds. A bare number is taken only where the metric has no unit. SearchErrors begin with `where`.
    """
    match = _QUANTITY.fullmatch(str(given))
    if match is None:
        raise SearchError(f"{where}: '{given}' is not a number with a unit, such as 80ms")
    units = units_of(item)
    if match[2] not in units:
        known = ", ".join(unit for unit in units if unit)
        raise SearchError(f"{where}: {item.label} is measured in {known}, not '{match[2]}'")
    try:
        value = float(match[1]) * units[match[2]]
    except ValueError:
        raise SearchError(f"{where}: '{match[1]}' is not a number") from None
    if not math.isfinite(value):
        raise SearchError(f"{where}: '{given}' is too large a number")
    return value


def is_share(item: Objective) -> bool:
    """Whether it is shown as per cent."""
    return item.key.partition("@")[0].startswith("accuracy")


def show(item: Objective, value: float) -> str:
    """A value in the unit that reads best: `2.3 ms`, `96.4 %`."""
    if not math.isfinite(value):
        return "none"
    if is_share(item):
        return f"{100 * value:.4g} %"
    units = sorted(units_of(item).items(), key=lambda pair: pair[1])
    fitting = [(name, factor) for name, factor in units if factor <= abs(value) and name != "%"] or units[:1]
    if fitting[-1][0] == "%":  # below one there is no smaller unit than the number itself
        fitting = [("", 1.0)]
    name, factor = fitting[-1] if item.unit not in ("mm2", "J*s") else (item.unit, 1.0)
    return f"{value / factor:.4g} {name}".strip()
