"""GoogLeNet (Szegedy et al., CVPR 2015) with batch norms, as torchvision has it, without the auxiliary heads."""

import torch
from torch import Tensor, nn

from gossamer.frontends.zoo.blocks import Classifier, scaled

# channels of: 1x1 | 3x3 after a 1x1 | second 3x3 after a 1x1 (5x5 in the paper) | 1x1 after the pool; None: a pool
_BLOCKS = (
    (64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64), None,
    (192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128), None,
    (256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128),
)  # fmt: skip


class Conv(nn.Sequential):
    """Convolution -> batch norm -> relu; torchvision's epsilon for both Inception networks."""

    def __init__(
        self,
        ic: int,
        oc: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        convolution = nn.Conv2d(ic, oc, kernel, stride, padding, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(oc, eps=0.001), nn.ReLU())


class Inception(nn.Module):
    """Four branches over the same input, joined along the channels."""

    def __init__(self, ic: int, channels: list[int]) -> None:
        super().__init__()
        one, narrow3, wide3, narrow5, wide5, pooled = channels
        self.branch1 = Conv(ic, one, 1)
        self.branch2 = nn.Sequential(Conv(ic, narrow3, 1), Conv(narrow3, wide3, 3, padding=1))
        self.branch3 = nn.Sequential(Conv(ic, narrow5, 1), Conv(narrow5, wide5, 3, padding=1))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), Conv(ic, pooled, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


def googlenet(classes: int, width: float) -> nn.Module:
    """Its pools round the output size up (`ceil_mode`)."""
    stem, ic = scaled(64, width), scaled(192, width)
    layers: list[nn.Module] = [
        Conv(3, stem, 7, 2, 3), nn.MaxPool2d(3, 2, ceil_mode=True),
        Conv(stem, stem, 1), Conv(stem, ic, 3, padding=1), nn.MaxPool2d(3, 2, ceil_mode=True),
    ]  # fmt: skip
    for block in _BLOCKS:
        if block is None:  # the first of the two pools has a window of 3, the second one of 2
            layers.append(nn.MaxPool2d(3 if len(layers) < 8 else 2, 2, ceil_mode=True))
            continue
        channels = [scaled(c, width) for c in block]
        layers.append(Inception(ic, channels))
        ic = channels[0] + channels[2] + channels[4] + channels[5]
    return Classifier(nn.Sequential(*layers), nn.Sequential(nn.Dropout(0.2), nn.Linear(ic, classes)))
