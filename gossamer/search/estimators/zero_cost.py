"""The evaluator `zero-cost`: scores of untrained networks, in place of an accuracy.

    evaluators: [{zero-cost: {scores: [naswot]}}]
    objectives: [naswot, params]

Images come from the search's data (its first training images) or, where it has none, are normal noise with random
labels: most scores hardly depend on them. Each score is a metric of its own, higher is better; nn_degree, params_score
and flops_score need no torch.

Spearman correlation with the published scores of NAS-Bench-Suite-Zero, on 24 full networks of nasbench201 (32x32,
noise): synflow 0.995, grad_norm 0.97, snip 0.97, jacob_cov 0.83, naswot 0.68; sizes 1.0.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.estimators.degree import nn_degree
from gossamer.search.evaluators import Context
from gossamer.search.experiment import images
from gossamer.search.inner import Columns
from gossamer.search.metrics import Objective

Name = Literal["naswot", "synflow", "jacob_cov", "grad_norm", "snip", "nn_degree", "params_score", "flops_score"]
FROM_TORCH = ("naswot", "synflow", "jacob_cov", "grad_norm", "snip")


@dataclass(frozen=True)
class ZeroCost:
    """`scores` to compute, `batch` images at once."""

    scores: tuple[Name, ...] = ("naswot", "synflow", "jacob_cov", "grad_norm", "nn_degree")
    batch: int = 32

    def __post_init__(self) -> None:
        if not self.scores or len(set(self.scores)) < len(self.scores):
            raise SearchError("zero-cost needs scores, each once")
        if self.batch < 2:
            raise SearchError(f"zero-cost: batch = {self.batch}, but images are told apart from 2 on")

    def start(self, context: Context) -> "ZeroCostScores":
        return ZeroCostScores(self, context)


class ZeroCostScores:
    """See the module's docstring. Bits and hardware change no score."""

    isolated = True

    def __init__(self, settings: ZeroCost, context: Context) -> None:
        self._settings, self._context = settings, context
        self._own = len(context.space.architecture.choices)
        self._known: dict[bytes, tuple[float, ...]] = {}
        self.metrics: tuple[Objective, ...] = tuple(Objective(name, name, "", True) for name in settings.scores)

    def evaluate(self, genomes: Genomes) -> Columns:
        own = np.ascontiguousarray(genomes[:, : self._own])
        keys = [row.tobytes() for row in own]
        for key, genome in zip(keys, own):
            if key not in self._known:
                self._known[key] = self._scores(genome)
        table = np.array([self._known[key] for key in keys]).reshape(len(keys), len(self.metrics))
        return {item.key: table[:, place] for place, item in enumerate(self.metrics)}

    def _scores(self, genome: Genomes) -> tuple[float, ...]:
        module = self._context.space.architecture.module(genome, self._context.seed)
        wanted = tuple(name for name in self._settings.scores if name in FROM_TORCH)
        found: dict[str, float] = {}
        if wanted:
            from gossamer.codegen.torch import to_torch
            from gossamer.search.estimators.scores import scores
            from gossamer.search.threads import limit_threads

            limit_threads()
            found |= scores(to_torch(module), *self._images, wanted)
        if "nn_degree" in self._settings.scores:
            found["nn_degree"] = nn_degree(module)
        if {"params_score", "flops_score"} & set(self._settings.scores):
            found |= self._sizes(genome)
        return tuple(found[name] for name in self._settings.scores)

    def _sizes(self, genome: Genomes) -> dict[str, float]:
        from gossamer.search.costs.counts import CountsEvaluator

        space = self._context.space
        whole = np.concatenate([genome, np.zeros(len(space.choices) - self._own, np.int64)])
        found = CountsEvaluator(space, ("macs", "params")).evaluate(space.repair(whole[None]))
        return {"params_score": float(found["params"][0]), "flops_score": float(found["macs"][0])}

    @cached_property
    def _images(self) -> tuple[np.ndarray, np.ndarray]:
        """f32 [batch, C, H, W] and i64 [batch]."""
        network, context = self._context.space.architecture, self._context
        if context.data:
            first = images(context.data, context.seed).train.first(self._settings.batch)
            return first.floats(), first.labels
        rng = np.random.default_rng(context.seed)
        noise = rng.normal(size=(self._settings.batch, *network.input_shape)).astype(np.float32)
        return noise, rng.integers(0, network.classes, self._settings.batch)


