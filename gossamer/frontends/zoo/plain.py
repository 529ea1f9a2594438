"""VGG-11 and VGG-16 (Simonyan and Zisserman, ICLR 2015) with pooled heads; SqueezeNet 1.1 (Iandola et al., 2016)."""

import torch
from torch import Tensor, nn

from gossamer.frontends.zoo.blocks import Classifier, scaled

# (channels, convolutions) before each pool
_VGG11 = ((64, 1), (128, 1), (256, 2), (512, 2), (512, 2))
_VGG16 = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
# (squeezed, expanded) of a fire module; None: a pool
_FIRE = ((16, 64), (16, 64), None, (32, 128), (32, 128), None, (48, 192), (48, 192), (64, 256), (64, 256))


def vgg11(classes: int, width: float) -> nn.Module:
    return _vgg(_VGG11, classes, width)


def vgg16(classes: int, width: float) -> nn.Module:
    return _vgg(_VGG16, classes, width)


def _vgg(stages: tuple[tuple[int, int], ...], classes: int, width: float) -> nn.Module:
    """The convolutions have biases and there is no batch norm."""
    layers: list[nn.Module] = []
    ic = 3
    for channels, repeats in stages:
        oc = scaled(channels, width)
        for _ in range(repeats):
            layers += [nn.Conv2d(ic, oc, 3, 1, 1), nn.ReLU()]
            ic = oc
        layers.append(nn.MaxPool2d(2, 2))
    hidden = scaled(1024, width)
    head = nn.Sequential(nn.Linear(ic, hidden), nn.ReLU(), nn.Dropout(0.5), nn.Linear(hidden, classes))
    return Classifier(nn.Sequential(*layers), head)


class Fire(nn.Module):
    """Squeeze to few channels, then expand through a 1x1 and a 3x3 side by side."""

    def __init__(self, ic: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(ic, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.squeeze(x))
        return torch.cat((self.relu(self.expand1x1(y)), self.relu(self.expand3x3(y))), 1)


def squeezenet(classes: int, width: float) -> nn.Module:
    """Its pools round the output size up (`ceil_mode`)."""
    stem = scaled(64, width)
    layers: list[nn.Module] = [nn.Conv2d(3, stem, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)]
    ic = stem
    for fire in _FIRE:
        if fire is None:
            layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
            continue
        squeezed, expanded = fire
        layers.append(Fire(ic, scaled(squeezed, width), scaled(expanded, width)))
        ic = 2 * scaled(expanded, width)
    layers += [nn.Dropout(0.5), nn.Conv2d(ic, classes, 1), nn.ReLU()]
    return Classifier(nn.Sequential(*layers), nn.Identity())
