"""Losses that teach a network to order designs.

`scores` f [B] are the network's, `targets` y [B] the truth, both of one batch; a higher score stands for a higher y.

    mse      mean of (f - y)^2                                          values, not ranks
    hinge    mean over pairs with y_i > y_j of max(0, m - (f_i - f_j))   GATES (Ning et al. 2020), Eq. 4; AnalogNAS
    listwise mean over i of log(sum over j >= i of exp f_(j)) - f_(i), designs (1), (2), ... in falling order of y
             ListMLE (Xia et al. 2008) on raw scores; equal targets stand in a random order
"""

from typing import Literal, TypeAlias

import torch
from torch import Tensor

Loss: TypeAlias = Literal["mse", "hinge", "listwise"]
LOSSES: tuple[Loss, ...] = ("mse", "hinge", "listwise")


def loss_of(loss: Loss, scores: Tensor, targets: Tensor, margin: float) -> Tensor:
    """A scalar; `margin`: m of the hinge, in units of the score."""
    if loss == "mse":
        return torch.mean((scores - targets) ** 2)
    return hinge(scores, targets, margin) if loss == "hinge" else list_mle(scores, falling(targets))


def hinge(scores: Tensor, targets: Tensor, margin: float) -> Tensor:
    """See the module's docstring; 0 where no two targets differ."""
    above = (targets[:, None] > targets[None, :]).to(scores.dtype)
    missing = torch.relu(margin - (scores[:, None] - scores[None, :]))
    return (above * missing).sum() / above.sum().clamp(min=1)


def falling(targets: Tensor) -> Tensor:
    """Places [B] from the highest target to the lowest, equal ones shuffled by torch's generator."""
    shuffled = torch.randperm(len(targets))
    return shuffled[torch.argsort(targets[shuffled], descending=True, stable=True)]


def list_mle(scores: Tensor, order: Tensor) -> Tensor:
    """Negative log-likelihood per design of `order` (best first) under Plackett and Luce's model."""
    ordered = scores[order]
    rest = torch.logcumsumexp(ordered.flip(0), 0).flip(0)
    return torch.mean(rest - ordered)
