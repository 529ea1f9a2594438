"""DenseNet-121 (Huang et al., CVPR 2017): every layer reads all that came before it in its block."""

import torch
from torch import Tensor, nn

from gossamer.frontends.zoo.blocks import Classifier, scaled

_BLOCKS = (6, 12, 24, 16)


class DenseLayer(nn.Module):
    """x -> x joined with `growth` new channels: norm, relu, 1x1, norm, relu, 3x3."""

    def __init__(self, ic: int, growth: int) -> None:
        super().__init__()
        self.new = nn.Sequential(
            nn.BatchNorm2d(ic), nn.ReLU(), nn.Conv2d(ic, 4 * growth, 1, bias=False),
            nn.BatchNorm2d(4 * growth), nn.ReLU(), nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.new(x)], 1)


def densenet121(classes: int, width: float) -> nn.Module:
    growth, ic = scaled(32, width), scaled(64, width)
    layers: list[nn.Module] = [
        nn.Conv2d(3, ic, 7, 2, 3, bias=False), nn.BatchNorm2d(ic), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
    ]  # fmt: skip
    for i, repeat in enumerate(_BLOCKS):
        layers += [DenseLayer(ic + k * growth, growth) for k in range(repeat)]
        ic += repeat * growth
        layers.append(nn.BatchNorm2d(ic))
        layers.append(nn.ReLU())
        if i + 1 < len(_BLOCKS):
            layers += [nn.Conv2d(ic, ic // 2, 1, bias=False), nn.AvgPool2d(2, 2)]
            ic //= 2
    return Classifier(nn.Sequential(*layers), nn.Linear(ic, classes))
