"""A supernet's weights on disk: an npz of plain arrays, with the words that say what they were trained for.

A file that is for something else is trained anew and replaced; one that cannot be read is an error, not overwritten.
"""

from dataclasses import asdict
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch

from gossamer.ir.errors import DataError
from gossamer.ir.files import unwritable, write_whole
from gossamer.search.datasets.base import Dataset
from gossamer.search.estimators.supernet import Supernet
from gossamer.search.estimators.train import Training, train_supernet, widest_plan
from gossamer.search.evaluators import Progress
from gossamer.search.space import CoDesignSpace
from gossamer.search.threads import limit_threads, threads

_PURPOSE = "trained_for"


def trained(
    space: CoDesignSpace, data: Dataset, path: Path | None, seed: int, training: Training | None, progress: Progress
) -> Supernet:
    """The supernet from `path` when it is this one, else trained now and kept there."""
    limit_threads()
    training = training or Training()
    purpose = _purpose(space, data, seed, training)
    supernet = _load(space, path, purpose, seed) if path is not None and path.exists() else None
    if supernet is None:
        supernet = train_supernet(space, data.train, training, seed, progress)
        if path is not None:
            _save(supernet, path, purpose)
    for parameter in supernet.parameters.values():
        parameter.requires_grad_(False)
    return supernet


def _purpose(space: CoDesignSpace, data: Dataset, seed: int, training: Training) -> str:
    what = f"{space.architecture} bits={space.precision.bits} data={data.fingerprint}"
    return f"{what} seed={seed} threads={threads()} {asdict(training)}"


def _load(space: CoDesignSpace, path: Path, purpose: str, seed: int) -> Supernet | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            if str(stored[_PURPOSE]) != purpose:
                return None
            supernet = Supernet(widest_plan(space), seed)
            for name, parameter in supernet.parameters.items():
                parameter.data.copy_(torch.from_numpy(stored[name]))
            return supernet
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, RuntimeError) as error:
        raise DataError(f"{path}: is not a readable supernet ({error}); move it away and it is trained anew") from None


def _save(supernet: Supernet, path: Path, purpose: str) -> None:
    arrays = {name: parameter.detach().numpy() for name, parameter in supernet.parameters.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda out: np.savez(out, **{_PURPOSE: np.array(purpose)}, **arrays))  # type: ignore[arg-type]
    except OSError as error:
        raise unwritable(path, error) from None
