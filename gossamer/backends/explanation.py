"""Why a target compiles a network as it does: what each layer was scheduled as, what bounds it, what else there was.

A backend that can say has `explain(module)`; one that cannot is as good a backend.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from gossamer.ir.graph import Module


@dataclass(frozen=True)
class Explanation:
    """One layer, by the target's model.

    `macs_per_byte`: arithmetic intensity, multiply-accumulates per byte of weights, inputs and outputs.
    `parts_s`: part of the machine -> seconds it is busy; `bound` the busiest, `predicted_s` of all together.
    `runner_up`: the best of the other legal schedules, `runner_up_ratio` its prediction over that of the chosen one.
    `relative_error`: expected rms error over rms output that the algorithm adds; None where it adds none.
    `copied_bytes`: bytes turned over or copied because operands lie in other layouts than the layer reads best.
    `peak_macs_per_s`: what the machine can do at most in this precision.
    """

    title: str
    algorithm: str
    schedule: str
    macs: int
    macs_per_byte: float
    parts_s: Mapping[str, float]
    bound: str
    predicted_s: float | None
    runner_up: str
    runner_up_ratio: float | None
    relative_error: float | None
    copied_bytes: int
    peak_macs_per_s: float


@runtime_checkable
class Explains(Protocol):
    """A backend that can say why."""

    def explain(self, module: Module) -> tuple[Explanation, ...]:
        """One explanation a node that is computed, in order."""
        ...
