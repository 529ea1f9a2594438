"""The evaluators of a search, started: which run in this process, which in workers, and what they give together.

`instant` ones (tables, costs, counts) can be asked about thousands of designs before a search begins; slow ones train
something first; isolated ones take seconds a design or may crash, so an executor runs them.
"""

from copy import copy
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gossamer.ir.graph import Module
from gossamer.search.batches import with_batch
from gossamer.search.choices import Genomes
from gossamer.search.costs.evaluator import CostEvaluator
from gossamer.search.evaluators import Context, Evaluator, EvaluatorSettings, Progress, Together
from gossamer.search.experiment import Experiment
from gossamer.search.lower import build_module
from gossamer.search.lowered import Network
from gossamer.search.objectives import Objective
from gossamer.search.space import CoDesignSpace
from gossamer.search.spaces.base import Plannable


@dataclass(frozen=True)
class Panel:
    """`parts`: one started evaluator per setting of the experiment, in order."""

    space: CoDesignSpace
    settings: tuple[EvaluatorSettings, ...]
    parts: tuple[Evaluator, ...]
    seed: int

    @staticmethod
    def start(experiment: Experiment, space: CoDesignSpace, folder: Path, progress: Progress) -> "Panel":
        context = Context(space, experiment.seed, experiment.data, folder, progress)
        parts = tuple(item.start(context) for item in experiment.evaluators)
        return Panel(space, experiment.evaluators, parts, experiment.seed)

    @property
    def metrics(self) -> tuple[Objective, ...]:
        return Together(self.parts).metrics

    @cached_property
    def here(self) -> Together:
        """Those that run in this process."""
        return Together([part for part in self.parts if not isolated(part)])

    @cached_property
    def instant(self) -> Together:
        """Those that cost nothing to ask."""
        return Together([part for part in self.here.parts if not getattr(part, "slow", False)])

    @cached_property
    def outside(self) -> tuple[EvaluatorSettings, ...]:
        """Settings of those that an executor runs."""
        return tuple(item for item, part in zip(self.settings, self.parts) if isolated(part))

    @property
    def priced(self) -> tuple[str, ...]:
        """Keys of the metrics that are believed from the cost model of the search's own target."""
        first: dict[str, Evaluator] = {}
        for part in self.parts:
            for item in part.metrics:
                first.setdefault(item.key, part)
        return tuple(key for key, part in first.items() if self._prices(part))

    def _prices(self, part: Evaluator) -> bool:
        return isinstance(part, CostEvaluator) and part.table.space is self.space

    @property
    def trained(self) -> Evaluator | None:
        """The evaluator that has trained networks, if there is one."""
        return next((part for part in self.parts if hasattr(part, "module") or hasattr(part, "weights")), None)

    def network(self, genome: Genomes, name: str) -> Network:
        """A design's network: with the weights it was judged by, or drawn ones where nothing was trained."""
        part, own = self.trained, genome[: len(self.space.architecture.choices)]
        build = getattr(part, "module", None)
        if build is not None:
            return _repeated(build(genome), name)
        if part is None:
            return _repeated(self.space.architecture.module(own, self.seed), name)
        weights = part.weights(genome)  # type: ignore[attr-defined]
        if isinstance(self.space.architecture, Plannable):
            plan, image = self.space.plan(genome), self.space.architecture.input_shape
            return lambda images: build_module(name, plan, weights, image, images)
        drawn = self.space.architecture.module(own, self.seed)
        return _repeated(drawn.with_graph(drawn.graph, drawn.params.updated(weights)), name)


def isolated(part: Evaluator) -> bool:
    return bool(getattr(part, "isolated", False))


def _repeated(module: Module, name: str) -> Network:
    named = Module(name, module.graph, module.params, module.hardware)
    return lambda images: with_batch(named, images)


def _fresh(value: Any) -> Any:
    """The same settings without what they have cached, which may not go to another process."""
    if isinstance(value, tuple):
        return tuple(map(_fresh, value))
    if not is_dataclass(value) or isinstance(value, type):
        return value
    found = copy(value)
    found.__dict__.clear()
    found.__dict__.update({item.name: _fresh(getattr(value, item.name)) for item in fields(value)})
    return found


@dataclass(frozen=True)
class WorkerJob:
    """What a worker starts: the experiment's isolated evaluators."""

    experiment: Experiment
    settings: tuple[EvaluatorSettings, ...]
    folder: Path

    @staticmethod
    def of(experiment: Experiment, panel: Panel, folder: Path) -> "WorkerJob":
        return WorkerJob(_fresh(experiment), _fresh(panel.outside), folder)

    def start(self) -> Evaluator:
        space = self.experiment.product.build(self.experiment.space, self.experiment.backend())
        context = Context(space, self.experiment.seed, self.experiment.data, self.folder, lambda what, done, of: None)
        return Together([item.start(context) for item in self.settings])
