"""The seam of accuracy: what a network scores on the validation images, without building it.

`supernet` runs every network asked for with the shared weights, in its own bits; `surrogate` runs a few hundred and
predicts the rest. Both are deterministic, and both remember: hardware never changes accuracy, so designs that differ
only in hardware are one question. An estimator is built as `factory(space, data, checkpoint, seed, training,
progress)`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.graph import Array
from gossamer.search.choices import Genomes
from gossamer.search.datasets.base import Dataset
from gossamer.search.space import CoDesignSpace

if TYPE_CHECKING:
    from gossamer.search.estimators.train import Training

Progress = Callable[[str, int, int], None]
"""(what is going on, how much is done, of how much)."""

SEARCH_IMAGES = 1000
"""At most so many validation images are looked at per network."""

SURROGATE_SAMPLES = 300


class Estimator(Protocol):
    """What the search loop asks."""

    def accuracy(self, genomes: Genomes) -> NDArray[np.float64]:
        """Fraction of images classified right, per [P, genes] repaired genome."""
        ...

    def weights(self, genome: Genomes) -> dict[str, Array]:
        """`slot.weight`, `slot.bias` of one design, batch norm folded, for lowering it."""
        ...


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


class SurrogateEstimator:
    """Ridge regression on one-hot genes, fitted to networks the supernet has run. `error`: mean on held-out ones."""

    def __init__(
        self,
        space: CoDesignSpace,
        data: Dataset,
        checkpoint: Path | None,
        seed: int,
        training: "Training | None",
        progress: Progress,
    ) -> None:
        self._truth = SupernetEstimator(space, data, checkpoint, seed, training, progress)
        sizes = space.choices.sizes[: space.network_genes]
        self._offsets, self._width = np.concatenate([[0], np.cumsum(sizes)[:-1]]), int(sizes.sum())
        self._genes = space.network_genes
        genomes = space.sample(SURROGATE_SAMPLES, np.random.default_rng(seed))
        values = np.empty(len(genomes))
        for place in range(len(genomes)):
            values[place] = self._truth.accuracy(genomes[place : place + 1])[0]
            progress("sampling accuracies", place + 1, len(genomes))
        held = len(genomes) // 5
        self._fit(genomes[held:], values[held:])
        self.error = float(np.abs(self.accuracy(genomes[:held]) - values[:held]).mean())

    def _features(self, genomes: Genomes) -> NDArray[np.float64]:
        found = np.zeros((len(genomes), self._width + 1))
        np.put_along_axis(found, genomes[:, : self._genes] + self._offsets, 1.0, axis=1)
        found[:, -1] = 1.0
        return found

    def _fit(self, genomes: Genomes, values: NDArray[np.float64]) -> None:
        x = self._features(genomes)
        self._slope = np.linalg.solve(x.T @ x + 3.0 * np.eye(x.shape[1]), x.T @ values)

    def accuracy(self, genomes: Genomes) -> NDArray[np.float64]:
        table = self._slope[genomes[:, : self._genes] + self._offsets]
        return np.clip(table.sum(axis=1) + self._slope[-1], 0.0, 1.0)

    def weights(self, genome: Genomes) -> dict[str, Array]:
        return self._truth.weights(genome)
