"""Blocks of mobile networks: plain convolutions, inverted residuals (MBConv), fused ones, and the ends of a network."""

from dataclasses import dataclass

from gossamer.ir.types import Value
from gossamer.search.spaces.blocks import SQUEEZE_EXCITE, Activation, BlockNetwork, Gate, Part, slot_name


@dataclass(frozen=True)
class Identity:
    """Nothing at all."""

    @property
    def parts(self) -> tuple[Part, ...]:
        return ()

    def build(self, net: BlockNetwork, x: Value, name: str) -> Value:
        return x


@dataclass(frozen=True)
class ConvBlock:
    """Convolution, batch norm, activation. Part "conv", or "" where the block is one layer by nature (a stem)."""

    out: int
    kernel: int = 1
    stride: int = 1
    activation: Activation = "relu"
    part: str = ""

    @property
    def parts(self) -> tuple[Part, ...]:
        return (Part(self.part),)

    def build(self, net: BlockNetwork, x: Value, name: str) -> Value:
        slot = slot_name(name, self.part)
        return net.conv_norm(x, slot, self.out, self.kernel, self.stride, activation=self.activation)


@dataclass(frozen=True)
class MBConv:
    """Inverted residual (Sandler et al. 2018): 1x1 to `hidden`, depthwise, [squeeze-excite], 1x1 to `out` [+ input].

    expand: whether the first 1x1 is there. groups: of both 1x1, with a channel shuffle after the first (FBNet).
    squeeze: channels inside the squeeze-excite, 0 for none. The input is added where shapes agree.
    """

    hidden: int
    out: int
    kernel: int
    stride: int = 1
    expand: bool = True
    groups: int = 1
    squeeze: int = 0
    activation: Activation = "relu6"
    gate: Gate = "sigmoid"
    squeeze_activation: Activation = "relu"

    @property
    def parts(self) -> tuple[Part, ...]:
        first = (Part("expand"),) if self.expand else ()
        shuffle = (Part("shuffle", False),) if self.groups > 1 else ()
        squeeze = SQUEEZE_EXCITE if self.squeeze else ()
        return (*first, *shuffle, Part("depthwise"), *squeeze, Part("project"))

    def build(self, net: BlockNetwork, x: Value, name: str) -> Value:
        y = x
        if self.expand:
            slot = slot_name(name, "expand")
            y = net.conv_norm(y, slot, self.hidden, groups=self.groups, activation=self.activation)
        if self.groups > 1:
            y = net.shuffle(y, slot_name(name, "shuffle"), self.groups)
        y = net.depthwise(y, slot_name(name, "depthwise"), self.kernel, self.stride, self.activation)
        if self.squeeze:
            y = net.squeeze_excite(y, name, self.squeeze, self.squeeze_activation, self.gate)
        y = net.conv_norm(y, slot_name(name, "project"), self.out, groups=self.groups)
        return _added(net, x, y, name)


@dataclass(frozen=True)
class FusedMBConv:
    """MBConv whose first 1x1 and depthwise are one k x k convolution (Gupta & Akin 2020; EfficientNetV2).

    With hidden = 0 it is that convolution alone, straight to `out`. Its projection has a name of its own, because a
    slot's conditions must all hold: it is there if the op is this one and the expansion is above 1.
    """

    hidden: int
    out: int
    kernel: int
    stride: int = 1
    squeeze: int = 0
    activation: Activation = "silu"
    gate: Gate = "sigmoid"
    squeeze_activation: Activation = "silu"

    @property
    def parts(self) -> tuple[Part, ...]:
        squeeze = SQUEEZE_EXCITE if self.squeeze else ()
        return (Part("fused"), *squeeze, *((Part("fused_project"),) if self.hidden else ()))

    def build(self, net: BlockNetwork, x: Value, name: str) -> Value:
        slot = slot_name(name, "fused")
        y = net.conv_norm(x, slot, self.hidden or self.out, self.kernel, self.stride, activation=self.activation)
        if self.squeeze:
            y = net.squeeze_excite(y, name, self.squeeze, self.squeeze_activation, self.gate)
        if self.hidden:
            y = net.conv_norm(y, slot_name(name, "fused_project"), self.out)
        # Without a projection the addition is one layer with the scaling, and a layer is called by its last op.
        return _added(net, x, y, name, "scale" if self.squeeze and not self.hidden else "add")


@dataclass(frozen=True)
class Tail:
    """How the networks end: [1x1 to `head`] , mean over the image, [gemm-like 1x1 to `mix`, no bias], classifier."""

    head: int
    classes: int
    activation: Activation = "relu6"
    mix: int = 0

    @property
    def parts(self) -> tuple[Part, ...]:
        mix = (Part("mix"),) if self.mix else ()
        return (Part("head"), Part("mean", False), *mix, Part("classifier"))

    def build(self, net: BlockNetwork, x: Value, name: str) -> Value:
        x = net.conv_norm(x, slot_name(name, "head"), self.head, activation=self.activation)
        x = net.mean(x, slot_name(name, "mean"))
        if self.mix:
            x = net.dense(x, slot_name(name, "mix"), self.mix)
            x = net.activate(x, slot_name(name, "mix.act"), self.activation)
        return net.linear(x, slot_name(name, "classifier"), self.classes)


def _added(net: BlockNetwork, x: Value, y: Value, name: str, part: str = "add") -> Value:
    return net.plus(y, x, slot_name(name, part)) if x.shape == y.shape else y
