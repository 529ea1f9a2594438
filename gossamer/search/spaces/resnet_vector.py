"""The space `resnet-vector`: AnalogNAS's ResNet-like networks as a vector (Benmeziane 2023, Table 5.1; AnalogNAS 2023).

    image -> stem k x k -> M main blocks -> mean -> classifier
    main block: R residual blocks of B branches of kind A, B, C or D; the first multiplies the channels by the widening
    factor and, from the second main block on, halves images of more than four pixels

out_channel0 8 to 128, kernel_size0 3 to 7, M 1 to 5, and per main block R 1 to 16, B 1 to 12, ConvBlock A to D,
widening 1 to 4, of which the table says no step: here whole numbers. That makes 605 (3072 + 3072^2 + ... + 3072^5) =
1.7e20 networks; the 73 billion that the source states do not follow from its table. Small images want fewer: every
range is an option, as in ResNetVector((1, 8, 8), 10, main_blocks=(1, 2), residual_blocks=(1, 2), branches=(1, 2), ...).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from gossamer.ir.hardware import Number
from gossamer.search.choices import Choice, Choices, Condition
from gossamer.search.spaces.base import NetworkSpace
from gossamer.search.spaces.blocks import Block
from gossamer.search.spaces.blocks_residual import AnyStem, Kind, MeanTail, Residual
from gossamer.search.spaces.chain import Chain, Chained, Place
from gossamer.search.spaces.checks import check_images, check_options, check_positive

LEAST_SIDE = 4
"""Images are not halved below this side."""


@dataclass(frozen=True)
class ResNetVector(Chained, NetworkSpace):
    """Every field but the first two is a range to choose from, in the words of the table."""

    input_shape: tuple[int, int, int] = (3, 32, 32)
    classes: int = 10
    out_channels: tuple[int, ...] = tuple(range(8, 129))
    kernels: tuple[int, ...] = (3, 4, 5, 6, 7)
    main_blocks: tuple[int, ...] = (1, 2, 3, 4, 5)
    residual_blocks: tuple[int, ...] = tuple(range(1, 17))
    branches: tuple[int, ...] = tuple(range(1, 13))
    kinds: tuple[str, ...] = ("A", "B", "C", "D")
    widenings: tuple[float, ...] = (1, 2, 3, 4)

    def __post_init__(self) -> None:
        name = "resnet-vector"
        check_images(name, self.input_shape, self.classes)
        check_options(name, "kinds", self.kinds, ("A", "B", "C", "D"))
        for what in ("out_channels", "kernels", "main_blocks", "residual_blocks", "branches", "widenings"):
            check_options(name, what, getattr(self, what))
            check_positive(name, what, getattr(self, what))

    @cached_property
    def chain(self) -> Chain:
        places, side = [Place("stem", ("out_channel0", "kernel_size0"), _stem)], min(self.input_shape[1:])
        for main in range(1, max(self.main_blocks) + 1):
            stride = 2 if main > 1 and side >= 2 * LEAST_SIDE else 1
            side //= stride
            places += [_place(main, index, stride) for index in range(1, max(self.residual_blocks) + 1)]
        tail = MeanTail(self.classes)
        return Chain("resnet-vector", self.input_shape, self._choices(), (*places, Place("tail", (), lambda _: tail)))

    def _choices(self) -> Choices:
        found = [
            Choice("out_channel0", self.out_channels),
            Choice("kernel_size0", self.kernels),
            Choice("M", self.main_blocks),
        ]
        for main in range(1, max(self.main_blocks) + 1):
            there = tuple(count for count in self.main_blocks if count >= main)
            when = () if there == self.main_blocks else (Condition("M", there),)
            found += [
                Choice(f"R{main}", self.residual_blocks, when),
                Choice(f"B{main}", self.branches, when),
                Choice(f"ConvBlock{main}", self.kinds, when),
                Choice(f"widening{main}", self.widenings, when),
            ]
        return Choices(tuple(found))


def _stem(values: Mapping[str, Number]) -> Block:
    return AnyStem(int(values["out_channel0"]), int(values["kernel_size0"]))


def _place(main: int, index: int, stride: int) -> Place:
    """The residual block `index` of a main block; only the first changes the shape."""
    reads = ("M", f"R{main}", f"B{main}", f"ConvBlock{main}")

    def block(values: Mapping[str, Number]) -> Block | None:
        if main > int(values["M"]) or index > int(values[f"R{main}"]):
            return None
        kind, branches = cast(Kind, values[f"ConvBlock{main}"]), int(values[f"B{main}"])
        if index > 1:
            return Residual(kind, branches)
        return Residual(kind, branches, float(values[f"widening{main}"]), stride)

    return Place(f"main{main}.block{index}", (*reads, f"widening{main}") if index == 1 else reads, block)
