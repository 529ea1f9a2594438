"""The space `nasbench-macro`: eight places, each nothing, MBConv k3 e3 or MBConv k5 e6 (Su et al., CVPR 2021).

    image -> stem 3x3, 32 -> 2 blocks of 64 -> 3 of 128 -> 3 of 256 -> 1x1 to 1280 -> mean -> classifier

3^8 = 6,561 networks, all of them published: a design's text is its eight digits, "02012100" (0 nothing, 1 k3 e3, 2 k5
e6). The first block of a stage halves the image and doubles the channels; nothing there is a 1x1 convolution with batch
norm. Parameters and MACs are the published ones (tested). Small images keep their size in the first stages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gossamer.ir.errors import SearchError
from gossamer.ir.hardware import Number
from gossamer.search.choices import Choice, Choices, Genomes
from gossamer.search.spaces.base import NetworkSpace
from gossamer.search.spaces.blocks import Block, divisible, kept_strides
from gossamer.search.spaces.blocks_mobile import ConvBlock, Identity, MBConv, Tail
from gossamer.search.spaces.chain import Chain, Chained, Place
from gossamer.search.spaces.checks import check_images, check_positive

OPS = ("skip", "k3_e3", "k5_e6")
"""By the digit that stands for them."""


@dataclass(frozen=True)
class NasBenchMacro(Chained, NetworkSpace):
    """`depths`: blocks of the stages; `width` multiplies every number of channels."""

    input_shape: tuple[int, int, int] = (3, 32, 32)
    classes: int = 10
    stem: int = 32
    depths: tuple[int, ...] = (2, 3, 3)
    head: int = 1280
    width: float = 1.0

    def __post_init__(self) -> None:
        check_images(self._name, self.input_shape, self.classes, self.width)
        check_positive(self._name, "depths", self.depths)

    @property
    def _name(self) -> str:
        return "nasbench-macro"

    @cached_property
    def chain(self) -> Chain:
        stem = ConvBlock(divisible(self.stem * self.width), 3)
        places, before = [Place("stem", (), lambda _: stem)], stem.out
        for depth, stride in zip(self.depths, kept_strides(min(self.input_shape[1:]), (2,) * len(self.depths))):
            for index in range(depth):
                after = before if index else 2 * before
                places.append(_place(f"block{len(places)}", before, after, 1 if index else stride))
                before = after
        choices = Choices(tuple(Choice(place.name, OPS) for place in places[1:]))
        tail = Tail(divisible(self.head * self.width), self.classes, "relu")
        return Chain(self._name, self.input_shape, choices, (*places, Place("tail", (), lambda _: tail)))

    def text(self, genome: Genomes) -> str:
        """A digit per block, as published."""
        return "".join(map(str, genome.tolist()))

    def parse(self, text: str) -> Genomes:
        digits = text.strip()
        if len(digits) != len(self.choices) or not set(digits) <= set("012"):
            raise SearchError(
                f"'{text[:40]}' is no network of '{self._name}'; needed {len(self.choices)} digits 0 to 2, such as "
                f"{'012' * len(self.choices):.{len(self.choices)}}"
            )
        return np.array([int(digit) for digit in digits], np.int64)


def _place(name: str, before: int, after: int, stride: int) -> Place:
    def block(values: Mapping[str, Number]) -> Block:
        op = str(values[name])
        if op == "skip":
            return Identity() if before == after else ConvBlock(after, 1, stride, "none", part="skip")
        kernel, expansion = (int(word[1:]) for word in op.split("_"))
        return MBConv(before * expansion, after, kernel, stride, activation="relu")

    return Place(name, (name,), block)
