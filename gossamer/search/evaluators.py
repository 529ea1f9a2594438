"""The seam of what a design is worth: metrics of genomes, whatever they come from.

An evaluator gives one or more metrics with units: a published table, the cost of layers on a target, a training, a
count. Its settings are a frozen dataclass found through the entry-point group `gossamer.evaluators`; a search builds it
once in every process that evaluates (`start`), so settings must pickle and `evaluate` must be deterministic.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from gossamer.search.choices import Genomes
from gossamer.search.inner import Columns
from gossamer.search.objectives import Objective
from gossamer.search.space import CoDesignSpace

Progress = Callable[[str, int, int], None]
"""(what is going on, how much is done, of how much)."""


@dataclass(frozen=True)
class Context:
    """Where an evaluator runs. `data`: name of the images to train on ("digits", "mnist:PATH"); `folder`: of the run,
    for what is worth keeping (weights of a supernet).
    """

    space: CoDesignSpace
    seed: int
    data: str
    folder: Path
    progress: Progress


class Evaluator(Protocol):
    """Ready to evaluate. One may say more of itself: `isolated` (it takes seconds a design or may crash, so an executor
    runs it), `slow` (its first answer takes long: it trains something), `weights(genome)` (of the parameters of the
    space's module) or `module(genome)` (the trained network in float, for one image).
    """

    @property
    def metrics(self) -> tuple[Objective, ...]:
        """What `evaluate` gives, in order."""
        ...

    def evaluate(self, genomes: Genomes) -> Columns:
        """A value per metric (by `Objective.key`) and design; nan where a design has none. [P, genes] repaired."""
        ...


class EvaluatorSettings(Protocol):
    """The options of an evaluator."""

    def start(self, context: Context) -> Evaluator: ...


SHARED = ("accuracy", "macs", "params", "weight_bytes")
"""Metrics of a network alone: the same on every target."""


@dataclass(frozen=True)
class ForTarget:
    """An evaluator of one target among several: what depends on the target is called `latency@pixel3`."""

    part: EvaluatorSettings
    target: str

    def start(self, context: Context) -> Evaluator:
        return TargetEvaluator(self.part.start(context), self.target)


class TargetEvaluator:
    """See ForTarget."""

    def __init__(self, inner: Evaluator, target: str) -> None:
        self._inner = inner
        self.isolated, self.slow = (bool(getattr(inner, name, False)) for name in ("isolated", "slow"))
        self._names = {
            item.key: item.key if item.key in SHARED else f"{item.key}@{target}" for item in inner.metrics
        }
        self.metrics = tuple(
            item if item.key in SHARED else replace(item, key=self._names[item.key], label=f"{item.label}@{target}")
            for item in inner.metrics
        )

    def evaluate(self, genomes: Genomes) -> Columns:
        return {self._names[key]: column for key, column in self._inner.evaluate(genomes).items()}


@dataclass(frozen=True)
class Together:
    """Several evaluators as one. Later ones are not asked about designs that an earlier one found not to exist
    (infinite), so cheap ones come first.
    """

    parts: Sequence[Evaluator]

    @property
    def metrics(self) -> tuple[Objective, ...]:
        """Each once: the first evaluator that gives a metric is the one that is believed."""
        found: dict[str, Objective] = {}
        for item in (item for part in self.parts for item in part.metrics):
            found.setdefault(item.key, item)
        return tuple(found.values())

    def evaluate(self, genomes: Genomes) -> Columns:
        found: Columns = {}
        alive = np.ones(len(genomes), np.bool_)
        for part in self.parts:
            values = part.evaluate(genomes[alive]) if alive.any() else {}
            for item in (item for item in part.metrics if item.key not in found):
                column = np.full(len(genomes), np.nan)
                if alive.any():
                    column[alive] = values[item.key]
                found[item.key] = column
            for item in part.metrics:
                alive &= ~np.isposinf(found[item.key])
        return found
