"""3D U-Net (Cicek et al., MICCAI 2016): 3-D convolutions, pools and transposed convolutions, padded."""

import torch
from torch import Tensor, nn

from gossamer.frontends.zoo.blocks import scaled


def _conv(ic: int, oc: int) -> list[nn.Module]:
    return [nn.Conv3d(ic, oc, 3, padding=1), nn.BatchNorm3d(oc), nn.ReLU()]


class UNet3d(nn.Module):
    """The first convolution of a level makes half of the channels on the way down (no bottleneck before a pool)."""

    def __init__(self, classes: int, width: float) -> None:
        super().__init__()
        c = [scaled(n, width) for n in (64, 128, 256, 512)]
        self.down = nn.ModuleList(
            nn.Sequential(*_conv(3 if i == 0 else c[i - 1], c[i] // 2), *_conv(c[i] // 2, c[i])) for i in range(4)
        )
        self.pool = nn.MaxPool3d(2, 2)
        self.up = nn.ModuleList(nn.ConvTranspose3d(c[i], c[i], 2, 2, bias=False) for i in (3, 2, 1))
        self.join = nn.ModuleList(
            nn.Sequential(*_conv(c[i + 1] + c[i], c[i]), *_conv(c[i], c[i])) for i in (2, 1, 0)
        )
        self.leave = nn.Conv3d(c[0], classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        levels = [self.down[0](x)]
        for block in self.down[1:]:
            levels.append(block(self.pool(levels[-1])))
        x = levels.pop()
        for up, join in zip(self.up, self.join):
            x = join(torch.cat([up(x), levels.pop()], 1))
        return self.leave(x)


def unet3d(classes: int, width: float) -> nn.Module:
    return UNet3d(classes, width)
