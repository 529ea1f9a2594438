"""What there is in the zoo: each network's maker, the shape of its input and how many classes it tells apart.

Nothing here needs PyTorch; a maker is imported when its network is built.
"""

from dataclasses import dataclass

from gossamer.ir.errors import FrontendError, nearest

SIZE = -1
"""Stands in a shape for an extent that the user may choose."""


@dataclass(frozen=True)
class Entry:
    """`maker` is "file:function" in this package, called with the number of classes and the width.

    `shape` is that of one sample, without the batch, with SIZE where `size` is the default; `settle_size` is what
    random weights are settled at: small, yet enough for the deepest layer to see more than one position.
    """

    about: str
    maker: str
    shape: tuple[int, ...] = (3, SIZE, SIZE)
    size: int = 224
    settle_size: int = 80
    classes: int = 1000


_FRAMES = (1, 49, 10)

ENTRIES = {
    "resnet18": Entry("ResNet-18", "residual:ResNet18"),
    "resnet50": Entry("ResNet-50", "bottleneck:resnet50"),
    "resnext50": Entry("ResNeXt-50 32x4d, grouped convolutions", "bottleneck:resnext50"),
    "mobilenet_v2": Entry("MobileNetV2", "mobile:mobilenet_v2"),
    "mobilenet_v3": Entry("MobileNetV3-Large", "mobile:mobilenet_v3"),
    "efficientnet_b0": Entry("EfficientNet-B0", "mobile:efficientnet_b0"),
    "efficientnet_v2_s": Entry("EfficientNetV2-S, Fused-MBConv", "fused_mobile:efficientnet_v2_s"),
    "vgg11": Entry("VGG-11 with a pooled head", "plain:vgg11"),
    "vgg16": Entry("VGG-16 with a pooled head", "plain:vgg16"),
    "squeezenet": Entry("SqueezeNet 1.1", "plain:squeezenet"),
    "shufflenet_v2": Entry("ShuffleNetV2 x1", "residual:shufflenet_v2"),
    "googlenet": Entry("GoogLeNet with batch norms", "googlenet:googlenet"),
    "inception_v3": Entry("InceptionV3", "inception:inception_v3", size=299, settle_size=128),
    "densenet121": Entry("DenseNet-121", "densenet:densenet121"),
    "deit_tiny": Entry("DeiT-tiny, a vision transformer", "vit:deit_tiny", (3, 224, 224)),
    "deeplab_v3": Entry("DeepLabV3 on a dilated ResNet-50, per pixel", "deeplab:deeplab_v3", classes=21),
    "unet2d": Entry("U-Net, upwards by transposed convolutions", "unet:unet2d", size=256, classes=2),
    "unet2d_bilinear": Entry("U-Net, upwards by bilinear resizing", "unet:unet2d_bilinear", size=256, classes=2),
    "unet3d": Entry("3D U-Net", "unet3d:unet3d", (3, SIZE, SIZE, SIZE), size=64, settle_size=16, classes=3),
    "resnet8": Entry("ResNet-8 of MLPerf Tiny", "tiny:resnet8", size=32, settle_size=32, classes=10),
    "mobilenet_v1_025": Entry("MobileNetV1 0.25 of MLPerf Tiny", "tiny:mobilenet_v1_025", size=96, classes=2),
    "ds_cnn": Entry("DS-CNN, keyword spotting", "speech:ds_cnn", _FRAMES, classes=12),
    "crnn": Entry("CRNN-L (convolution, GRU), keyword spotting", "speech:crnn", _FRAMES, classes=12),
    "gru": Entry("GRU-S, keyword spotting", "speech:gru", (49, 10), classes=12),
    "lstm": Entry("bidirectional LSTM over frames", "sequence:lstm", (SIZE, 40), size=100, settle_size=20, classes=40),
    "pulse1d": Entry("1-D convolutions, pulse rate of a waveform", "sequence:pulse1d", (1, SIZE), 512, 512, 1),
}  # fmt: skip
NAMES = tuple(ENTRIES)


def entry(name: str) -> Entry:
    """FrontendError for a name that is not in the zoo."""
    if name not in ENTRIES:
        raise FrontendError(f"unknown network '{name}'{nearest(name, NAMES)}")
    return ENTRIES[name]


def input_shape(name: str, size: int | None = None, batch: int = 1) -> tuple[int, ...]:
    """Shape of the network's input `x`, batch first; `size` stands for every extent that may be chosen.

    Raises FrontendError: unknown network, or one whose input has a fixed size.
    """
    found = entry(name)
    if size is not None and SIZE not in found.shape:
        fixed = "x".join(str(extent) for extent in found.shape)
        raise FrontendError(f"{name} has inputs of {fixed}, which cannot be resized; leave out the size {size}")
    return (batch, *((size or found.size) if extent == SIZE else extent for extent in found.shape))
