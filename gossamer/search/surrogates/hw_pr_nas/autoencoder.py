"""The encoder of HW-PR-NAS and the decoder it is trained with (thesis, 3.2.1 and Table 3.1).

    numbers   architecture features, as they are                              [B, F]
    graph     2 GCN layers -> dense                                           [B, 32]
    words     2 LSTM layers of 32 and 64 -> dense, recurrent dropout 0.2      [B, 32]
    code      the three beside each other
    decoder   3 LSTM layers of 32 over the words so far; attention over the three parts of the code; -> next word

Trained by the cross entropy of the design's own words (Eq. 3.2), so the code says nothing of any platform. Attention
sees the parts of the code alone: if it saw the encoder's states word by word, the code could stay empty. The text says
4 layers of the decoder and the table 3; 3 it is. "hidden depth 128, hidden dimension 1" of the table's GCN is read as
128 states a node. Dropout acts between LSTM layers (torch has none on recurrent connections).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gossamer.search.encodings.base import Extent
from gossamer.search.surrogates.encoders import Batch, GraphNetwork

PART = 32
DECODER = 32


class CodeEncoder(nn.Module):
    """Batch -> code [B, width]."""

    def __init__(self, extent: Extent, hidden: int, dropout: float) -> None:
        super().__init__()
        self.graph = GraphNetwork(extent.kinds, "gcn", 2, hidden)
        self.graph_out = nn.Linear(self.graph.width, PART)
        self.embed = nn.Embedding(extent.tokens, PART, padding_idx=0)
        self.first, self.second = nn.LSTM(PART, 32, batch_first=True), nn.LSTM(32, 64, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.words_out = nn.Linear(64, PART)
        self.numbers, self.width = extent.numbers, 2 * PART + extent.numbers

    def forward(self, batch: Batch) -> Tensor:
        graph = self.graph_out(self.graph(batch))
        states, _ = self.second(self.dropout(self.first(self.embed(batch.tokens))[0]))
        last = (batch.tokens > 0).sum(1).clamp(min=1) - 1
        words = self.words_out(states[torch.arange(len(states)), last])
        return torch.cat([batch.numbers, graph, words], 1)


class WordDecoder(nn.Module):
    """Code and the words before -> scores of the next word [B, L, words]."""

    def __init__(self, extent: Extent) -> None:
        super().__init__()
        self.embed = nn.Embedding(extent.tokens, DECODER)
        self.lstm = nn.LSTM(DECODER, DECODER, 3, batch_first=True)
        self.keys = nn.ModuleList([nn.Linear(size, DECODER) for size in (extent.numbers, PART, PART)])
        self.values = nn.ModuleList([nn.Linear(size, DECODER) for size in (extent.numbers, PART, PART)])
        self.out = nn.Linear(2 * DECODER, extent.tokens)
        self.sizes = (extent.numbers, PART, PART)

    def forward(self, code: Tensor, tokens: Tensor) -> Tensor:
        before = torch.cat([torch.zeros_like(tokens[:, :1]), tokens[:, :-1]], 1)
        states, _ = self.lstm(self.embed(before))
        return self.out(torch.cat([states, self.attend(code, states)], 2))

    def attend(self, code: Tensor, states: Tensor) -> Tensor:
        """What each step [B, L, H] takes from the three parts of the code: scaled dot products."""
        parts = code.split(self.sizes, 1)
        keys = torch.stack([layer(part) for layer, part in zip(self.keys, parts)], 1)
        values = torch.stack([layer(part) for layer, part in zip(self.values, parts)], 1)
        return torch.softmax(states @ keys.transpose(1, 2) / DECODER**0.5, 2) @ values


@dataclass(frozen=True)
class Autoencoder:
    """Both halves."""

    encoder: CodeEncoder
    decoder: WordDecoder

    def loss(self, batch: Batch) -> Tensor:
        """Eq. 3.2 per word; the end of a sentence (0) counts once."""
        tokens = torch.cat([batch.tokens, torch.zeros_like(batch.tokens[:, :1])], 1)
        found = self.decoder(self.encoder(batch), tokens)
        losses = cross_entropy(found.transpose(1, 2), tokens, reduction="none")
        real = torch.cat([torch.ones_like(tokens[:, :1], dtype=torch.bool), tokens[:, :-1] > 0], 1)
        return (losses * real).sum() / real.sum()
