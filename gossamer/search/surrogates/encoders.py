"""Networks that read encoded designs: graphs by GCN, GIN or GATES layers, sentences by an LSTM, numbers as they are.

Every encoder maps a batch to vectors [B, width]. Notation: h [B, N, H] states of nodes; A [B, N, N], A[i, j] how often
node j reads node i; D its column sums.

    gcn    h' = relu(W0 h + W1 D^-1 A^T h + W2 D^-1 A h)     Kipf and Welling 2017, along and against the data's way
    gin    h' = h + MLP((1 + e) h + U A^T h + V A h)         Xu et al. 2019
    gates  x_j = sigmoid(W_k) * sum over i of A_ij W x_i     Ning et al. 2020, Eq. 1: what flows through the network is
           gated by each node's kind k; the vector of the output node stands for the design
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from gossamer.search.encodings.base import Encoded, Extent

GraphLayer: TypeAlias = Literal["gcn", "gin", "gates"]


@dataclass(frozen=True)
class Batch:
    """An `Encoded` as tensors."""

    tokens: Tensor
    kinds: Tensor
    edges: Tensor
    numbers: Tensor

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, rows: Tensor) -> "Batch":
        return Batch(self.tokens[rows], self.kinds[rows], self.edges[rows], self.numbers[rows])


def to_batch(encoded: Encoded) -> Batch:
    """Shares memory where it can."""
    return Batch(*(torch.from_numpy(part) for part in (encoded.tokens, encoded.kinds, encoded.edges, encoded.numbers)))


class GraphNetwork(nn.Module):
    """`layers` of graph convolutions, then the mean over nodes beside the output node: width 2 H."""

    def __init__(self, kinds: int, layer: GraphLayer, layers: int, hidden: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(kinds, hidden, padding_idx=0)
        self.blocks = nn.ModuleList([_BLOCKS[layer](hidden) for _ in range(layers)])
        self.width = 2 * hidden

    def forward(self, batch: Batch) -> Tensor:
        real = (batch.kinds > 0).to(torch.float32)[:, :, None]
        h = self.embed(batch.kinds)
        for block in self.blocks:
            h = block(h, batch.edges) * real
        last = (batch.kinds > 0).sum(1) - 1
        output = h[torch.arange(len(h)), last]
        return torch.cat([h.sum(1) / real.sum(1), output], 1)


class _Gcn(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.own, self.reads, self.read_by = (nn.Linear(hidden, hidden) for _ in range(3))
        self.norm = nn.LayerNorm(hidden)

    def forward(self, h: Tensor, edges: Tensor) -> Tensor:
        reads = edges.transpose(1, 2) @ h / edges.sum(1).clamp(min=1)[:, :, None]
        read_by = edges @ h / edges.sum(2).clamp(min=1)[:, :, None]
        return torch.relu(self.norm(self.own(h) + self.reads(reads) + self.read_by(read_by)))


class _Gin(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.epsilon = nn.Parameter(torch.zeros(()))
        self.reads, self.read_by = (nn.Linear(hidden, hidden, bias=False) for _ in range(2))
        self.mlp = nn.Sequential(
            nn.LayerNorm(hidden), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, hidden)
        )

    def forward(self, h: Tensor, edges: Tensor) -> Tensor:
        around = self.reads(edges.transpose(1, 2) @ h) + self.read_by(edges @ h)
        return h + self.mlp((1 + self.epsilon) * h + around)


_BLOCKS: dict[GraphLayer, type[nn.Module]] = {"gcn": _Gcn, "gin": _Gin}


class FlowNetwork(nn.Module):
    """GATES: information flows from the input to the output. `rounds` must reach the longest path to be exact; nodes
    further away than that hold what reached them so far. Width H.
    """

    def __init__(self, kinds: int, rounds: int, hidden: int) -> None:
        super().__init__()
        self.gate = nn.Embedding(kinds, hidden)
        self.start = nn.Parameter(0.1 * torch.randn(hidden))
        self.mix = nn.Linear(hidden, hidden)
        self.rounds, self.width = rounds, hidden

    def forward(self, batch: Batch) -> Tensor:
        real = (batch.kinds > 0).to(torch.float32)[:, :, None]
        gates = torch.sigmoid(self.gate(batch.kinds)) * real
        is_input = (batch.edges.sum(1) == 0).to(torch.float32)[:, :, None] * real
        x = is_input * self.start
        for _ in range(self.rounds):
            x = is_input * self.start + (1 - is_input) * gates * (batch.edges.transpose(1, 2) @ self.mix(x))
        last = (batch.kinds > 0).sum(1) - 1
        return x[torch.arange(len(x)), last]


class SentenceNetwork(nn.Module):
    """An LSTM over the words, its last state: width H. `dropout`: between its layers."""

    def __init__(self, tokens: int, layers: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.embed = nn.Embedding(tokens, hidden, padding_idx=0)
        self.lstm = nn.LSTM(hidden, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.width = hidden

    def forward(self, batch: Batch) -> Tensor:
        states, _ = self.lstm(self.embed(batch.tokens))
        last = (batch.tokens > 0).sum(1).clamp(min=1) - 1
        return states[torch.arange(len(states)), last]


def graph_network(extent: Extent, layer: GraphLayer, layers: int, hidden: int) -> "GraphNetwork | FlowNetwork":
    """The encoder of graphs with that kind of layer."""
    if layer == "gates":
        return FlowNetwork(extent.kinds, layers, hidden)
    return GraphNetwork(extent.kinds, layer, layers, hidden)
