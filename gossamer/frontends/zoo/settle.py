"""Random weights that a network can work with: signals neither vanish nor explode, and norms have something to do."""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from gossamer.frontends.zoo.blocks import SqueezeExcite

_PRODUCTS = (
    nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Linear,
)  # fmt: skip


def settle(model: nn.Module, shape: tuple[int, ...]) -> None:
    """Draw weights that keep the signal's scale and fill in batch-norm statistics from one random batch of `shape`.

    Recurrent layers keep torch's own weights, which are uniform within 1 / sqrt(hidden).
    """
    for module in model.modules():
        if isinstance(module, _PRODUCTS):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.05)
    for module in model.modules():
        if isinstance(module, SqueezeExcite):  # gates near one half: shut ones would leave channels without variance
            nn.init.normal_(module.expand.weight, std=0.02)
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    for norm in (*norms, *(m for m in model.modules() if isinstance(m, nn.LayerNorm))):
        nn.init.uniform_(norm.weight, 0.6, 1.4)
        nn.init.normal_(norm.bias, std=0.1)
    if norms:
        _gather(model, norms, shape)


def _gather(model: nn.Module, norms: list[_BatchNorm], shape: tuple[int, ...]) -> None:
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0  # the running statistics become this batch's
    with torch.no_grad():
        model.train()(torch.randn(shape))
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
