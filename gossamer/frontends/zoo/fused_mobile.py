"""EfficientNetV2-S (Tan and Le, ICML 2021): early stages merge the expansion and the depthwise one into a 3x3."""

from torch import Tensor, nn

from gossamer.frontends.zoo.blocks import Classifier, ConvBN, InvertedResidual, SqueezeExcite, scaled

# (fused, expansion, output channels, repeats, first stride)
_STAGES = (
    (True, 1, 24, 2, 1), (True, 4, 48, 4, 2), (True, 4, 64, 4, 2),
    (False, 4, 128, 6, 2), (False, 6, 160, 9, 1), (False, 6, 256, 15, 2),
)  # fmt: skip


class FusedResidual(nn.Module):
    """3x3 to the expanded channels -> 1x1 back (one 3x3 where nothing is expanded), with a skip where shapes allow."""

    def __init__(self, ic: int, expansion: int, oc: int, stride: int) -> None:
        super().__init__()
        self.skip = stride == 1 and ic == oc
        hidden = ic * expansion
        layers = [ConvBN(ic, oc, 3, stride, act=nn.SiLU)]
        if expansion > 1:
            layers = [ConvBN(ic, hidden, 3, stride, act=nn.SiLU), ConvBN(hidden, oc, 1, act=None)]
        self.block = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x) if self.skip else self.block(x)


def efficientnet_v2_s(classes: int, width: float) -> nn.Module:
    ic, last = scaled(24, width), scaled(1280, max(width, 0.25))
    layers: list[nn.Module] = [ConvBN(3, ic, 3, 2, act=nn.SiLU)]
    for fused, expansion, channels, repeats, first in _STAGES:
        oc = scaled(channels, width)
        for i in range(repeats):
            layers.append(_block(fused, ic, expansion, oc, first if i == 0 else 1))
            ic = oc
    layers.append(ConvBN(ic, last, 1, act=nn.SiLU))
    model = Classifier(nn.Sequential(*layers), nn.Sequential(nn.Dropout(0.2), nn.Linear(last, classes)))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-3
    return model


def _block(fused: bool, ic: int, expansion: int, oc: int, stride: int) -> nn.Module:
    if fused:
        return FusedResidual(ic, expansion, oc, stride)
    excite = SqueezeExcite(ic * expansion, max(1, ic // 4), nn.SiLU, nn.Sigmoid)
    return InvertedResidual(ic, ic * expansion, oc, 3, stride, nn.SiLU, excite)
