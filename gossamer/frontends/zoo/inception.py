"""InceptionV3 (Szegedy et al., CVPR 2016) without the auxiliary head: 7x7 and 3x3 cut into rows and columns."""

import torch
from torch import Tensor, nn

from gossamer.frontends.zoo.blocks import Classifier, scaled
from gossamer.frontends.zoo.googlenet import Conv


class Joined(nn.Module):
    """Branches over the same input, joined along the channels."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


def inception_v3(classes: int, width: float) -> nn.Module:
    def c(channels: int) -> int:
        return scaled(channels, width)

    layers: list[nn.Module] = [
        Conv(3, c(32), 3, 2), Conv(c(32), c(32), 3), Conv(c(32), c(64), 3, padding=1), nn.MaxPool2d(3, 2),
        Conv(c(64), c(80), 1), Conv(c(80), c(192), 3), nn.MaxPool2d(3, 2),
        _a(c(192), 32, width), _a(c(64) * 2 + c(96) + c(32), 64, width), _a(c(64) * 3 + c(96), 64, width),
        _b(c(64) * 3 + c(96), width),
    ]  # fmt: skip
    wide = c(384) + c(96) + c(64) * 3 + c(96)
    for inner in (128, 160, 160, 192):
        layers.append(_c(wide, inner, width))
        wide = 4 * c(192)
    layers.append(_d(wide, width))
    last = c(320) + 4 * c(384) + c(192)
    layers += [_e(wide + c(320) + c(192), width), _e(last, width)]
    return Classifier(nn.Sequential(*layers), nn.Sequential(nn.Dropout(0.5), nn.Linear(last, classes)))


def _a(ic: int, pooled: int, width: float) -> nn.Module:
    """Grid of 35: 1x1, 5x5, two 3x3, mean pool."""
    c48, c64, c96 = (scaled(n, width) for n in (48, 64, 96))
    return Joined(
        Conv(ic, c64, 1),
        nn.Sequential(Conv(ic, c48, 1), Conv(c48, c64, 5, padding=2)),
        nn.Sequential(Conv(ic, c64, 1), Conv(c64, c96, 3, padding=1), Conv(c96, c96, 3, padding=1)),
        nn.Sequential(nn.AvgPool2d(3, 1, 1), Conv(ic, scaled(pooled, width), 1)),
    )


def _b(ic: int, width: float) -> nn.Module:
    """35 -> 17."""
    c64, c96 = scaled(64, width), scaled(96, width)
    return Joined(
        Conv(ic, scaled(384, width), 3, 2),
        nn.Sequential(Conv(ic, c64, 1), Conv(c64, c96, 3, padding=1), Conv(c96, c96, 3, 2)),
        nn.MaxPool2d(3, 2),
    )


def _c(ic: int, inner: int, width: float) -> nn.Module:
    """Grid of 17: 7x7 as 1x7 and 7x1, once and twice."""
    n, c = scaled(inner, width), scaled(192, width)
    return Joined(
        Conv(ic, c, 1),
        nn.Sequential(Conv(ic, n, 1), _row(n, n), _column(n, c)),
        nn.Sequential(Conv(ic, n, 1), _column(n, n), _row(n, n), _column(n, n), _row(n, c)),
        nn.Sequential(nn.AvgPool2d(3, 1, 1), Conv(ic, c, 1)),
    )


def _d(ic: int, width: float) -> nn.Module:
    """17 -> 8."""
    c = scaled(192, width)
    return Joined(
        nn.Sequential(Conv(ic, c, 1), Conv(c, scaled(320, width), 3, 2)),
        nn.Sequential(Conv(ic, c, 1), _row(c, c), _column(c, c), Conv(c, c, 3, 2)),
        nn.MaxPool2d(3, 2),
    )


def _e(ic: int, width: float) -> nn.Module:
    """Grid of 8: the 3x3 fans out into a row and a column."""
    c384, c448 = scaled(384, width), scaled(448, width)
    return Joined(
        Conv(ic, scaled(320, width), 1),
        nn.Sequential(Conv(ic, c384, 1), _fan(c384)),
        nn.Sequential(Conv(ic, c448, 1), Conv(c448, c384, 3, padding=1), _fan(c384)),
        nn.Sequential(nn.AvgPool2d(3, 1, 1), Conv(ic, scaled(192, width), 1)),
    )


def _row(ic: int, oc: int) -> nn.Module:
    return Conv(ic, oc, (1, 7), padding=(0, 3))


def _column(ic: int, oc: int) -> nn.Module:
    return Conv(ic, oc, (7, 1), padding=(3, 0))


def _fan(c: int) -> nn.Module:
    return Joined(Conv(c, c, (1, 3), padding=(0, 1)), Conv(c, c, (3, 1), padding=(1, 0)))
