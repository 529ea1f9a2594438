"""MLPerf Tiny's image networks (Banbury et al., NeurIPS 2021): ResNet-8 for CIFAR-10, MobileNetV1 0.25 for visual wake
words. They are padded as TensorFlow's "same" has it: on the right and below where a stride of 2 meets an even size.
"""

from torch import Tensor, nn

from gossamer.frontends.zoo.blocks import Classifier, scaled

# (output channels, stride) of the depthwise-separable blocks at width 1
_MOBILE = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1),
    (1024, 2), (1024, 1),
)  # fmt: skip


def _conv(ic: int, oc: int, stride: int = 1, groups: int = 1, bias: bool = True, eps: float = 1e-3) -> list[nn.Module]:
    """3x3 and its norm."""
    padding: list[nn.Module] = [nn.ZeroPad2d((0, 1, 0, 1))] if stride == 2 else []
    convolution = nn.Conv2d(ic, oc, 3, stride, 0 if padding else 1, groups=groups, bias=bias)
    return [*padding, convolution, nn.BatchNorm2d(oc, eps=eps)]


class Residual(nn.Module):
    """Two convolutions of 3x3 beside nothing, or beside a 1x1 without a norm where the shape changes."""

    def __init__(self, ic: int, oc: int, stride: int) -> None:
        super().__init__()
        self.block = nn.Sequential(*_conv(ic, oc, stride), nn.ReLU(), *_conv(oc, oc))
        self.beside = nn.Identity() if stride == 1 else nn.Conv2d(ic, oc, 1, stride)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.block(x) + self.beside(x))


def resnet8(classes: int, width: float) -> nn.Module:
    """Biases before norms are as published."""
    c = [scaled(n, width) for n in (16, 32, 64)]
    layers = [*_conv(3, c[0]), nn.ReLU(), Residual(c[0], c[0], 1), Residual(c[0], c[1], 2), Residual(c[1], c[2], 2)]
    return Classifier(nn.Sequential(*layers), nn.Linear(c[2], classes))


def mobilenet_v1_025(classes: int, width: float) -> nn.Module:
    """`width` multiplies the quarter that it has as published."""
    ic = scaled(32, 0.25 * width)
    layers = [*_conv(3, ic, 2), nn.ReLU()]
    for channels, stride in _MOBILE:
        oc = scaled(channels, 0.25 * width)
        layers += [*_conv(ic, ic, stride, groups=ic), nn.ReLU()]
        layers += [nn.Conv2d(ic, oc, 1), nn.BatchNorm2d(oc, eps=1e-3), nn.ReLU()]
        ic = oc
    return Classifier(nn.Sequential(*layers), nn.Linear(ic, classes))
