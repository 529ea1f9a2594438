"""Images a search trains and measures on: `digits`, `mnist:PATH`, split once by seed.

    data = load_data("digits", seed=0)
    data.train.floats()        # f32 [N,C,H,W] in 0 .. 1

Three parts that share no image: `train` (weights; its first images also calibrate quantisation), `validation` (what a
search looks at) and `held_out` (looked at only for the designs that are returned). Pixels are kept as the bytes they
came as; a dataset of 70,000 28x28 images stays under 60 MB.
"""

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import DataError, nearest

CALIBRATION_IMAGES = 128
KNOWN = ("digits", "mnist:PATH")


@dataclass(frozen=True, eq=False)
class Images:
    """`pixels` u8 [N,C,H,W] (a pixel is worth 1/`white`), `labels` i64 [N]."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    white: float

    def __len__(self) -> int:
        return len(self.labels)

    def floats(self) -> NDArray[np.float32]:
        """f32 [N,C,H,W] in 0 .. 1."""
        return self.pixels.astype(np.float32) / np.float32(self.white)

    def first(self, count: int) -> "Images":
        return Images(self.pixels[:count], self.labels[:count], self.white)

    def take(self, index: NDArray[np.int64]) -> "Images":
        return Images(self.pixels[index], self.labels[index], self.white)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images of one kind in three parts that share none."""

    name: str
    train: Images
    validation: Images
    held_out: Images

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of an image."""
        _, channels, height, width = self.train.pixels.shape
        return channels, height, width

    @cached_property
    def classes(self) -> int:
        return 1 + max(int(part.labels.max()) for part in (self.train, self.validation, self.held_out))

    @property
    def calibration(self) -> NDArray[np.float32]:
        """What batch-norm statistics and quantisation ranges are measured on: f32 [<=128,C,H,W]."""
        return self.train.first(CALIBRATION_IMAGES).floats()

    @cached_property
    def fingerprint(self) -> str:
        """Changes when any pixel, label or the split does."""
        digest = hashlib.sha256()
        for part in (self.train, self.validation, self.held_out):
            digest.update(np.ascontiguousarray(part.pixels).tobytes())
            digest.update(part.labels.tobytes())
        return digest.hexdigest()[:16]


def load_data(name: str, seed: int = 0) -> Dataset:
    """`digits` or `mnist:PATH` (a .tar.gz of PNGs by class, an IDX folder). DataError when it is unknown or
    unreadable.
    """
    kind, _, path = name.partition(":")
    if kind == "digits" and not path:
        return _digits(seed)
    if kind == "mnist" and path:
        from gossamer.search.datasets.mnist import read_mnist

        return read_mnist(Path(path).expanduser(), seed)
    if kind == "mnist":
        raise DataError(
            "data 'mnist' needs a path: mnist:PATH, where PATH is a .tar.gz of PNGs or a folder of IDX files"
        )
    raise DataError(f"unknown data '{name}'{nearest(name, KNOWN)}")


def split(images: Images, fractions: tuple[float, ...], seed: int) -> list[Images]:
    """Shuffled by seed, then cut into parts of these fractions of the whole; whatever is left is the last part."""
    order = np.random.default_rng(seed).permutation(len(images))
    cuts = np.cumsum([math.floor(fraction * len(images)) for fraction in fractions])
    return [images.take(index) for index in np.split(order, cuts)]


def _digits(seed: int) -> Dataset:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise DataError("data 'digits' needs scikit-learn: pip install 'gossamer[search]'") from None
    pixels, labels = load_digits(return_X_y=True)
    images = Images(np.asarray(pixels, np.uint8).reshape(-1, 1, 8, 8), np.asarray(labels, np.int64), 16.0)
    train, validation, held_out = split(images, (0.6, 0.2), seed)
    return Dataset("digits", train, validation, held_out)
