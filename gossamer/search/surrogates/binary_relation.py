"""The surrogate `brp`: which of two designs is better, learnt as such (BRP-NAS, Dudziak et al., NeurIPS 2020, 3.2).

    P(a > b) = sigmoid(head(embed(a) . embed(b)) - head(embed(b) . embed(a)))      embed: a GCN over the graph

Trained with the cross entropy over the ordered pairs of a batch. The paper sorts candidates by the relation; here a
design's value is the mean log-odds that it beats each of the designs learnt from, which takes n instead of n log n
comparisons of candidates with each other, and is transitive. The difference of both orders makes P(a > b) and P(b > a)
sum to 1 (the paper's softmax over both learns that).
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.encodings.base import joint_extent
from gossamer.search.encodings.features import Features
from gossamer.search.encodings.graph import Graph
from gossamer.search.spaces.base import Space
from gossamer.search.surrogates.encoders import Batch, GraphNetwork
from gossamer.search.surrogates.scores import Vector, normal_scores
from gossamer.search.surrogates.training import EnsemblePredictor, Training, descend, member_of, reader_of

JUDGES = 64
"""Designs that each candidate is compared with, evenly spread over the order of those learnt from."""


@dataclass(frozen=True)
class BinaryRelation:
    """`features`: read beside the graph; the paper has none."""

    features: bool = False
    hidden: int = 64
    layers: int = 4
    epochs: int = 120
    batch: int = 64
    rate: float = 2e-3
    decay: float = 1e-3

    def __post_init__(self) -> None:
        for item in fields(self):
            if item.name != "features" and getattr(self, item.name) <= 0:
                value = getattr(self, item.name)
                raise SearchError(f"surrogate 'brp': {item.name} is {value}; it needs to be more than 0")

    def fit(self, space: Space, genomes: Genomes, values: Vector, seed: int) -> EnsemblePredictor:
        """Learn; a pure function of its arguments."""
        encoders = [item.start(space) for item in (Graph(), *((Features(),) if self.features else ()))]
        reader, extent = reader_of(encoders, genomes), joint_extent([item.extent for item in encoders])
        batch = reader(genomes)
        scores, scale = normal_scores(values)
        targets = torch.from_numpy(scores)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            relation = Relation(GraphNetwork(extent.kinds, "gcn", self.layers, self.hidden), extent.numbers)
            loss = lambda places: relation.loss(batch[places], targets[places])  # noqa: E731
            descend(relation, len(batch), loss, self._training())
            relation.judge_by(batch[_spread(targets)])
        return EnsemblePredictor(reader, [member_of(relation, batch, scores)], scale)

    def _training(self) -> Training:
        return Training("mse", 0.0, self.epochs, self.batch, self.rate, self.decay)


def _spread(targets: Tensor) -> Tensor:
    """Places of at most JUDGES designs, evenly over the order."""
    order = torch.argsort(targets, stable=True)
    return order[torch.linspace(0, len(order) - 1, min(JUDGES, len(order))).round().long()]


class Relation(nn.Module):
    """Batch -> mean log-odds [B] to beat the judges."""

    def __init__(self, encoder: GraphNetwork, numbers: int) -> None:
        super().__init__()
        self.encoder = encoder
        width = encoder.width + numbers
        self.first, self.second = nn.Linear(width, 64), nn.Linear(width, 64, bias=False)
        self.head = nn.Linear(64, 1, bias=False)
        self._judges: Tensor | None = None

    def loss(self, batch: Batch, targets: Tensor) -> Tensor:
        """Cross entropy over the pairs whose targets differ."""
        embedded = self._embed(batch)
        higher = targets[:, None] > targets[None, :]
        differ = targets[:, None] != targets[None, :]
        odds = self._odds(embedded, embedded)
        losses = binary_cross_entropy_with_logits(odds, higher.to(odds.dtype), reduction="none")
        return (losses * differ).sum() / differ.sum().clamp(min=1)

    def judge_by(self, batch: Batch) -> None:
        """Compare with these designs from now on."""
        with torch.no_grad():
            self._judges = self._embed(batch)

    def forward(self, batch: Batch) -> Tensor:
        embedded = self._embed(batch)
        judges = embedded if self._judges is None else self._judges
        return self._odds(embedded, judges).mean(1)

    def _embed(self, batch: Batch) -> Tensor:
        return torch.cat([self.encoder(batch), batch.numbers], 1)

    def _odds(self, left: Tensor, right: Tensor) -> Tensor:
        """Log-odds [L, R] that the left beats the right."""
        forth = torch.relu(self.first(left)[:, None] + self.second(right)[None, :])
        back = torch.relu(self.first(right)[None, :] + self.second(left)[:, None])
        return (self.head(forth) - self.head(back))[:, :, 0]
