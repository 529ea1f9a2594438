"""Boosted trees (xgboost) that learn, from the schedules that were measured, where the analytical model is wrong.

The trees regress log seconds and begin at the analytical prediction, so with few rows they are close to it. How wrong
they are is measured on layers left out: about schedules of one layer among themselves, which is what the choice of a
schedule needs. Without xgboost, or with too few rows, there is no model, and the analytical order stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.cpu.tuning.database import Measured, TuningDatabase
from gossamer.backends.cpu.tuning.features import PREDICTED, Features

if TYPE_CHECKING:
    from xgboost import Booster

Floats = NDArray[np.float64]

LEAST_ROWS, LEAST_LAYERS = 48, 6
"""With less nothing is learned."""

FOLDS = 3
"""Parts of the layers, each left out once to see the error."""

TREES = 150
OPTIONS: Mapping[str, Any] = {
    "max_depth": 4, "eta": 0.08, "subsample": 0.9, "colsample_bytree": 0.7, "min_child_weight": 2,
    "max_bin": 64, "seed": 0, "nthread": 1,
}  # fmt: skip


@dataclass(frozen=True)
class LatencyModel:
    """`names`: the features, in the trees' order. `spread`: deviation of log seconds among schedules of one layer.
    `families`: kinds of schedules it has seen times of."""

    names: tuple[str, ...]
    booster: "Booster"
    spread: float
    families: frozenset[tuple[float, float]]

    def log_seconds(self, rows: Sequence[Features]) -> Floats:
        """Of every row; needs rows that have features."""
        return _predicted(self.booster, self.names, rows)

    def seconds(self, row: Features) -> float:
        """Expected of one row."""
        return float(np.exp(self.log_seconds([row])[0]))


def fitted(database: TuningDatabase) -> LatencyModel | None:
    """A model of what the database knows of its machine; None with too few rows, or without xgboost.

    The same rows give the same model, in whichever order they were recorded.
    """
    try:
        import xgboost  # noqa: F401
    except ImportError:
        return None
    rows = [row for row in database.rows() if row.seconds and row.features.get(PREDICTED)]
    layers = sorted({row.layer for row in rows})
    if len(rows) < LEAST_ROWS or len(layers) < LEAST_LAYERS:
        return None
    names = tuple(sorted({name for row in rows for name in row.features}))
    families = frozenset(_family(row.features) for row in rows)
    return LatencyModel(names, _trained(names, rows), _spread(names, rows, layers), families)


def promising(model: LatencyModel, known: Sequence[Measured], candidates: Mapping[str, Features]) -> list[str]:
    """Those of a layer's candidates that may beat what was measured of it, the best first.

    The layer's own level is taken from its measured rows; a candidate is left out where even the expectation less the
    model's spread is no faster than the fastest of them. Candidates of an algorithm that was never
    measured stay, since nothing is known of it, as do those without features, which come last.
    """
    timed = [row for row in known if row.seconds and row.features.get(PREDICTED)]
    there = [text for text, row in candidates.items() if row.get(PREDICTED)]
    rest = [text for text in candidates if text not in there]
    if not there or not timed:
        return [*there, *rest]
    seconds = np.log([row.seconds or 1.0 for row in timed])
    level = float(np.mean(seconds - model.log_seconds([row.features for row in timed])))
    expected = model.log_seconds([candidates[text] for text in there]) + level
    order = [int(i) for i in np.argsort(expected, kind="stable")]
    new = [_family(candidates[text]) not in model.families for text in there]
    return [there[i] for i in order if new[i] or expected[i] - model.spread < seconds.min()] + rest


def _family(row: Features) -> tuple[float, float]:
    """Which algorithm: direct, gathered, or a Winograd tile."""
    return row["im2col"], row["winograd_m"]


def _trained(names: tuple[str, ...], rows: Sequence[Measured]) -> "Booster":
    import xgboost

    labels = np.log([row.seconds or 1.0 for row in rows])
    return xgboost.train(dict(OPTIONS), _matrix(names, [row.features for row in rows], labels), TREES)


def _spread(names: tuple[str, ...], rows: Sequence[Measured], layers: Sequence[str]) -> float:
    """Deviation of the error on layers left out, after each layer's mean error is taken away."""
    fold = {layer: place % FOLDS for place, layer in enumerate(layers)}
    left: list[Floats] = []
    for part in range(FOLDS):
        booster = _trained(names, [row for row in rows if fold[row.layer] != part])
        for layer in (one for one in layers if fold[one] == part):
            own = [row for row in rows if row.layer == layer]
            error = np.log([row.seconds or 1.0 for row in own]) - _predicted(booster, names, [r.features for r in own])
            if len(own) > 1:
                left.append(error - error.mean())
    return float(np.concatenate(left).std()) if left else np.inf


def _predicted(booster: "Booster", names: tuple[str, ...], rows: Sequence[Features]) -> Floats:
    return np.asarray(booster.predict(_matrix(names, rows)), np.float64)


def _matrix(names: tuple[str, ...], rows: Sequence[Features], labels: "Floats | None" = None) -> Any:
    import xgboost

    table = np.array([[row.get(name, np.nan) for name in names] for row in rows], np.float32)
    base = np.log([row[PREDICTED] for row in rows]).astype(np.float32)
    return xgboost.DMatrix(table, label=labels, base_margin=base, nthread=1)
