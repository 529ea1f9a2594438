"""The space `proxylessnas`: 21 places, each with an inverted residual block or nothing (Cai et al., ICLR 2019).

    image -> stem 3x3 -> MBConv k3 e1 -> 21 blocks in 6 stages -> 1x1 to 1280 -> mean -> classifier
    block: kernel 3, 5 or 7 with expansion 3 or 6; nothing only where the shape stays

Stages as in the authors' `imagenet_arch_search.py`. The first block of a stage changes the width and cannot be left
out, so there are 6^6 * 7^15 = 2.2e17 networks, not the 7^21 that is often quoted.
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
from gossamer.search.spaces.checks import check_images, check_options, check_stages

SKIP = "skip"


@dataclass(frozen=True)
class ProxylessNAS(Chained, NetworkSpace):
    """`width` multiplies every number of channels. `stem`: channels of the first convolution and of the fixed block
    after it.
    """

    input_shape: tuple[int, int, int] = (3, 224, 224)
    classes: int = 1000
    widths: tuple[int, ...] = (24, 40, 80, 96, 192, 320)
    depths: tuple[int, ...] = (4, 4, 4, 4, 4, 1)
    strides: tuple[int, ...] = (2, 2, 2, 1, 2, 1)
    kernels: tuple[int, ...] = (3, 5, 7)
    expansions: tuple[int, ...] = (3, 6)
    stem: tuple[int, int] = (32, 16)
    head: int = 1280
    width: float = 1.0

    def __post_init__(self) -> None:
        check_images("proxylessnas", self.input_shape, self.classes, self.width)
        check_stages("proxylessnas", widths=self.widths, depths=self.depths, strides=self.strides)
        check_options("proxylessnas", "kernels", self.kernels, (1, 3, 5, 7, 9))
        check_options("proxylessnas", "expansions", self.expansions)

    @cached_property
    def chain(self) -> Chain:
        first, *strides = kept_strides(min(self.input_shape[1:]), (2, *self.strides))
        places, choices = list(self._entrance(first)), list[Choice]()
        before = self._wide(self.stem[1])
        for width, depth, stride in zip(self.widths, self.depths, strides):
            for index in range(depth):
                after, step = self._wide(width), stride if index == 0 else 1
                name = f"block{len(choices) + 1}"
                choices.append(Choice(name, self._ops(before == after and step == 1)))
                places.append(_place(name, before, after, step))
                before = after
        tail = Tail(self._wide(self.head), self.classes)
        places.append(Place("tail", (), lambda _: tail))
        return Chain("proxylessnas", self.input_shape, Choices(tuple(choices)), tuple(places))

    def _entrance(self, stride: int) -> tuple[Place, Place]:
        stem, wide = (self._wide(channels) for channels in self.stem)
        conv, block = ConvBlock(stem, 3, stride, "relu6"), MBConv(stem, wide, 3, expand=False)
        return Place("stem", (), lambda _: conv), Place("first", (), lambda _: block)

    def _ops(self, same: bool) -> tuple[str, ...]:
        found = tuple(f"k{kernel}_e{expansion}" for expansion in self.expansions for kernel in self.kernels)
        return (*found, SKIP) if same else found

    def _wide(self, channels: int) -> int:
        return divisible(channels * self.width)


def _place(name: str, before: int, after: int, stride: int) -> Place:
    def block(values: Mapping[str, Number]) -> Block:
        op = str(values[name])
        if op == SKIP:
            return Identity()
        kernel, expansion = (int(word[1:]) for word in op.split("_"))
        return MBConv(before * expansion, after, kernel, stride, expand=expansion > 1)

    return Place(name, (name,), block)
