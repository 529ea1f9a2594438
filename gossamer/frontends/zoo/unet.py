"""U-Net in 2-D (Ronneberger et al., MICCAI 2015) with padded convolutions and batch norms, in its two usual variants:
upwards by transposed convolutions, or by bilinear resizing.
"""

import torch
from torch import Tensor, nn

from gossamer.frontends.zoo.blocks import ConvBN, scaled


class Up(nn.Module):
    """Double the size, join what the way down left at that size, convolve twice."""

    def __init__(self, below: int, oc: int, beside: int, bilinear: bool) -> None:
        super().__init__()
        self.up: nn.Module
        if bilinear:
            self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
            self.block = doubled(below + beside, oc, (below + beside) // 2)
        else:
            self.up = nn.ConvTranspose2d(below, below // 2, 2, 2)
            self.block = doubled(below // 2 + beside, oc)

    def forward(self, x: Tensor, beside: Tensor) -> Tensor:
        return self.block(torch.cat([beside, self.up(x)], 1))


class UNet(nn.Module):
    def __init__(self, classes: int, width: float, bilinear: bool) -> None:
        super().__init__()
        c = [scaled(n, width) for n in (64, 128, 256, 512, 1024)]
        factor = 2 if bilinear else 1  # resized channels are joined without a convolution that halves them first
        c[4] //= factor
        self.enter = doubled(3, c[0])
        self.down = nn.ModuleList(nn.Sequential(nn.MaxPool2d(2), doubled(c[i], c[i + 1])) for i in range(4))
        below = (c[4], c[3] // factor, c[2] // factor, c[1] // factor, c[0])
        self.up = nn.ModuleList(Up(below[i], below[i + 1], c[3 - i], bilinear) for i in range(4))
        self.leave = nn.Conv2d(c[0], classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        levels = [self.enter(x)]
        for down in self.down:
            levels.append(down(levels[-1]))
        x = levels.pop()
        for up in self.up:
            x = up(x, levels.pop())
        return self.leave(x)


def doubled(ic: int, oc: int, inner: int | None = None) -> nn.Module:
    """Two 3x3 convolutions."""
    inner = inner or oc
    return nn.Sequential(ConvBN(ic, inner, 3), ConvBN(inner, oc, 3))


def unet2d(classes: int, width: float) -> nn.Module:
    return UNet(classes, width, bilinear=False)


def unet2d_bilinear(classes: int, width: float) -> nn.Module:
    return UNet(classes, width, bilinear=True)
