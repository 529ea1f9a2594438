"""Accuracy from a supernet: every network asked for is run with the shared weights, in its own bits.

It is deterministic, and remembers: hardware never changes accuracy, so designs that differ only in hardware are one
question. `gossamer.search.estimators.shared_weights` makes evaluators of it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.graph import Array
from gossamer.search.choices import Genomes
from gossamer.search.datasets.base import Dataset
from gossamer.search.evaluators import Progress
from gossamer.search.space import CoDesignSpace

if TYPE_CHECKING:
    from gossamer.search.estimators.train import Training

SEARCH_IMAGES = 1000
"""At most so many validation images are looked at per network."""


class SupernetEstimator:
    """See the module's docstring. `asked` counts the networks that were run."""

    def __init__(
        self,
        space: CoDesignSpace,
        data: Dataset,
        checkpoint: Path | None,
        seed: int,
        training: "Training | None",
        progress: Progress,
    ) -> None:
        import torch

        from gossamer.search.estimators.checkpoint import trained
        from gossamer.search.estimators.quantized import QuantizedRunner

        self._space = space
        self._runner = QuantizedRunner(trained(space, data, checkpoint, seed, training, progress))
        images = data.validation.first(SEARCH_IMAGES)
        self._calibration = torch.from_numpy(data.calibration)
        self._images, self._labels = torch.from_numpy(images.floats()), torch.from_numpy(images.labels)
        self._known: dict[bytes, float] = {}
        self.asked = 0

    def accuracy(self, genomes: Genomes) -> NDArray[np.float64]:
        keys = [row.tobytes() for row in self._space.network_keys(genomes)]
        for key, genome in zip(keys, genomes, strict=True):
            if key not in self._known:
                self._known[key] = self._run(genome)
        return np.array([self._known[key] for key in keys])

    def _run(self, genome: Genomes) -> float:
        self.asked += 1
        plan = self._space.plan(genome)
        folded = self._runner.supernet.fold(plan, self._calibration)
        logits = self._runner.logits(folded, plan, self._images, self._space.bits(genome))
        return float((logits.argmax(1) == self._labels).double().mean())

    def weights(self, genome: Genomes) -> dict[str, Array]:
        plan = self._space.plan(genome)
        return dict(self._runner.supernet.fold(plan, self._calibration).arrays())
