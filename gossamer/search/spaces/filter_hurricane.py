"""The filter `hurricane`: at every place keep the operators with which a target works best.

Zhang et al. 2020 (Fast Hardware-Aware NAS) keep four or five of 32 operators a layer, by their latency on the target
and their FLOPs. Here the score of a value is its multiply-accumulates per second (or per joule) on the target, summed
over the same sampled designs for all values; what adds no layer (skip) costs nothing and always stays.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gossamer.backends.base import Backend
from gossamer.ir.errors import SearchError
from gossamer.ir.hardware import Hardware
from gossamer.search.choices import Choice
from gossamer.search.costs.columns import macs
from gossamer.search.spaces.base import Matrix, NetworkSpace
from gossamer.search.spaces.filter import layer_costs, matching, needed, touched
from gossamer.search.spaces.narrowed import narrowed


@dataclass(frozen=True)
class Hurricane:
    """keep: values left of each choice, fewer where fewer fit. choices: patterns of names; empty: those whose values
    are names of operators. bits: of all tensors when priced, on the target's default hardware. samples: designs a
    value is tried in.
    """

    keep: int = 4
    metric: Literal["latency", "energy"] = "latency"
    choices: tuple[str, ...] = ()
    bits: int = 8
    samples: int = 8

    def __post_init__(self) -> None:
        for what in ("keep", "bits", "samples"):
            if getattr(self, what) < 1:
                raise SearchError(f"filter 'hurricane': {what} = {getattr(self, what)}; it must be at least 1")

    def apply(self, space: NetworkSpace, backend: Backend | None, seed: int) -> NetworkSpace:
        """SearchError: no target, no such choice, or a place where nothing fits the target."""
        target = needed(backend, "hurricane")
        designs, hardware = space.sample(self.samples, np.random.default_rng(seed)), target.hardware()
        kept = [
            (choice.name, tuple(choice.values[place] for place in self._best(space, choice, designs, target, hardware)))
            for choice in self._choices(space)
            if len(choice.values) > self.keep
        ]
        return narrowed(space, tuple(kept))

    def _choices(self, space: NetworkSpace) -> tuple[Choice, ...]:
        found = matching(space.choices, self.choices)
        found = found or tuple(item for item in space.choices.items if isinstance(item.values[0], str))
        if not found:
            names = ", ".join(item.name for item in space.choices.items[:6])
            raise SearchError(
                f"filter 'hurricane': no choice of space '{space.name}' is between operators; say which it is about, "
                f"such as choices: ['*.kernel']; there are {names}, ..."
            )
        return found

    def _best(
        self, space: NetworkSpace, choice: Choice, designs: np.ndarray, backend: Backend, hardware: Hardware
    ) -> list[int]:
        found = touched(space, choice, designs, self.bits)
        work = found.totals(macs(found.rows).astype(np.float64))
        cost = found.totals(layer_costs(found.rows, backend, hardware, self.metric))
        if not np.isfinite(cost).any():
            raise SearchError(f"filter 'hurricane': no value of '{choice.name}' fits {backend.name} with its defaults")
        score = _efficiency(work, cost)
        best = np.argsort(-score, kind="stable")[: self.keep]
        return sorted(best[score[best] >= 0].tolist())


def _efficiency(work: Matrix, cost: Matrix) -> Matrix:
    """Work per cost; infinite for what is free, nothing for what does not fit."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(cost == 0, np.inf, np.where(np.isfinite(cost), work / cost, -1.0))
