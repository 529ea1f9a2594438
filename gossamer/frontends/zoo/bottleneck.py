"""ResNet-50 (He et al., CVPR 2016) and ResNeXt-50 32x4d (Xie et al., CVPR 2017), parameter names as in torchvision."""

import torch
from torch import Tensor, nn

from gossamer.frontends.zoo.blocks import ConvBN, scaled

_REPEATS = (3, 4, 6, 3)


class Bottleneck(nn.Module):
    """1x1 -> 3x3 (strided, grouped, dilated) -> 1x1 to `oc`, plus the input."""

    def __init__(self, ic: int, inner: int, oc: int, stride: int, groups: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(ic, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, dilation, dilation, groups, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, oc, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(oc)
        self.relu = nn.ReLU()
        same = stride == 1 and ic == oc
        self.downsample = nn.Identity() if same else ConvBN(ic, oc, 1, stride, act=None)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        return self.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class Backbone(nn.Module):
    """Everything before the classifier. With `dilated` the last two stages keep their resolution (output stride 8)."""

    def __init__(self, width: float, groups: int = 1, inner: int = 64, dilated: bool = False) -> None:
        super().__init__()
        stem = scaled(64, width)
        self.conv1 = nn.Conv2d(3, stem, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        strides, dilations = ((1, 2, 1, 1), (1, 1, 2, 4)) if dilated else ((1, 2, 2, 2), (1, 1, 1, 1))
        channels, before = stem, 1
        for i, (repeat, stride, dilation) in enumerate(zip(_REPEATS, strides, dilations)):
            narrow, wide = scaled(inner << i, width, max(8, groups)), scaled(256 << i, width)
            blocks = [Bottleneck(channels, narrow, wide, stride, groups, before)]  # dilated from the second block on
            blocks += [Bottleneck(wide, narrow, wide, 1, groups, dilation) for _ in range(repeat - 1)]
            self.add_module(f"layer{i + 1}", nn.Sequential(*blocks))
            channels, before = wide, dilation
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for i in range(len(_REPEATS)):
            x = self.get_submodule(f"layer{i + 1}")(x)
        return x


class DeepResNet(Backbone):
    def __init__(self, classes: int, width: float, groups: int = 1, inner: int = 64) -> None:
        super().__init__(width, groups, inner)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(self.channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.flatten(self.avgpool(super().forward(x)), 1))


def resnet50(classes: int, width: float) -> nn.Module:
    return DeepResNet(classes, width)


def resnext50(classes: int, width: float) -> nn.Module:
    """32 groups of 4 channels in the first stage."""
    return DeepResNet(classes, width, 32, 128)
