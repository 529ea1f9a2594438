"""Pareto ranks, and listwise losses that teach a network to order designs by them.

    list_mle   mean over i of log(sum of exp f_j over j with rank_j >= rank_i) - f_i      on raw scores f
    printed    sum over i of -out_i + log(sum of exp out_j over j >= i), out = softmax(f)  thesis, Eqs. 3.6 and 3.7

Eq. 3.7 as printed takes the likelihood of the softmax's outputs instead of the scores. Those lie between 0 and 1 and
sum to 1: equal scores cost log n!, the best order at most about 1 less, and the gradient nearly vanishes. It is kept to
be compared (`benchmarks/surrogates.py`). Designs of one front share their place in `list_mle` (Breslow's way with
ties), so nothing pushes their scores apart; `printed` takes them in random order.
"""

from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gossamer.search.surrogates.losses import falling

Matrix = NDArray[np.float64]
ParetoLoss: TypeAlias = Literal["listwise", "printed"]
PARETO_LOSSES: tuple[ParetoLoss, ...] = ("listwise", "printed")


def pareto_ranks(values: Matrix, bad: Matrix) -> NDArray[np.int64]:
    """[n]: 0 on the front of `values` [n, objectives] (less is better), 1 on the front of the rest, ... Designs that
    miss limits (`bad` [n] > 0) come after all others, the worst last.
    """
    from moocore import pareto_rank

    ranks, fine = np.zeros(len(values), np.int64), bad == 0
    if fine.any():
        ranks[fine] = pareto_rank(values[fine])
    after = 1 + ranks.max(initial=0)
    ranks[~fine] = after + np.unique(bad[~fine], return_inverse=True)[1]
    return ranks


def rank_loss(loss: ParetoLoss, scores: Tensor, ranks: Tensor) -> Tensor:
    """A scalar, of raw scores [B] and ranks [B]."""
    return tied_list_mle(scores, ranks) if loss == "listwise" else printed(scores, falling(-ranks))


def tied_list_mle(scores: Tensor, ranks: Tensor) -> Tensor:
    """See the module's docstring."""
    not_better = ranks[None, :] >= ranks[:, None]
    rest = scores[None, :].masked_fill(~not_better, -torch.inf)
    return torch.mean(torch.logsumexp(rest, 1) - scores)


def printed(scores: Tensor, order: Tensor) -> Tensor:
    """Eq. 3.7; `order`: best first."""
    out = torch.softmax(scores, 0)[order]
    return torch.sum(torch.logcumsumexp(out.flip(0), 0).flip(0) - out)
