"""Policies over the choices of a space: a probability for every value of every gene.

    independent    a table of logits, as ProxylessNAS-R and NAHAS sample
    rnn            an LSTM that draws gene after gene, given those before (Zoph & Le 2017; MnasNet, MONAS)

Genes whose conditions do not hold are neither drawn nor counted. Draws come from NumPy's generator, so a seed says all.
"""

from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gossamer.search.choices import Choices, Genomes

Kind: TypeAlias = Literal["independent", "rnn"]
KINDS: tuple[Kind, ...] = ("independent", "rnn")


_CLOSED = -1e9
"""Logit of a value that a gene does not have."""

State: TypeAlias = tuple[Tensor, Tensor] | None


class Controller(nn.Module):
    """A policy. `hidden`: width of the LSTM."""

    def __init__(self, choices: Choices, kind: Kind, hidden: int, seed: int) -> None:
        super().__init__()
        self._choices, self._kind = choices, kind
        genes, widest = len(choices), int(choices.sizes.max())
        random = torch.Generator().manual_seed(seed)
        self.bias = nn.Parameter(torch.zeros(genes, widest))
        closed = np.arange(widest) >= choices.sizes[:, None]
        self._closed = torch.from_numpy(np.where(closed, np.float32(_CLOSED), np.float32(0)))
        if kind == "rnn":
            self.taken = nn.Parameter(0.1 * torch.randn(genes, widest, hidden, generator=random))
            self.cell = nn.LSTM(hidden, hidden)
            self.head = nn.Linear(hidden, widest)
            for parameter in (*self.cell.parameters(), *self.head.parameters()):
                nn.init.uniform_(parameter, -0.1, 0.1, generator=random)

    def sample(self, count: int, rng: np.random.Generator) -> Genomes:
        """Draws [count, genes] from the policy, inactive genes 0."""
        genomes = np.zeros((count, len(self._choices)), np.int64)
        state: State = None
        with torch.no_grad():
            for place, item in enumerate(self._choices.items):
                logits, state = self._logits(genomes, slice(place, place + 1), state)
                chances = torch.softmax(logits[0].double(), dim=1).numpy().cumsum(axis=1)
                drawn = (rng.random((count, 1)) > chances).sum(axis=1).clip(0, len(item.values) - 1)
                genomes[:, place] = np.where(self._choices.active(item.when, genomes), drawn, 0)
        return genomes

    def judge(self, genomes: Genomes) -> tuple[Tensor, Tensor]:
        """Logarithm of each design's probability and entropy of its draws, both [n], inactive genes left out."""
        logits, _ = self._logits(genomes, slice(0, len(self._choices)), None)
        logs = torch.log_softmax(logits, dim=2)
        counted = torch.from_numpy(self._counted(genomes).T.astype(np.float32))
        taken = logs.gather(2, torch.from_numpy(genomes.T.copy())[:, :, None])[:, :, 0]
        return (counted * taken).sum(dim=0), -(counted * (logs.exp() * logs).sum(dim=2)).sum(dim=0)

    def _counted(self, genomes: Genomes) -> NDArray[np.bool_]:
        """[n, genes]: which genes are drawn."""
        return np.stack([self._choices.active(item.when, genomes) for item in self._choices.items], axis=1)

    def _logits(self, genomes: Genomes, genes: slice, state: State) -> tuple[Tensor, State]:
        """[genes, n, widest] for some genes, given the values of those before them."""
        logits = (self.bias[genes] + self._closed[genes])[:, None].expand(-1, len(genomes), -1)
        if self._kind == "independent":
            return logits, None
        shifted = np.concatenate([np.zeros_like(genomes[:, :1]), genomes[:, :-1]], axis=1)[:, genes].T
        places = torch.arange(len(self._choices))[genes, None]
        read, state = self.cell(self.taken[places, torch.from_numpy(shifted.copy())], state)
        return logits + self.head(read), state
