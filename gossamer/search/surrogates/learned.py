"""Surrogates that learn how to read a design: `gcn`, `gin`, `gates` over its graph, `lstm` over its words, `mlp-rank`
over its features, each with a loss on values or on their order.

    encoder of the design, beside its features -> 128 -> 128 -> score

Sources: GATES (Ning et al., ECCV 2020: flow of information, hinge), BRP-NAS (Dudziak et al., NeurIPS 2020: GCN),
LRLC-like LSTM predictors, AnalogNAS (features, hinge). Kendall's tau of each: `benchmarks/surrogates.py`.
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.encodings.base import Encoding, Extent, joint_extent
from gossamer.search.encodings.features import Features
from gossamer.search.encodings.graph import Graph
from gossamer.search.encodings.tokens import Tokens
from gossamer.search.spaces.base import Space
from gossamer.search.surrogates.encoders import Batch, FlowNetwork, GraphNetwork, SentenceNetwork
from gossamer.search.surrogates.losses import LOSSES, Loss
from gossamer.search.surrogates.scores import Vector, normal_scores
from gossamer.search.surrogates.training import EnsemblePredictor, Training, member_of, reader_of, train

HEAD = 128


@dataclass(frozen=True)
class LearnedSurrogate:
    """What all have in common. `features`: the space's features are read too; `members`: networks that differ in their
    random start, whose mean is the prediction; `margin`: of the hinge loss.
    """

    loss: Loss = "listwise"
    features: bool = True
    members: int = 1
    hidden: int = 64
    layers: int = 3
    epochs: int = 120
    batch: int = 64
    rate: float = 2e-3
    decay: float = 1e-3
    margin: float = 0.1

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise SearchError(f"surrogate: loss is '{self.loss}'; it is one of {', '.join(LOSSES)}")
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, int | float) and not isinstance(value, bool) and value <= 0:
                raise SearchError(f"surrogate: {item.name} is {value}; it needs to be more than 0")

    def fit(self, space: Space, genomes: Genomes, values: Vector, seed: int) -> EnsemblePredictor:
        """Learn; a pure function of its arguments."""
        encodings = (*self.encodings(), *((Features(),) if self.features else ()))
        encoders = [encoding.start(space) for encoding in encodings]
        reader, extent = reader_of(encoders, genomes), joint_extent([item.extent for item in encoders])
        batch = reader(genomes)
        scores, scale = normal_scores(values)
        targets = torch.from_numpy(scores).to(torch.float32)
        members = []
        with torch.random.fork_rng(devices=[]):
            for place in range(self.members):
                torch.manual_seed(seed * 1000 + place)
                scorer = Scorer(self.encoder(extent), extent.numbers)
                train(scorer, batch, targets, self._training())
                members.append(member_of(scorer, batch, scores))
        return EnsemblePredictor(reader, members, scale)

    def encodings(self) -> tuple[Encoding, ...]:
        """What the encoder reads."""
        return ()

    def encoder(self, extent: Extent) -> "GraphNetwork | FlowNetwork | SentenceNetwork | None":
        """The untrained encoder; None: features alone."""
        return None

    def _training(self) -> Training:
        return Training(self.loss, self.margin, self.epochs, self.batch, self.rate, self.decay)


@dataclass(frozen=True)
class FeatureRank(LearnedSurrogate):
    """`mlp-rank`."""


@dataclass(frozen=True)
class Gcn(LearnedSurrogate):
    """`gcn`: graph convolutions along and against the data's way."""

    def encodings(self) -> tuple[Encoding, ...]:
        return (Graph(),)

    def encoder(self, extent: Extent) -> GraphNetwork:
        return GraphNetwork(extent.kinds, "gcn", self.layers, self.hidden)


@dataclass(frozen=True)
class Gin(LearnedSurrogate):
    """`gin`: graph isomorphism networks."""

    def encodings(self) -> tuple[Encoding, ...]:
        return (Graph(),)

    def encoder(self, extent: Extent) -> GraphNetwork:
        return GraphNetwork(extent.kinds, "gin", self.layers, self.hidden)


@dataclass(frozen=True)
class Gates(LearnedSurrogate):
    """`gates`: what flows through the network is gated by its operations; pairwise hinge. `layers`: how far it flows;
    the longest path of a space's networks is enough.
    """

    loss: Loss = "hinge"
    layers: int = 8

    def encodings(self) -> tuple[Encoding, ...]:
        return (Graph(),)

    def encoder(self, extent: Extent) -> FlowNetwork:
        return FlowNetwork(extent.kinds, self.layers, self.hidden)


@dataclass(frozen=True)
class Lstm(LearnedSurrogate):
    """`lstm`: a recurrent network over the words of the design."""

    layers: int = 2

    def encodings(self) -> tuple[Encoding, ...]:
        return (Tokens(),)

    def encoder(self, extent: Extent) -> SentenceNetwork:
        return SentenceNetwork(extent.tokens, self.layers, self.hidden)


class Scorer(nn.Module):
    """An encoder and a head: Batch -> scores [B]."""

    def __init__(self, encoder: GraphNetwork | FlowNetwork | SentenceNetwork | None, numbers: int) -> None:
        super().__init__()
        self.encoder = encoder
        width = numbers + (encoder.width if encoder else 0)
        self.head = nn.Sequential(
            nn.Linear(width, HEAD), nn.ReLU(), nn.Linear(HEAD, HEAD), nn.ReLU(), nn.Linear(HEAD, 1)
        )

    def forward(self, batch: Batch) -> Tensor:
        parts = [batch.numbers] if self.encoder is None else [self.encoder(batch), batch.numbers]
        return self.head(torch.cat(parts, 1))[:, 0]
