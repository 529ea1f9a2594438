"""An ensemble of small fully connected networks on numbers of designs (as BANANAS, White et al. 2021).

Members differ in their first weights and in the order in which they see designs. Targets are standardised; the best
state by the training loss is not picked: early stopping on a few hundred designs is noise.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.encodings.base import Encoding
from gossamer.search.spaces.base import Matrix, Space
from gossamer.search.surrogates.base import Vector

if TYPE_CHECKING:
    from torch import nn

Numbers: TypeAlias = Callable[[Genomes], Matrix]


@dataclass(frozen=True)
class MLPEnsemble:
    """`members` networks of `layers` hidden layers of `width`, each trained for `epochs`. `encoding`: whose
    numbers they read; by default the space's own features.
    """

    members: int = 5
    layers: int = 2
    width: int = 64
    epochs: int = 150
    batch: int = 32
    learning_rate: float = 3e-3
    encoding: Encoding | None = None

    def __post_init__(self) -> None:
        if min(self.members, self.layers, self.width, self.epochs, self.batch) < 1 or self.learning_rate <= 0:
            raise SearchError(
                "surrogate 'mlp-ensemble': members, layers, width, epochs and batch are counts of at least 1, "
                "learning_rate is above 0"
            )

    def fit(self, space: Space, genomes: Genomes, values: Vector, seed: int) -> "MLPPredictor":
        numbers = self._reader(space)
        features = numbers(genomes)
        centre, unit = features.mean(axis=0), features.std(axis=0)
        unit = np.where(unit > 0, unit, 1.0)
        middle, spread = float(values.mean()), float(values.std()) or 1.0
        scaled, target = (features - centre) / unit, (values - middle) / spread
        nets = tuple(self._train(scaled, target, seed * self.members + place) for place in range(self.members))
        return MLPPredictor(numbers, nets, centre, unit, middle, spread)

    def _reader(self, space: Space) -> Numbers:
        if self.encoding is None:
            return space.features
        encoder = self.encoding.start(space)
        if not encoder.extent.numbers:
            raise SearchError("surrogate 'mlp-ensemble': reads numbers, and this encoding gives none; try paths")
        return lambda genomes: encoder.encode(genomes).numbers.astype(np.float64)

    def _train(self, features: Matrix, target: Vector, seed: int) -> "nn.Module":
        import torch

        with torch.random.fork_rng():
            torch.manual_seed(seed)
            net = _network(features.shape[1], self.layers, self.width)
        x, y = torch.from_numpy(features).float(), torch.from_numpy(target).float()
        optimizer = torch.optim.AdamW(net.parameters(), self.learning_rate, weight_decay=1e-2)
        steps = self.epochs * -(-len(x) // self.batch)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        rng = np.random.default_rng(seed)
        for _ in range(self.epochs):
            for rows in np.array_split(rng.permutation(len(x)), -(-len(x) // self.batch)):
                optimizer.zero_grad()
                part = torch.from_numpy(rows)
                torch.nn.functional.mse_loss(net(x[part])[:, 0], y[part]).backward()
                optimizer.step()
                schedule.step()
        return net.eval()


def _network(inputs: int, layers: int, width: int) -> "nn.Module":
    from torch import nn

    parts: list[nn.Module] = []
    for _ in range(layers):
        parts += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*parts, nn.Linear(inputs, 1))


@dataclass(frozen=True)
class MLPPredictor:
    """Mean and spread of the members."""

    numbers: Numbers
    nets: "tuple[nn.Module, ...]"
    centre: Matrix
    unit: Matrix
    middle: float
    spread: float

    def predict(self, genomes: Genomes) -> tuple[Vector, Vector]:
        import torch

        features = torch.from_numpy((self.numbers(genomes) - self.centre) / self.unit).float()
        with torch.no_grad():
            found = np.stack([net(features)[:, 0].double().numpy() for net in self.nets])
        found = found * self.spread + self.middle
        return found.mean(axis=0), found.std(axis=0)
