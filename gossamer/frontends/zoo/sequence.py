"""Networks over sequences: a bidirectional LSTM labeller, and 1-D convolutions that read the pulse off a waveform."""

import torch
from torch import Tensor, nn

from gossamer.frontends.zoo.blocks import scaled


class LSTM(nn.Module):
    """Two bidirectional LSTM layers of 128 over [N, T, 40] (log-mel frames); a label for every frame."""

    def __init__(self, classes: int, width: float) -> None:
        super().__init__()
        hidden = scaled(128, width)
        self.lstm = nn.LSTM(40, hidden, num_layers=2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        steps, _ = self.lstm(x)
        return self.head(steps)


class Residual1d(nn.Module):
    """Two convolutions of 7 over time, the second dilated, plus the input (through a 1x1 where its shape differs)."""

    def __init__(self, ic: int, oc: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(ic, oc, 7, stride, 3, bias=False), nn.BatchNorm1d(oc), nn.ReLU(),
            nn.Conv1d(oc, oc, 7, 1, 3 * dilation, dilation, bias=False), nn.BatchNorm1d(oc),
        )  # fmt: skip
        same = stride == 1 and ic == oc
        shortcut = [] if same else [nn.Conv1d(ic, oc, 1, stride, bias=False), nn.BatchNorm1d(oc)]
        self.skip = nn.Sequential(*shortcut)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.body(x) + self.skip(x))


class Pulse1d(nn.Module):
    """Pulse rate in beats per minute from 8 s of a photoplethysmogram at 64 Hz, [N, 1, 512] -> [N, outputs]."""

    def __init__(self, outputs: int, width: float) -> None:
        super().__init__()
        c = [scaled(n, width) for n in (32, 64, 128)]
        self.stem = nn.Sequential(nn.Conv1d(1, c[0], 15, 2, 7, bias=False), nn.BatchNorm1d(c[0]), nn.ReLU())
        self.pool = nn.MaxPool1d(3, 2, 1)
        self.body = nn.Sequential(
            Residual1d(c[0], c[0], 1, 1), Residual1d(c[0], c[1], 2, 2), Residual1d(c[1], c[2], 2, 4)
        )
        self.mean = nn.AdaptiveAvgPool1d(1)
        self.head = nn.Linear(c[2], outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.flatten(self.mean(self.body(self.pool(self.stem(x)))), 1))


def lstm(classes: int, width: float) -> nn.Module:
    return LSTM(classes, width)


def pulse1d(classes: int, width: float) -> nn.Module:
    return Pulse1d(classes, width)
