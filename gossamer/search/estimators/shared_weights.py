"""The evaluators `supernet` and `surrogate`: accuracy on the validation images, without training a network of its own.

`supernet` runs every network asked for with shared weights, in its own bits; `surrogate` runs some and predicts the
rest. Both are deterministic, and both remember: hardware never changes accuracy, so designs that differ in hardware
alone are one question. Nothing is trained before the first question.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from gossamer.ir.errors import SearchError
from gossamer.ir.graph import Array
from gossamer.search.choices import Genomes
from gossamer.search.evaluators import Context, Evaluator, EvaluatorSettings
from gossamer.search.experiment import images
from gossamer.search.inner import Columns
from gossamer.search.objectives import OBJECTIVES, Objective
from gossamer.search.surrogates.base import Predictor, Surrogate

if TYPE_CHECKING:
    from gossamer.search.estimators.base import SupernetEstimator
    from gossamer.search.estimators.train import Training

CHECKPOINT = "supernet.npz"


@dataclass(frozen=True)
class Supernet:
    """How long and how fast shared weights are trained; images are moved by up to `shift` pixels."""

    steps: int = 800
    batch: int = 32
    learning_rate: float = 5e-3
    weight_decay: float = 1e-4
    shift: int = 1

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1 or self.learning_rate <= 0:
            raise SearchError("steps and batch are whole numbers from 1 on, learning_rate is above 0")

    def start(self, context: Context) -> "SupernetAccuracy":
        if not context.data:
            raise SearchError("a supernet is trained on images: name some, as in data: digits")
        return SupernetAccuracy(self, context)

    @property
    def training(self) -> "Training":
        from gossamer.search.estimators.train import Training

        return Training(self.steps, self.batch, self.learning_rate, self.weight_decay, self.shift)


class SupernetAccuracy:
    """See the module's docstring."""

    metrics: tuple[Objective, ...] = (OBJECTIVES["accuracy"],)
    slow = True

    def __init__(self, settings: Supernet, context: Context) -> None:
        context.space.plan(context.space.corners()[0])  # refuses a space that is no chain of steps
        self._settings, self._context = settings, context

    @cached_property
    def _model(self) -> "SupernetEstimator":
        from gossamer.search.estimators.base import SupernetEstimator

        context, data = self._context, images(self._context.data, self._context.seed)
        checkpoint, training = context.folder / CHECKPOINT, self._settings.training
        return SupernetEstimator(context.space, data, checkpoint, context.seed, training, context.progress)

    def evaluate(self, genomes: Genomes) -> Columns:
        return {"accuracy": self._model.accuracy(genomes)}

    def weights(self, genome: Genomes) -> dict[str, Array]:
        """`slot.weight`, `slot.bias`, batch norm folded."""
        return self._model.weights(genome)


@dataclass(frozen=True)
class Predicted:
    """`samples` networks are drawn and asked of `truth`; a `model` learns from them and answers for all others.
    Without a `model` it is a ridge regression on one number per value of every choice.
    """

    samples: int = 300
    truth: EvaluatorSettings = field(default_factory=Supernet)
    model: Surrogate | None = None

    def __post_init__(self) -> None:
        if self.samples < 10:
            raise SearchError(f"samples = {self.samples}: a surrogate learns from at least 10")

    def start(self, context: Context) -> "PredictedAccuracy":
        return PredictedAccuracy(self, self.truth.start(context), context)


class PredictedAccuracy:
    """See Predicted. `error`: mean on held-out networks, a fifth of those drawn."""

    slow = True

    def __init__(self, settings: Predicted, truth: Evaluator, context: Context) -> None:
        self._settings, self._truth, self._context = settings, truth, context
        self.metrics = truth.metrics

    @cached_property
    def _models(self) -> dict[str, Predictor]:
        from gossamer.search.estimators.ridge import Ridge

        space, seed = self._context.space, self._context.seed
        genomes = self._network(space.sample(self._settings.samples, np.random.default_rng(seed)))
        columns, held = self._sampled(genomes), len(genomes) // 5
        model = self._settings.model or Ridge(space.network_genes)
        found = {key: model.fit(space, genomes[held:], values[held:], seed) for key, values in columns.items()}
        self.error = {
            key: float(np.abs(found[key].predict(genomes[:held])[0] - values[:held]).mean())
            for key, values in columns.items()
        }
        return found

    def _sampled(self, genomes: Genomes) -> Columns:
        parts: list[Columns] = []
        for place in range(len(genomes)):
            parts.append(self._truth.evaluate(genomes[place : place + 1]))
            self._context.progress("sampling accuracies", place + 1, len(genomes))
        return {item.key: np.concatenate([part[item.key] for part in parts]) for item in self.metrics}

    def _network(self, genomes: Genomes) -> Genomes:
        """Hardware, which accuracy does not depend on, at its first values."""
        found = genomes.copy()
        found[:, self._context.space.network_genes :] = 0
        return found

    def evaluate(self, genomes: Genomes) -> Columns:
        models = self._models
        found = {item.key: models[item.key].predict(self._network(genomes))[0] for item in self.metrics}
        if "accuracy" in found:
            found["accuracy"] = np.clip(found["accuracy"], 0.0, 1.0)
        return found

    def weights(self, genome: Genomes) -> dict[str, Array]:
        weights = getattr(self._truth, "weights", None)
        if weights is None:
            raise SearchError("what the surrogate learns from has no weights")
        return weights(genome)
