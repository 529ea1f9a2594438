"""The evaluator `train`: accuracy on the validation images after training a design's network, fully or for a little.

    data: digits
    evaluators: [{train: {epochs: 10}}]

A design's network is trained in float; where the search has bits, it is then quantised as returned designs are, and
the quantised network is measured. Weights are drawn by the search's seed and the design alone, so no order of
evaluation changes them. Trained networks lie in `trained/` of the run's folder: bits and hardware train nothing anew,
and what is returned is what was measured.
"""

import contextlib
import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from gossamer.ir.errors import SearchError
from gossamer.ir.graph import Array, Module
from gossamer.search.choices import Genomes
from gossamer.search.datasets.base import Dataset
from gossamer.search.estimators.fitting import Fitted, Fitting, accuracy, fit
from gossamer.search.estimators.norms import with_norms
from gossamer.search.evaluators import Context
from gossamer.search.experiment import images
from gossamer.search.inner import Columns
from gossamer.search.metrics import OBJECTIVES, Objective
from gossamer.search.spaces.base import Plannable

FOLDER = "trained"
CURVE = "validation accuracy"
LARGEST_BYTES = 1 << 30


@dataclass(frozen=True)
class Train(Fitting):
    """See Fitting."""

    def start(self, context: Context) -> "TrainedAccuracy":
        if not context.data:
            raise SearchError("networks are trained on images: name some, as in data: digits")
        return TrainedAccuracy(self, context)


class TrainedAccuracy:
    """See the module's docstring. Nothing is read or trained before the first question."""

    metrics: tuple[Objective, ...] = (OBJECTIVES["accuracy"],)
    isolated = True

    def __init__(self, settings: Train, context: Context) -> None:
        self._settings, self._context = settings, context
        self._known: dict[bytes, float] = {}

    @cached_property
    def _data(self) -> Dataset:
        return images(self._context.data, self._context.seed)

    def evaluate(self, genomes: Genomes) -> Columns:
        keys = [row.tobytes() for row in self._context.space.network_keys(genomes)]
        for key, genome in zip(keys, genomes, strict=True):
            if key not in self._known:
                self._known[key] = self._accuracy(genome)
        return {"accuracy": np.array([self._known[key] for key in keys])}

    def _accuracy(self, genome: Genomes) -> float:
        fitted = self._fitted(genome)
        if not self._context.space.bits(genome):
            return fitted.accuracy
        from gossamer.codegen.torch import to_torch
        from gossamer.search.batches import with_batch
        from gossamer.search.lowered import quantized

        own, validation = self._with(genome, fitted), self._data.validation
        context = self._context
        module = quantized(context.space, genome, lambda count: with_batch(own, count), self._data, context.seed, 1)
        return accuracy(to_torch(module), validation)

    def module(self, genome: Genomes) -> Module:
        """The trained network in float, for one image."""
        return self._with(genome, self._fitted(genome))

    def _with(self, genome: Genomes, fitted: Fitted) -> Module:
        drawn = self._drawn(genome)
        return drawn.with_graph(drawn.graph, drawn.params.updated(fitted.params))

    def _drawn(self, genome: Genomes) -> Module:
        network = self._context.space.architecture
        drawn = network.module(genome[: len(network.choices)], self._context.seed)
        return with_norms(drawn) if isinstance(network, Plannable) else drawn

    def _fitted(self, genome: Genomes) -> Fitted:
        """Read back, or trained now."""
        drawn, name = self._drawn(genome), self._name(genome)
        path = self._context.folder / FOLDER / f"{name}.npz"
        found = _read(path, drawn)
        if found is None:
            found = fit(drawn, self._data, self._settings, int(name[:8], 16))
            _write(path, found)
        return found

    def _name(self, genome: Genomes) -> str:
        """Of everything that trained weights depend on."""
        context = self._context
        own = np.ascontiguousarray(genome[: len(context.space.architecture.choices)])
        facts = (str(context.space.architecture), str(self._settings), context.seed, self._data.fingerprint)
        return hashlib.sha256(repr(facts).encode() + own.tobytes()).hexdigest()[:24]


def _write(path: Path, fitted: Fitted) -> None:
    """Whole or not at all. A full disk loses nothing: the network is trained again when it is asked for."""
    part = path.with_suffix(f".{os.getpid()}.part")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                np.savez(file, allow_pickle=False, **{CURVE: np.array(fitted.curve), **fitted.params})
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def _read(path: Path, drawn: Module) -> Fitted | None:
    """None: not there, or not the parameters of this module."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_BYTES:
            return None
        with np.load(path, allow_pickle=False) as archive:
            arrays: dict[str, Array] = {name: archive[name] for name in archive.files}
    except Exception:  # a broken archive may raise nearly anything, and is trained again
        return None
    curve = arrays.pop(CURVE, np.zeros(0))
    if not len(curve) or any(name not in drawn.params for name in arrays):
        return None
    if any(array.shape != drawn.params[name].shape for name, array in arrays.items()):
        return None
    return Fitted(arrays, tuple(map(float, curve)))
