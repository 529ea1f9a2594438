"""The space `fbnet`: 22 places, each with one of eight inverted residual blocks or nothing (Wu et al., CVPR 2019).

    image -> stem 3x3 -> 22 blocks in 7 stages -> 1x1 to 1984 -> mean -> classifier
    block: k3 or k5, expansion 1, 3 or 6, or expansion 1 with 1x1 convolutions in two groups and a channel shuffle

9^22 networks, about 10^21 as the paper says (Table 1). `skip` is the identity; where the shape changes it is a 1x1
convolution with ReLU, as in the authors' code. The width of the head, 1984, is that of the authors' code (the paper
prints 1504).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from gossamer.ir.hardware import Number
from gossamer.search.choices import Choice, Choices
from gossamer.search.spaces.base import NetworkSpace
from gossamer.search.spaces.blocks import Block, divisible, kept_strides
from gossamer.search.spaces.blocks_mobile import ConvBlock, Identity, MBConv, Tail
from gossamer.search.spaces.chain import Chain, Chained, Place
from gossamer.search.spaces.checks import check_images, check_stages

OPS = ("k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip")


@dataclass(frozen=True)
class FBNet(Chained, NetworkSpace):
    """`width` multiplies every number of channels. Images smaller than 224 lose the first strides."""

    input_shape: tuple[int, int, int] = (3, 224, 224)
    classes: int = 1000
    widths: tuple[int, ...] = (16, 24, 32, 64, 112, 184, 352)
    depths: tuple[int, ...] = (1, 4, 4, 4, 4, 4, 1)
    strides: tuple[int, ...] = (1, 2, 2, 2, 1, 2, 1)
    stem: int = 16
    head: int = 1984
    width: float = 1.0

    def __post_init__(self) -> None:
        check_images("fbnet", self.input_shape, self.classes, self.width)
        check_stages("fbnet", widths=self.widths, depths=self.depths, strides=self.strides)

    @cached_property
    def chain(self) -> Chain:
        first, *strides = kept_strides(min(self.input_shape[1:]), (2, *self.strides))
        stem = ConvBlock(self._wide(self.stem), 3, first)
        places = [Place("stem", (), lambda _: stem)]
        before = stem.out
        for width, depth, stride in zip(self.widths, self.depths, strides):
            for index in range(depth):
                places.append(_place(len(places), before, self._wide(width), stride if index == 0 else 1))
                before = self._wide(width)
        choices = Choices(tuple(Choice(place.name, OPS) for place in places[1:]))
        tail = Tail(self._wide(self.head), self.classes, "relu")
        return Chain("fbnet", self.input_shape, choices, (*places, Place("tail", (), lambda _: tail)))

    def _wide(self, channels: int) -> int:
        return divisible(channels * self.width)


def _place(number: int, before: int, after: int, stride: int) -> Place:
    name = f"block{number}"

    def block(values: Mapping[str, Number]) -> Block:
        return fbnet_block(str(values[name]), before, after, stride)

    return Place(name, (name,), block)


def fbnet_block(op: str, before: int, after: int, stride: int) -> Block:
    """The block an op's name stands for, between two numbers of channels."""
    if op == "skip":
        same = before == after and stride == 1
        return Identity() if same else ConvBlock(after, 1, stride, part="skip")
    kernel, expansion, groups = int(op[1]), int(op[4]), 2 if op.endswith("_g2") else 1
    return MBConv(before * expansion, after, kernel, stride, groups=groups, activation="relu")
