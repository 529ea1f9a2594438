"""DeepLabV3 on a dilated ResNet-50 (Chen et al., 2017), without the auxiliary head: a class for every pixel."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from gossamer.frontends.zoo.blocks import ConvBN, scaled
from gossamer.frontends.zoo.bottleneck import Backbone


class Pyramid(nn.Module):
    """Atrous spatial pyramid pooling: a 1x1, three dilated 3x3 and the image's mean side by side, then a 1x1."""

    def __init__(self, ic: int, oc: int) -> None:
        super().__init__()
        self.point = ConvBN(ic, oc, 1)
        self.dilated = nn.ModuleList(_dilated(ic, oc, dilation) for dilation in (12, 24, 36))
        self.mean = nn.Sequential(nn.AdaptiveAvgPool2d(1), ConvBN(ic, oc, 1))
        self.project = nn.Sequential(ConvBN(5 * oc, oc, 1), nn.Dropout(0.5))

    def forward(self, x: Tensor) -> Tensor:
        whole = functional.interpolate(self.mean(x), size=x.shape[-2:], mode="bilinear", align_corners=False)
        return self.project(torch.cat([self.point(x), *(branch(x) for branch in self.dilated), whole], 1))


def _dilated(ic: int, oc: int, dilation: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(ic, oc, 3, 1, dilation, dilation, bias=False), nn.BatchNorm2d(oc), nn.ReLU())


class DeepLabV3(nn.Module):
    def __init__(self, classes: int, width: float) -> None:
        super().__init__()
        channels = scaled(256, width)
        self.backbone = Backbone(width, dilated=True)
        self.pyramid = Pyramid(self.backbone.channels, channels)
        self.head = nn.Sequential(ConvBN(channels, channels, 3), nn.Conv2d(channels, classes, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.head(self.pyramid(self.backbone(x)))
        return functional.interpolate(y, size=x.shape[-2:], mode="bilinear", align_corners=False)


def deeplab_v3(classes: int, width: float) -> nn.Module:
    return DeepLabV3(classes, width)
