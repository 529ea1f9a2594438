"""Building blocks that the zoo's networks share."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Activation = Callable[[], nn.Module]


def scaled(channels: int, width: float, divisor: int = 8) -> int:
    """Channels times the width multiplier, as a multiple of `divisor`: the nearest, but never more than a tenth less.

    The rule of the MobileNet authors' code.
    """
    exact = channels * width
    rounded = max(divisor, int(exact + divisor / 2) // divisor * divisor)
    return rounded if rounded >= 0.9 * exact else rounded + divisor


class ConvBN(nn.Sequential):
    """Convolution without bias -> batch norm -> activation (None: none). Padding keeps the size at stride 1."""

    def __init__(
        self, ic: int, oc: int, kernel: int = 3, stride: int = 1, groups: int = 1, act: Activation | None = nn.ReLU
    ) -> None:
        layers = [
            nn.Conv2d(ic, oc, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(oc),
            *([act()] if act else []),
        ]
        super().__init__(*layers)


class SqueezeExcite(nn.Module):
    """Scale every channel by a gate computed from the channels' means."""

    def __init__(self, channels: int, squeezed: int, act: Activation, gate: Activation) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, squeezed, 1)
        self.act = act()
        self.expand = nn.Conv2d(squeezed, channels, 1)
        self.gate = gate()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(self.expand(self.act(self.reduce(self.pool(x)))))


class InvertedResidual(nn.Module):
    """Expand (1x1) -> depthwise -> squeeze-excite (optional) -> project (1x1), with a skip where shapes allow it."""

    def __init__(
        self,
        ic: int,
        hidden: int,
        oc: int,
        kernel: int,
        stride: int,
        act: Activation,
        excite: SqueezeExcite | None = None,
    ) -> None:
        super().__init__()
        self.skip = stride == 1 and ic == oc
        layers: list[nn.Module] = [] if hidden == ic else [ConvBN(ic, hidden, 1, act=act)]
        layers.append(ConvBN(hidden, hidden, kernel, stride, groups=hidden, act=act))
        layers += [] if excite is None else [excite]
        layers.append(ConvBN(hidden, oc, 1, act=None))
        self.block = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x) if self.skip else self.block(x)


class Classifier(nn.Module):
    """Features -> global average pool -> flatten -> head."""

    def __init__(self, features: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.flatten(self.pool(self.features(x)), 1))
