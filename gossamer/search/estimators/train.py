"""Training a supernet: the sandwich rule with in-place distillation (Yu et al. 2020, "BigNAS"), quantisation-aware.

A step trains the widest network on the labels, in float, and one other to imitate it: in turn the narrowest, a random
one, and two random ones in random bits. Batch statistics, seeds and the order of images are fixed by `seed`, so the
same machine and thread count give the same weights.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gossamer.search.choices import Genomes
from gossamer.search.datasets.base import Images
from gossamer.search.estimators.supernet import Supernet
from gossamer.search.evaluators import Progress
from gossamer.search.space import CoDesignSpace
from gossamer.search.spaces.plan import Plan
from gossamer.search.threads import limit_threads

SMOOTHING = 0.05
"""Label smoothing."""


@dataclass(frozen=True)
class Training:
    """How long and how fast. `shift`: images are moved by up to this many pixels."""

    steps: int = 800
    batch: int = 32
    learning_rate: float = 5e-3
    weight_decay: float = 1e-4
    shift: int = 1


def train_supernet(space: CoDesignSpace, images: Images, training: Training, seed: int, progress: Progress) -> Supernet:
    """Weights that serve every network of the space."""
    limit_threads()
    ends = end_genomes(space)
    widest, narrowest = _plan(space, ends[0]), ends[1]
    supernet = Supernet(widest_plan(space), seed)
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(
        supernet.parameters.values(), training.learning_rate, weight_decay=training.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, training.learning_rate, training.steps, pct_start=0.15)
    x, y = torch.from_numpy(images.floats()), torch.from_numpy(images.labels)
    for step in range(training.steps):
        rows = torch.from_numpy(rng.integers(0, len(images), training.batch))
        batch = _shifted(x[rows], training.shift, rng)
        optimizer.zero_grad()
        if step % 2 == 0:
            F.cross_entropy(supernet.forward(widest, batch), y[rows], label_smoothing=SMOOTHING).backward()
        for quantized in (False, True):
            genome = narrowest if step % 8 == 0 else space.sample(1, rng)[0]
            bits = space.bits(_with_even_bits(space, genome, rng)) if quantized else None
            logits = supernet.forward(_plan(space, genome), batch, bits)
            F.cross_entropy(logits, y[rows], label_smoothing=SMOOTHING).backward()
        torch.nn.utils.clip_grad_norm_(supernet.parameters.values(), 5.0)
        optimizer.step()
        schedule.step()
        progress("training the supernet", step + 1, training.steps)
    return supernet


def end_genomes(space: CoDesignSpace) -> tuple[Genomes, Genomes]:
    """The last value of every choice, and the first."""
    last = space.repair(space.choices.sizes[None] - 1)[0]
    return last, space.repair(np.zeros_like(last)[None])[0]


def widest_plan(space: CoDesignSpace) -> Plan:
    """The network that holds every shared weight."""
    return _plan(space, end_genomes(space)[0])


def _plan(space: CoDesignSpace, genome: Genomes) -> Plan:
    return space.plan(genome)


def _with_even_bits(space: CoDesignSpace, genome: Genomes, rng: np.random.Generator) -> Genomes:
    """Every second time the same bits everywhere: random bits alone would never show the network what 4 bits
    throughout mean.
    """
    if rng.random() < 0.5:
        return genome
    even = genome.copy()
    even[len(space.architecture.choices) : space.network_genes] = rng.integers(0, len(space.precision.bits))
    return space.repair(even[None])[0]


def _shifted(images: Tensor, most: int, rng: np.random.Generator) -> Tensor:
    """The whole batch moved by the same few pixels, zeros moving in."""
    down, right = rng.integers(-most, most + 1, 2)
    height, width = images.shape[2:]
    padded = F.pad(images, (most, most, most, most))
    return padded[:, :, most + down : most + down + height, most + right : most + right + width]
