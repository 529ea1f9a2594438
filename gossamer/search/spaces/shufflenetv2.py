"""The space `shufflenetv2`: units of ShuffleNetV2 with a choice of kernel, or an Xception-like one, at every place.

    image -> stem 3x3 -> [max pool] -> 20 units in 4 stages -> 1x1 to 1024 -> mean -> classifier
    unit: k3, k5, k7 or x

Stages and 4^20 networks as in Single Path One-Shot (Guo et al., ECCV 2020, Table 1); the first unit of a stage is
ShuffleNetV2's (half of the channels from either branch). With stem=24, pool=true, depths (4,8,4) and widths
(116,232,464) the all-k3 member is ShuffleNetV2 1.0x.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
from gossamer.ir.hardware import Number
from gossamer.search.choices import Choice, Choices, Genomes
from gossamer.search.spaces.base import NetworkSpace
from gossamer.search.spaces.blocks import Block, divisible, kept_strides
from gossamer.search.spaces.blocks_mobile import ConvBlock, Tail
from gossamer.search.spaces.blocks_shuffle import MaxPool, ShuffleUnit
from gossamer.search.spaces.chain import Chain, Chained, Place
from gossamer.search.spaces.checks import check_images, check_options, check_stages
from gossamer.search.spaces.flow import Flow
from gossamer.search.spaces.shuffle_flow import shuffle_flow

NAME = "shufflenetv2"
OPS = ("k3", "k5", "k7", "x")


@dataclass(frozen=True)
class ShuffleNetV2(Chained, NetworkSpace):
    """pool: a max pool after the stem. width: multiplies every number of channels, which are then rounded to even."""

    input_shape: tuple[int, int, int] = (3, 224, 224)
    classes: int = 1000
    ops: tuple[str, ...] = OPS
    depths: tuple[int, ...] = (4, 4, 8, 4)
    widths: tuple[int, ...] = (64, 160, 320, 640)
    stem: int = 16
    pool: bool = False
    head: int = 1024
    width: float = 1.0

    def __post_init__(self) -> None:
        check_images(NAME, self.input_shape, self.classes, self.width)
        check_stages(NAME, depths=self.depths, widths=self.widths)
        check_options(NAME, "ops", self.ops, OPS)
        odd = [width for width in self.widths if width % 2]
        if odd:
            raise SearchError(f"space '{NAME}': a unit has two branches, so widths must be even, found {odd[0]}")

    @cached_property
    def chain(self) -> Chain:
        pools = (2,) if self.pool else ()
        first, *strides = kept_strides(min(self.input_shape[1:]), (2, *pools, *(2 for _ in self.depths)))
        places = [self._stem(first)]
        if self.pool and strides.pop(0) > 1:
            places.append(Place("pool", (), lambda _: MaxPool()))
        choices: list[Choice] = []
        for width, depth, stride in zip(self.widths, self.depths, strides):
            for index in range(depth):
                name = f"unit{len(choices) + 1}"
                choices.append(Choice(name, self.ops))
                places.append(_place(name, self._wide(width), stride if index == 0 else 1, index == 0))
        tail = Tail(self._wide(self.head), self.classes, "relu")
        places.append(Place("tail", (), lambda _: tail))
        return Chain(NAME, self.input_shape, Choices(tuple(choices)), tuple(places))

    def flows(self, choices: Choices, genomes: Genomes) -> Sequence[tuple[NDArray[np.int64], Flow]]:
        """One for all designs."""
        return [(np.arange(len(genomes)), self._flow)]

    @cached_property
    def _flow(self) -> Flow:
        starts = {1 + sum(self.depths[:stage]) for stage in range(len(self.depths))}
        units = [(f"unit{number}", number in starts) for number in range(1, sum(self.depths) + 1)]
        return shuffle_flow(self.slots, units)

    def _stem(self, stride: int) -> Place:
        stem = ConvBlock(self._wide(self.stem), 3, stride, "relu")
        return Place("stem", (), lambda _: stem)

    def _wide(self, channels: int) -> int:
        return divisible(channels * self.width, 2)


def _place(name: str, width: int, stride: int, first: bool) -> Place:
    def block(values: Mapping[str, Number]) -> Block:
        op = str(values[name])
        return ShuffleUnit(width, 0 if op == "x" else int(op[1:]), stride, first)

    return Place(name, (name,), block)
