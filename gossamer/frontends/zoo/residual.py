"""ResNet-18 (He et al., CVPR 2016) and ShuffleNetV2 (Ma et al., ECCV 2018)."""

import torch
from torch import Tensor, nn

from gossamer.frontends.zoo.blocks import Classifier, ConvBN, scaled


class BasicBlock(nn.Module):
    """conv3x3 -> conv3x3, plus the input (through a 1x1 where its shape differs)."""

    def __init__(self, ic: int, oc: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(ic, oc, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(oc)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(oc, oc, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(oc)
        same = stride == 1 and ic == oc
        self.downsample = nn.Identity() if same else ConvBN(ic, oc, 1, stride, act=None)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + self.downsample(x))


class ResNet18(nn.Module):
    """Parameter names as in torchvision."""

    def __init__(self, classes: int, width: float) -> None:
        super().__init__()
        c = [scaled(n, width) for n in (64, 128, 256, 512)]
        self.conv1 = nn.Conv2d(3, c[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(c[0])
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(BasicBlock(c[0], c[0], 1), BasicBlock(c[0], c[0], 1))
        self.layer2 = nn.Sequential(BasicBlock(c[0], c[1], 2), BasicBlock(c[1], c[1], 1))
        self.layer3 = nn.Sequential(BasicBlock(c[1], c[2], 2), BasicBlock(c[2], c[2], 1))
        self.layer4 = nn.Sequential(BasicBlock(c[2], c[3], 2), BasicBlock(c[3], c[3], 1))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(c[3], classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class ShuffleUnit(nn.Module):
    """Half of the channels pass by; the other half are convolved; then the two are interleaved."""

    def __init__(self, ic: int, oc: int, stride: int) -> None:
        super().__init__()
        half = oc // 2
        self.stride = stride
        self.near = nn.Identity() if stride == 1 else nn.Sequential(
            ConvBN(ic, ic, 3, stride, groups=ic, act=None), ConvBN(ic, half, 1)
        )  # fmt: skip
        self.far = nn.Sequential(
            ConvBN(half if stride == 1 else ic, half, 1),
            ConvBN(half, half, 3, stride, groups=half, act=None),
            ConvBN(half, half, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        near, far = x.chunk(2, 1) if self.stride == 1 else (x, x)
        return shuffled(torch.cat((self.near(near), self.far(far)), 1), 2)


def shuffled(x: Tensor, groups: int) -> Tensor:
    """Channel shuffle, written as every implementation writes it."""
    n, c, h, w = x.shape
    return x.view(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)


def shufflenet_v2(classes: int, width: float) -> nn.Module:
    stages = ((4, scaled(116, width, 4)), (8, scaled(232, width, 4)), (4, scaled(464, width, 4)))
    last, ic = scaled(1024, width), 24
    layers: list[nn.Module] = [ConvBN(3, ic, 3, 2), nn.MaxPool2d(3, 2, 1)]
    for repeat, oc in stages:
        layers += [ShuffleUnit(ic if i == 0 else oc, oc, 2 if i == 0 else 1) for i in range(repeat)]
        ic = oc
    layers.append(ConvBN(ic, last, 1))
    return Classifier(nn.Sequential(*layers), nn.Linear(last, classes))
