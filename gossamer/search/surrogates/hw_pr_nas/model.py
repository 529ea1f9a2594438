"""The Pareto-score model: an encoder of designs, and one predictor of the Pareto rank per platform.

    model = HwPrNas().fit(space, genomes, values, seed=0)            # values [n, objectives], less is better
    model.scores(others)                                             # higher: a better Pareto rank
    model = model.with_platform("raspi4", genomes, values_there, seed=0)      # a predictor of its own, same encoder
    model = model.with_objective("pixel3+energy", genomes, three_values, seed=0)   # five epochs on the predictor alone

Source: Benmeziane et al., "Multi-objective hardware-aware neural architecture search with Pareto rank-preserving
surrogate models" (ACM TACO 2023); thesis, 3.2. Ranks are computed within each batch, as there (Algorithm 1).
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gossamer.ir.errors import SearchError, nearest
from gossamer.search.choices import Genomes
from gossamer.search.encodings.base import Extent, joint_extent
from gossamer.search.encodings.drawings import drawings
from gossamer.search.encodings.features import ArchitectureFeatures, Features
from gossamer.search.encodings.graph import Graph
from gossamer.search.encodings.tokens import Tokens
from gossamer.search.spaces.base import Space
from gossamer.search.surrogates.encoders import Batch
from gossamer.search.surrogates.hw_pr_nas.autoencoder import Autoencoder, CodeEncoder, WordDecoder
from gossamer.search.surrogates.hw_pr_nas.ranks import PARETO_LOSSES, ParetoLoss, pareto_ranks, rank_loss
from gossamer.search.surrogates.training import Reader, Training, descend, reader_of, scores_of

Matrix = NDArray[np.float64]
FIRST = "first"
"""The platform a model is fitted on, unless it is given a name."""


@dataclass(frozen=True)
class HwPrNas:
    """Options; those of Table 3.1 are constants of `autoencoder`. `batch`: designs that are ranked against each other
    (18, Figure 3.5). `encoder_epochs`: of the encoder and decoder; `epochs`: of a predictor; `more_epochs`: when an
    objective is added. `features`: the space's features join the architecture features. `tuned`: the encoder learns
    on with the first platform's predictor instead of staying as the decoder taught it.
    """

    loss: ParetoLoss = "listwise"
    batch: int = 18
    encoder_epochs: int = 30
    epochs: int = 80
    more_epochs: int = 5
    hidden: int = 128
    rate: float = 1e-3
    decay: float = 1e-3
    dropout: float = 0.2
    features: bool = True
    tuned: bool = False

    def __post_init__(self) -> None:
        if self.loss not in PARETO_LOSSES:
            raise SearchError(f"hw-pr-nas: loss is '{self.loss}'; it is one of {', '.join(PARETO_LOSSES)}")
        counts = {"encoder_epochs": 0, "epochs": 1, "more_epochs": 1, "hidden": 1, "batch": 2}
        for name, least in counts.items():
            if getattr(self, name) < least:
                raise SearchError(f"hw-pr-nas: {name} is {getattr(self, name)}; it needs to be at least {least}")

    def fit(
        self, space: Space, genomes: Genomes, values: Matrix, seed: int, bad: Matrix | None = None
    ) -> "ParetoModel":
        """Train encoder, decoder and the predictor of platform FIRST. `bad` [n]: 0, or how much limits are missed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            reader, encoder = self._encoder(space, genomes)
            model = ParetoModel(self, reader, encoder)
            ranked = Ranked(reader(genomes), values, np.zeros(len(values)) if bad is None else bad)
            head = predictor(encoder.width)
            if self.tuned:
                descend(nn.ModuleList([encoder, head]), len(genomes), ranked.loss(self.loss, encoder, head), self.steps)
            else:
                model.teach(head, ranked, self.epochs)
            return model.with_head(FIRST, head)

    @property
    def steps(self) -> Training:
        return Training("listwise", 0.0, self.epochs, self.batch, self.rate, self.decay)

    def _encoder(self, space: Space, genomes: Genomes) -> tuple[Reader, CodeEncoder]:
        """Trained with the decoder on these designs and those that stand for the space: neither needs values."""
        shown = np.unique(np.concatenate([genomes, drawings(space).drawn]), axis=0)
        numbers = (ArchitectureFeatures(), *((Features(),) if self.features else ()))
        encoders = [item.start(space) for item in (*numbers, Graph(), Tokens())]
        reader, extent = reader_of(encoders, shown), joint_extent([item.extent for item in encoders])
        return reader, self._taught(reader(shown), extent)

    def _taught(self, batch: Batch, extent: Extent) -> CodeEncoder:
        encoder, decoder = CodeEncoder(extent, self.hidden, self.dropout), WordDecoder(extent)
        both = Autoencoder(encoder, decoder)
        options = replace(self.steps, epochs=self.encoder_epochs, batch=64, rate=3e-3)
        descend(nn.ModuleList([encoder, decoder]), len(batch), lambda places: both.loss(batch[places]), options)
        return encoder


