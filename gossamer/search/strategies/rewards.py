"""What a learning controller is rewarded with: scale-free, feasible before infeasible.

    feasible     1 - (f - low) / (high - low), at least 0     low: best feasible value told, high: their 90th percentile
    infeasible   -v / (1 + v)                                 v: sum of what the design misses; -1 without values

So a metric's unit does not matter to a learning rate, and one absurdly bad design does not flatten the others.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

_HIGH = 0.9
_LEAST_SPREAD = 0.05


@dataclass
class Rewards:
    """Values told so far, and the moving average of rewards that advantages are counted from (Williams 1992).
    `memory`: share of the old average kept at each batch.
    """

    memory: float = 0.8
    _fine: list[float] = field(default_factory=list)
    _average: float | None = None

    def add(self, values: Vector, bad: Vector) -> None:
        """[n] values of designs told for the first time, and what they miss."""
        self._fine.extend(values[bad == 0].tolist())

    def of(self, values: Vector, bad: Vector) -> Vector:
        """[n] rewards, -1 to 1."""
        missed = np.where(np.isfinite(bad), bad / (1.0 + np.minimum(bad, 1e12)), 1.0)
        if not self._fine:
            return -missed
        fine = np.array(self._fine)
        low, high = fine.min(), np.quantile(fine, _HIGH)
        clean = np.where(bad == 0, values, high)
        unit = (clean - low) / max(high - low, 1e-30)
        return np.where(bad == 0, np.maximum(1.0 - unit, 0.0), -missed)

    def advantages(self, rewards: Vector) -> Vector:
        """Rewards from the moving average, in deviations of this batch; the average moves on."""
        average = float(rewards.mean()) if self._average is None else self._average
        self._average = self.memory * average + (1 - self.memory) * float(rewards.mean())
        return (rewards - average) / max(float(rewards.std()), _LEAST_SPREAD)
