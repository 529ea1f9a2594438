"""Nets of inverted residuals: MobileNetV2 (Sandler et al., CVPR 2018), MobileNetV3-Large (Howard et al., ICCV 2019) and
EfficientNet-B0 (Tan and Le, ICML 2019).
"""

from torch import nn

from gossamer.frontends.zoo.blocks import Activation, Classifier, ConvBN, InvertedResidual, SqueezeExcite, scaled

# (expansion, output channels, repeats, first stride)
_V2 = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
# (kernel, expansion, output channels, repeats, first stride)
_B0 = (
    (3, 1, 16, 1, 1), (3, 6, 24, 2, 2), (5, 6, 40, 2, 2), (3, 6, 80, 3, 2), (5, 6, 112, 3, 1), (5, 6, 192, 4, 2),
    (3, 6, 320, 1, 1),
)  # fmt: skip
# (kernel, hidden channels, output channels, squeeze-excite, hard swish, stride)
_V3 = (
    (3, 16, 16, False, False, 1), (3, 64, 24, False, False, 2), (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2), (5, 120, 40, True, False, 1), (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2), (3, 200, 80, False, True, 1), (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1), (3, 480, 112, True, True, 1), (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2), (5, 960, 160, True, True, 1), (5, 960, 160, True, True, 1),
)  # fmt: skip


def mobilenet_v2(classes: int, width: float) -> nn.Module:
    ic, last = scaled(32, width), scaled(1280, max(width, 0.25))
    layers: list[nn.Module] = [ConvBN(3, ic, 3, 2, act=nn.ReLU6)]
    for expansion, channels, repeats, stride in _V2:
        oc = scaled(channels, width)
        for i in range(repeats):
            layers.append(InvertedResidual(ic, ic * expansion, oc, 3, stride if i == 0 else 1, nn.ReLU6))
            ic = oc
    layers.append(ConvBN(ic, last, 1, act=nn.ReLU6))
    return Classifier(nn.Sequential(*layers), nn.Sequential(nn.Dropout(0.2), nn.Linear(last, classes)))


def efficientnet_b0(classes: int, width: float) -> nn.Module:
    ic, last = scaled(32, width), scaled(1280, max(width, 0.25))
    layers: list[nn.Module] = [ConvBN(3, ic, 3, 2, act=nn.SiLU)]
    for kernel, expansion, channels, repeats, stride in _B0:
        oc = scaled(channels, width)
        for i in range(repeats):
            hidden = ic * expansion
            excite = SqueezeExcite(hidden, max(1, ic // 4), nn.SiLU, nn.Sigmoid)
            layers.append(InvertedResidual(ic, hidden, oc, kernel, stride if i == 0 else 1, nn.SiLU, excite))
            ic = oc
    layers.append(ConvBN(ic, last, 1, act=nn.SiLU))
    return Classifier(nn.Sequential(*layers), nn.Sequential(nn.Dropout(0.2), nn.Linear(last, classes)))


def mobilenet_v3(classes: int, width: float) -> nn.Module:
    ic, last, head = scaled(16, width), scaled(960, width), scaled(1280, width)
    layers: list[nn.Module] = [ConvBN(3, ic, 3, 2, act=nn.Hardswish)]
    for kernel, inner, channels, excited, swish, stride in _V3:
        hidden, oc = scaled(inner, width), scaled(channels, width)
        act: Activation = nn.Hardswish if swish else nn.ReLU
        excite = SqueezeExcite(hidden, scaled(hidden, 0.25), nn.ReLU, nn.Hardsigmoid) if excited else None
        layers.append(InvertedResidual(ic, hidden, oc, kernel, stride, act, excite))
        ic = oc
    layers.append(ConvBN(ic, last, 1, act=nn.Hardswish))
    tail = nn.Sequential(nn.Linear(last, head), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(head, classes))
    return Classifier(nn.Sequential(*layers), tail)
