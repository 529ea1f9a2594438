"""Keyword spotting over 49 frames of 10 MFCCs, [N, 1, 49, 10]: DS-CNN as in MLPerf Tiny, CRNN-L and GRU-S of Zhang et
al. 2017 (Hello Edge).
"""

import torch
from torch import Tensor, nn

from gossamer.frontends.zoo.blocks import scaled


def _conv(ic: int, oc: int, kernel: tuple[int, int], padding: tuple[int, int, int, int], groups: int = 1) -> nn.Module:
    """Padding (left, right, top, bottom) as TensorFlow's "same" has it; biases before norms are as published."""
    stride = 2 if kernel == (10, 4) else 1
    convolution = nn.Conv2d(ic, oc, kernel, stride, groups=groups)
    return nn.Sequential(nn.ZeroPad2d(padding), convolution, nn.BatchNorm2d(oc, eps=1e-3), nn.ReLU())


def ds_cnn(classes: int, width: float) -> nn.Module:
    """One convolution of 10x4, then four depthwise-separable ones; the mean over 25x5 positions is classified."""
    c = scaled(64, width)
    layers = [_conv(1, c, (10, 4), (1, 1, 4, 5)), nn.Dropout(0.2)]
    for _ in range(4):
        layers += [_conv(c, c, (3, 3), (1, 1, 1, 1), groups=c), _conv(c, c, (1, 1), (0, 0, 0, 0))]
    return nn.Sequential(*layers, nn.Dropout(0.4), nn.AvgPool2d((25, 5)), nn.Flatten(), nn.Linear(c, classes))


class CRNN(nn.Module):
    """A convolution over time and frequency, two GRU layers over the time left, a classifier of the last step."""

    def __init__(self, classes: int, width: float) -> None:
        super().__init__()
        channels, hidden, inner = scaled(100, width, 4), scaled(136, width), scaled(188, width, 4)
        self.conv = nn.Sequential(nn.Conv2d(1, channels, (10, 4), (2, 1)), nn.BatchNorm2d(channels), nn.ReLU())
        self.gru = nn.GRU(channels * 7, hidden, num_layers=2, batch_first=True)
        self.head = nn.Sequential(nn.Linear(hidden, inner), nn.ReLU(), nn.Linear(inner, classes))

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x).permute(0, 2, 1, 3).flatten(2)
        steps, _ = self.gru(y)
        return self.head(steps[:, -1])


class GRU(nn.Module):
    """One GRU layer over the frames [N, 49, 10]; its last state is classified."""

    def __init__(self, classes: int, width: float) -> None:
        super().__init__()
        hidden = scaled(154, width, 2)
        self.gru = nn.GRU(10, hidden, batch_first=True)
        self.head = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        _, state = self.gru(x)
        return self.head(torch.squeeze(state, 0))


def crnn(classes: int, width: float) -> nn.Module:
    return CRNN(classes, width)


def gru(classes: int, width: float) -> nn.Module:
    return GRU(classes, width)
