"""Training one network from its IR: `fit(module, data, Fitting(epochs=5), seed)`.

The network is `gossamer.codegen.torch.to_torch` of the module, so batch norms, additions and gates mean what the IR
says. AdamW with one cycle of the learning rate; every batch is moved by up to `shift` pixels. Images are drawn by
seed, so the same machine and thread count give the same weights.
"""

from dataclasses import dataclass

import numpy as np

from gossamer.codegen.torch import to_torch
from gossamer.ir.errors import SearchError
from gossamer.ir.graph import Array, Module
from gossamer.search.datasets.base import Dataset, Images
from gossamer.search.estimators.curves import extrapolated
from gossamer.search.threads import limit_threads


@dataclass(frozen=True)
class Fitting:
    """How long and how fast. `images`: at most so many training images (0: all). Training ends before `epochs` when the
    validation accuracy has not grown for `patience` epochs (0: never), or when its curve leads below `least`.
    """

    epochs: int = 20
    batch: int = 32
    learning_rate: float = 1e-2
    weight_decay: float = 1e-4
    shift: int = 1
    images: int = 0
    patience: int = 0
    least: float = 0.0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 2 or self.learning_rate <= 0:
            raise SearchError("epochs is a whole number from 1 on, batch from 2 on, learning_rate is above 0")
        if min(self.shift, self.images, self.patience, self.weight_decay) < 0 or not 0 <= self.least <= 1:
            raise SearchError("shift, images, patience and weight_decay are at least 0, least is between 0 and 1")

    def over(self, curve: list[float]) -> bool:
        """Whether to end after the epochs of this curve."""
        stale = self.patience and curve and len(curve) - 1 - int(np.argmax(curve)) >= self.patience
        return bool(stale) or extrapolated(curve, self.epochs) < self.least


@dataclass(frozen=True, eq=False)
class Fitted:
    """`params`: the module's, trained; `curve`: validation accuracy after each epoch."""

    params: dict[str, Array]
    curve: tuple[float, ...]

    @property
    def accuracy(self) -> float:
        """After the last epoch: those are the weights."""
        return self.curve[-1]


def fit(module: Module, data: Dataset, fitting: Fitting, seed: int) -> Fitted:
    """Train a module of one image. SearchError: fewer images than make a batch."""
    import torch
    from torch.nn import functional as F

    limit_threads()
    images = data.train.first(fitting.images or len(data.train))
    batches = len(images) // fitting.batch
    if not batches:
        raise SearchError(f"train: {len(images)} training images are less than one batch of {fitting.batch}")
    net, rng, curve = to_torch(module), np.random.default_rng(seed), list[float]()
    optimizer = torch.optim.AdamW(net.parameters(), fitting.learning_rate, weight_decay=fitting.weight_decay)
    # torch's cycle divides by the length of its rise less one step, so that has two at least
    steps = max(fitting.epochs * batches, 10)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, fitting.learning_rate, steps, pct_start=0.2)
    pixels = images.floats()
    while len(curve) < fitting.epochs and not fitting.over(curve):
        net.train()
        for rows in np.split(rng.permutation(len(images))[: batches * fitting.batch], batches):
            x = torch.from_numpy(shifted(pixels[rows], fitting.shift, rng))
            optimizer.zero_grad()
            F.cross_entropy(net(x), torch.from_numpy(images.labels[rows])).backward()
            optimizer.step()
            schedule.step()
        curve.append(accuracy(net, data.validation))
    state = net.state_dict()
    return Fitted({name: state[name].numpy().copy() for name in module.params if name in state}, tuple(curve))


def accuracy(net: object, images: Images, batch: int = 256) -> float:
    """Fraction that a torch network, in evaluation mode, classifies right."""
    import torch

    assert isinstance(net, torch.nn.Module)
    net.eval()
    right, pixels = 0, images.floats()
    with torch.no_grad():
        for start in range(0, len(images), batch):
            logits = net(torch.from_numpy(pixels[start : start + batch])).numpy()
            right += int((logits.argmax(1) == images.labels[start : start + batch]).sum())
    return right / len(images)


def shifted(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """The whole batch moved by the same few pixels, zeros moving in."""
    down, right = rng.integers(-most, most + 1, 2)
    height, width = images.shape[2:]
    padded = np.pad(images, ((0, 0), (0, 0), (most, most), (most, most)))
    return np.ascontiguousarray(padded[:, :, most + down : most + down + height, most + right : most + right + width])
