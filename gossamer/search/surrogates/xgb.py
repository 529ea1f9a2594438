"""Boosted trees (xgboost) on a space's features; several seeds make an ensemble whose spread is the deviation."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.spaces.base import Space
from gossamer.search.surrogates.base import Vector
from gossamer.search.threads import threads

if TYPE_CHECKING:
    from xgboost import Booster


@dataclass(frozen=True)
class XGBoost:
    """`members` boosters of `rounds` trees of at most `depth`, each tree on shares of the designs and features."""

    members: int = 3
    rounds: int = 300
    depth: int = 4
    learning_rate: float = 0.05
    subsample: float = 0.8
    columns: float = 0.5

    def __post_init__(self) -> None:
        if min(self.members, self.rounds, self.depth) < 1:
            raise SearchError("surrogate 'xgboost': members, rounds and depth are counts of at least 1")
        if not all(0 < share <= 1 for share in (self.learning_rate, self.subsample, self.columns)):
            raise SearchError("surrogate 'xgboost': learning_rate, subsample and columns lie above 0 and up to 1")

    def fit(self, space: Space, genomes: Genomes, values: Vector, seed: int) -> "TreesPredictor":
        try:
            import xgboost
        except ImportError:
            raise SearchError("surrogate 'xgboost' needs xgboost: pip install 'gossamer[search]'") from None
        data = xgboost.DMatrix(space.features(genomes), label=values)
        boosters = [xgboost.train(self._options(seed + place), data, self.rounds) for place in range(self.members)]
        return TreesPredictor(space, tuple(boosters))

    def _options(self, seed: int) -> dict[str, Any]:
        return {
            "max_depth": self.depth, "eta": self.learning_rate, "subsample": self.subsample,
            "colsample_bytree": self.columns, "seed": seed, "nthread": threads(),
        }  # fmt: skip


@dataclass(frozen=True)
class TreesPredictor:
    """Mean and spread of the members."""

    space: Space
    boosters: "tuple[Booster, ...]"

    def predict(self, genomes: Genomes) -> tuple[Vector, Vector]:
        features = self.space.features(genomes).astype(np.float32)
        found = np.stack([booster.inplace_predict(features) for booster in self.boosters]).astype(np.float64)
        return found.mean(axis=0), found.std(axis=0)
