"""Predicted objectives and constraints of designs, from models fitted to what a search was told.

One model per objective; constraints that are missed by some designs and met by others have models of their own, on how
much each design misses, cut to [-1, 1] so that a design that fits no chip does not drown the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Genomes
from gossamer.search.strategies.standing import Told
from gossamer.search.surrogates.base import Predictor, Surrogate

Matrix = NDArray[np.float64]

CUT = 1.0


@dataclass(frozen=True)
class Forecast:
    """Fitted models. `limits`: one per constraint; None where every design told meets it, or every one misses it."""

    objectives: tuple[Predictor, ...]
    limits: tuple[Predictor | None, ...]

    def values(self, genomes: Genomes) -> tuple[Matrix, Matrix]:
        """Mean and deviation [n, objectives]."""
        found = [predictor.predict(genomes) for predictor in self.objectives]
        return np.stack([mean for mean, _ in found], axis=1), np.stack([deviation for _, deviation in found], axis=1)

    def violations(self, genomes: Genomes) -> Matrix:
        """[n, constraints]: what each design is expected to miss; <= 0 is met."""
        columns = [np.full(len(genomes), -CUT) if model is None else model.predict(genomes)[0] for model in self.limits]
        return np.stack(columns, axis=1) if columns else np.zeros((len(genomes), 0))


def forecast(told: Told, models: Sequence[Surrogate], limit_model: Surrogate, seed: int) -> Forecast | None:
    """Models of everything told; `models`: one per objective. None while fewer than three designs have values."""
    usable: NDArray[np.bool_] = np.asarray(np.isfinite(told.values).all(axis=1))
    if usable.sum() < 3:
        return None
    space, genomes = told.problem.space, told.genomes
    objectives = tuple(
        model.fit(space, genomes[usable], column[usable], seed) for model, column in zip(models, told.values.T)
    )
    missed = np.where(np.isfinite(told.violations), np.clip(told.violations, -CUT, CUT), CUT)
    if told.problem.constraints and not usable.all():
        missed = np.where(usable[:, None], missed, CUT)  # what has no value is treated as missing its limits
    limits = tuple(
        limit_model.fit(space, genomes, column, seed) if (column > 0).any() and (column <= 0).any() else None
        for column in missed.T
    )
    return Forecast(objectives, limits)