def predictor(width: int) -> nn.Module:
    """Three fully connected layers: code [B, width] -> score [B, 1]."""
    return nn.Sequential(nn.Linear(width, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 1))


@dataclass(frozen=True)
class Ranked:
    """Designs with their values [n, objectives] and misses [n]."""

    batch: Batch
    values: Matrix
    bad: Matrix

    def loss(self, loss: ParetoLoss, encoder: nn.Module, head: nn.Module) -> Callable[[Tensor], Tensor]:
        """The loss of a batch of places, ranked among themselves; everything learns."""
        return lambda places: rank_loss(loss, head(encoder(self.batch[places]))[:, 0], self.ranks(places))

    def ranks(self, places: Tensor) -> Tensor:
        rows = places.numpy()
        return torch.from_numpy(pareto_ranks(self.values[rows], self.bad[rows]))


@dataclass(frozen=True)
class ParetoModel:
    """A fitted model; the methods that learn return another one and share the encoder."""

    options: HwPrNas
    reader: Reader
    encoder: CodeEncoder
    heads: dict[str, nn.Module] = field(default_factory=dict)

    def scores(self, genomes: Genomes, platform: str = FIRST) -> NDArray[np.float64]:
        """[n], higher for a better Pareto rank on the platform. Their scale means nothing."""
        head = self._head(platform)
        batch = self.reader(genomes)
        return scores_of(Both(self.encoder, head), batch)

    def with_platform(
        self, platform: str, genomes: Genomes, values: Matrix, seed: int, bad: Matrix | None = None
    ) -> "ParetoModel":
        """Also knows `platform`, from designs with their values there; the encoder stays as it is."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            head = predictor(self.encoder.width)
            missed = np.zeros(len(values)) if bad is None else bad
            self.teach(head, Ranked(self.reader(genomes), values, missed), self.options.epochs)
        return self.with_head(platform, head)

    def with_objective(
        self, platform: str, genomes: Genomes, values: Matrix, seed: int, known: str = FIRST
    ) -> "ParetoModel":
        """Also knows `platform`: the objectives of `known` and more. The predictor of `known` learns on for a few
        epochs (five in the thesis, 3.2.5) with ranks of all of `values` [n, objectives].
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            head = deepcopy(self._head(known))
            self.teach(head, Ranked(self.reader(genomes), values, np.zeros(len(values))), self.options.more_epochs)
        return self.with_head(platform, head)

    def teach(self, head: nn.Module, ranked: Ranked, epochs: int) -> None:
        """Train a predictor in place on codes that do not change."""
        self.encoder.eval()
        with torch.no_grad():
            codes = self.encoder(ranked.batch)
        loss = self.options.loss
        steps = replace(self.options.steps, epochs=epochs)
        descend(
            head, len(codes), lambda places: rank_loss(loss, head(codes[places])[:, 0], ranked.ranks(places)), steps
        )

    def with_head(self, platform: str, head: nn.Module) -> "ParetoModel":
        return replace(self, heads={**self.heads, platform: head})

    def _head(self, platform: str) -> nn.Module:
        if platform not in self.heads:
            raise SearchError(
                f"hw-pr-nas: no predictor for platform '{platform}'{nearest(platform, self.heads)}; "
                "with_platform learns one"
            )
        return self.heads[platform]


class Both(nn.Module):
    """Encoder and predictor: Batch -> scores [B]."""

    def __init__(self, encoder: CodeEncoder, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, batch: Batch) -> Tensor:
        return self.head(self.encoder(batch))[:, 0]
