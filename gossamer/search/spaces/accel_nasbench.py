"""The space `accel-nasbench`: MnasNet-like ImageNet networks (Ahmad et al., Accel-NASBench, DATE 2024).

    image -> stem 3x3 -> 7 blocks of MBConv layers -> 1x1 to 1280 -> mean -> classifier

Choices per block: expansion e (1, 4, 6), kernel k (3, 5), layers l (1 to 3; to 4 in the sixth), squeeze-excitation se
(0, 1): 36^6 * 48 = 1.0e11 networks, of which 5,138 are published. Widths and strides are those of EfficientNet-B0,
which makes the parameters of published members exactly theirs (tested).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from gossamer.ir.hardware import Number
from gossamer.search.choices import Choice, Choices
from gossamer.search.spaces.base import NetworkSpace
from gossamer.search.spaces.blocks import Block, divisible, kept_strides
from gossamer.search.spaces.blocks_mobile import ConvBlock, MBConv, Tail
from gossamer.search.spaces.chain import Chain, Chained, Place
from gossamer.search.spaces.checks import check_images, check_stages

EXPANSIONS, KERNELS, SQUEEZES = (1, 4, 6), (3, 5), (0, 1)
SQUEEZE = 0.25
"""Channels inside a squeeze-excitation, as a part of those that enter the layer."""


@dataclass(frozen=True)
class AccelNasBench(Chained, NetworkSpace):
    """`depths`: most layers of each block; `width` multiplies every number of channels. Images smaller than 224 lose
    the first strides.
    """

    input_shape: tuple[int, int, int] = (3, 224, 224)
    classes: int = 1000
    widths: tuple[int, ...] = (16, 24, 40, 80, 112, 192, 320)
    depths: tuple[int, ...] = (3, 3, 3, 3, 3, 4, 3)
    strides: tuple[int, ...] = (1, 2, 2, 2, 1, 2, 1)
    stem: int = 32
    head: int = 1280
    width: float = 1.0

    def __post_init__(self) -> None:
        check_images("accel-nasbench", self.input_shape, self.classes, self.width)
        check_stages("accel-nasbench", widths=self.widths, depths=self.depths, strides=self.strides)

    @cached_property
    def chain(self) -> Chain:
        first, *strides = kept_strides(min(self.input_shape[1:]), (2, *self.strides))
        stem = ConvBlock(self._wide(self.stem), 3, first)
        places, before = [Place("stem", (), lambda _: stem)], stem.out
        for number, (width, depth, stride) in enumerate(zip(self.widths, self.depths, strides)):
            after = self._wide(width)
            for index in range(1, depth + 1):
                places.append(_place(number, index, before, after, stride if index == 1 else 1))
                before = after
        tail = Tail(self._wide(self.head), self.classes, "relu")
        places.append(Place("tail", (), lambda _: tail))
        return Chain("accel-nasbench", self.input_shape, self._choices(), tuple(places))

    def _choices(self) -> Choices:
        found: list[Choice] = []
        for number, depth in enumerate(self.depths):
            options = {"e": EXPANSIONS, "k": KERNELS, "l": tuple(range(1, depth + 1)), "se": SQUEEZES}
            found += [Choice(f"block{number}.{name}", values) for name, values in options.items()]
        return Choices(tuple(found))

    def _wide(self, channels: int) -> int:
        return divisible(channels * self.width)


def _place(number: int, index: int, before: int, after: int, stride: int) -> Place:
    e, k, layers, se = (f"block{number}.{name}" for name in ("e", "k", "l", "se"))

    def block(values: Mapping[str, Number]) -> Block | None:
        if index > int(values[layers]):
            return None
        expansion = int(values[e])
        squeeze = max(1, int(before * SQUEEZE)) if values[se] else 0
        return MBConv(
            before * expansion, after, int(values[k]), stride, expansion > 1, squeeze=squeeze, activation="relu"
        )

    return Place(f"block{number}.layer{index}", (e, k, layers, se), block)
