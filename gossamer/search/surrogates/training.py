"""How a network that scores designs is trained, and an ensemble of such networks as a predictor."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from gossamer.search.choices import Genomes
from gossamer.search.encodings.base import Encoded, Encoder, join
from gossamer.search.surrogates.encoders import Batch, to_batch
from gossamer.search.surrogates.losses import Loss, loss_of
from gossamer.search.surrogates.scores import NormalScores, Vector

AT_ONCE = 2048
"""Designs scored in one pass."""


@dataclass(frozen=True)
class Training:
    """AdamW with one rise and fall of the learning rate up to `rate` (Smith and Topin 2018)."""

    loss: Loss
    margin: float
    epochs: int
    batch: int
    rate: float
    decay: float


def descend(module: nn.Module, designs: int, loss: Callable[[Tensor], Tensor], options: Training) -> None:
    """Train `module` in place; `loss` is that of a batch, given as places in the `designs`."""
    batches = max(1, designs // options.batch)
    optimiser = torch.optim.AdamW(module.parameters(), lr=options.rate, weight_decay=options.decay)
    total = max(4, options.epochs * batches)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.rate, total_steps=total)
    module.train()
    for _ in range(options.epochs):
        for places in torch.randperm(designs).chunk(batches):
            optimiser.zero_grad()
            loss(places).backward()
            nn.utils.clip_grad_norm_(module.parameters(), 5.0)
            optimiser.step()
            schedule.step()
    module.eval()


def train(scorer: nn.Module, batch: Batch, targets: Tensor, options: Training) -> None:
    """Teach `scorer` (Batch -> scores [B]) the order, or with mse the values, of `targets` [n]."""
    descend(
        scorer,
        len(batch),
        lambda places: loss_of(options.loss, scorer(batch[places]), targets[places], options.margin),
        options,
    )


@dataclass(frozen=True)
class Reader:
    """Encodes designs for one fitted model: numbers are shifted and scaled as those it learnt from."""

    encoders: tuple[Encoder, ...]
    shift: np.ndarray
    scale: np.ndarray

    def __call__(self, genomes: Genomes) -> Batch:
        found = join([encoder.encode(genomes) for encoder in self.encoders])
        numbers = ((found.numbers - self.shift) / self.scale).astype(np.float32)
        return to_batch(Encoded(found.tokens, found.kinds, found.edges, numbers))


def reader_of(encoders: Sequence[Encoder], genomes: Genomes) -> Reader:
    """Numbers of these designs will have mean 0 and deviation 1; those that are all equal are 0."""
    numbers = join([encoder.encode(genomes) for encoder in encoders]).numbers
    deviation = numbers.std(axis=0)
    return Reader(tuple(encoders), numbers.mean(axis=0), np.where(deviation > 1e-6, deviation, 1.0))


def scores_of(scorer: nn.Module, batch: Batch) -> Vector:
    """[P] scores, without gradients."""
    with torch.no_grad():
        found = [scorer(batch[places]) for places in torch.arange(len(batch)).split(AT_ONCE)]
    return torch.cat(found).numpy().astype(np.float64) if found else np.zeros(0)


@dataclass(frozen=True)
class Member:
    """One network of an ensemble. `slope` and `shift` bring its scores to the scale of normal scores."""

    scorer: nn.Module
    slope: float
    shift: float


def member_of(scorer: nn.Module, batch: Batch, scores: Vector) -> Member:
    """A trained network, its scores fitted to the normal scores of what it learnt from, in a straight line."""
    found = scores_of(scorer, batch)
    spread = float(found.var())
    slope = float(np.cov(found, scores, bias=True)[0, 1]) / spread if spread > 1e-12 else 0.0
    return Member(scorer, slope, float(scores.mean() - slope * found.mean()))


class EnsemblePredictor:
    """Mean over members and their deviation, on the scale of the values. For a model that learnt an order, that scale
    is an estimate and the order what counts.
    """

    def __init__(self, reader: Reader, members: Sequence[Member], scale: NormalScores) -> None:
        self._reader, self._members, self._scale = reader, members, scale

    def predict(self, genomes: Genomes) -> tuple[Vector, Vector]:
        batch = self._reader(genomes)
        found = np.stack([item.slope * scores_of(item.scorer, batch) + item.shift for item in self._members])
        mean, deviation = found.mean(axis=0), found.std(axis=0)
        return self._scale.back(mean), self._scale.deviation(mean, deviation)
