"""Axes of pictures: which unit, which range, which ticks.

    axis = axis_of(objective, values)
    axis.place(0.002)           # 0 at the low end, 1 at the high end
    axis.ticks()                # round values in the unit of `axis.title`
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gossamer.report.units import prefix_of, takes_prefix
from gossamer.search.metrics import Objective, is_share

MOST_TICKS = 9


@dataclass(frozen=True)
class Axis:
    """`factor`: what one of the title's unit is, in the unit of the values."""

    title: str
    factor: float
    low: float
    high: float
    log: bool

    def place(self, value: float) -> float:
        """0 at the low end, 1 at the high end."""
        if not self.log:
            return (value - self.low) / (self.high - self.low)
        return math.log(max(value, 1e-300) / self.low) / math.log(self.high / self.low)

    def ticks(self) -> list[float]:
        if not self.log:
            step = _round_step((self.high - self.low) / self.factor / 5) * self.factor
            first = math.ceil(self.low / step - 1e-9)
            return [step * (first + i) for i in range(int((self.high - first * step) / step + 1e-9) + 1)]
        decades = range(
            math.floor(math.log10(self.low / self.factor)), math.ceil(math.log10(self.high / self.factor)) + 1
        )
        marks = [self.factor * m * 10.0**d for d in decades for m in (1, 2, 5)]
        inside = [mark for mark in marks if self.low <= mark <= self.high]
        if len(inside) <= MOST_TICKS:
            return inside
        return [self.factor * 10.0**d for d in decades if self.low <= self.factor * 10.0**d <= self.high]


def axis_of(item: Objective, values: Sequence[float]) -> Axis:
    """An axis that holds the finite ones of `values`; logarithmic where they span much."""
    finite = sorted(v for v in values if math.isfinite(v)) or [0.0, 1.0]
    low, high = finite[0], finite[-1]
    if is_share(item):
        pad = max(0.002, 0.06 * (high - low))
        return Axis(f"{item.label} (%)", 0.01, low - pad, min(1.0, high) + pad, False)
    factor, prefix = prefix_of(finite[len(finite) // 2]) if takes_prefix(item.unit) else (1.0, "")
    unit = "mm²" if item.unit == "mm2" else (prefix + item.unit).replace("u", "µ")
    title = f"{item.label} ({unit})" if unit else item.label
    if low > 0 and high / low > 8:
        return Axis(title, factor, low / 1.25, high * 1.25, True)
    pad = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
    return Axis(title, factor, low - pad, high + pad, False)


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(m for m in (1, 2, 5, 10) if m * power >= step * 0.999) * power
