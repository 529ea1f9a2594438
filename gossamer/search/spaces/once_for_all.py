"""The spaces `ofa-mobilenetv3` and `ofa-mobilenetv2`: elastic networks (Cai et al., Once-for-All, ICLR 2020).

    image (elastic resolution) -> stem 3x3 -> block k3 e1 -> 5 stages -> [last block] -> head -> classifier
    stage: 2, 3 or 4 blocks (elastic depth), each with kernel 3, 5 or 7 and expansion 3, 4 or 6

One stage has 9^2 + 9^3 + 9^4 = 7,371 forms, so one width and one resolution give 7371^5 = 2.2e19 networks of V3, the
paper's "more than 10^19"; V2 has a last block of nine forms besides. The width multiplier (supernets are released for
1.0 and 1.2 or 1.3) and the resolution are choices too. MobileNetV2 is a member, and so is MobileNetV3-Large but for its
expansions 2.3 and 2.5 and the bias of its last hidden layer, which Once-for-All leaves out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from gossamer.ir.errors import SearchError
from gossamer.ir.hardware import Number
from gossamer.search.choices import Choice, Choices, Condition
from gossamer.search.spaces.base import NetworkSpace
from gossamer.search.spaces.blocks import Activation, Block, divisible, kept_strides
from gossamer.search.spaces.blocks_mobile import ConvBlock, MBConv, Tail
from gossamer.search.spaces.chain import RESOLUTION, Chain, Chained, Place
from gossamer.search.spaces.checks import LEAST_SIDE, check_images, check_options, check_positive

RESOLUTIONS = tuple(range(128, 225, 4))
"""What the paper's supernets are trained for: 25 sides of images."""
WIDTH = "width"


@dataclass(frozen=True)
class ElasticStage:
    """At most `depth` blocks to `width` channels, at least `least`; the first has the stride."""

    width: int
    stride: int
    least: int = 2
    depth: int = 4
    activation: Activation = "relu6"
    squeeze: bool = False


@dataclass(frozen=True)
class OfaMobileNetV3(Chained, NetworkSpace):
    """Squeeze-and-excitation in stages 2, 4 and 5, hard swish from stage 3 on. `resolutions` left empty: the 25
    published ones for 224x224 images, else the images' own side.
    """

    input_shape: tuple[int, int, int] = (3, 224, 224)
    classes: int = 1000
    kernels: tuple[int, ...] = (3, 5, 7)
    expansions: tuple[float, ...] = (3, 4, 6)
    widths: tuple[float, ...] = (1.0, 1.2)
    resolutions: tuple[int, ...] = ()
    stages: tuple[ElasticStage, ...] = (
        ElasticStage(24, 2, activation="relu"),
        ElasticStage(40, 2, activation="relu", squeeze=True),
        ElasticStage(80, 2, activation="hard_swish"),
        ElasticStage(112, 1, activation="hard_swish", squeeze=True),
        ElasticStage(160, 2, activation="hard_swish", squeeze=True),
    )

    def __post_init__(self) -> None:
        _check("ofa-mobilenetv3", self.input_shape, self.classes, self.stages)
        _check_elastic("ofa-mobilenetv3", self.kernels, self.expansions, self.widths, self.resolutions)

    @cached_property
    def chain(self) -> Chain:
        elastic = Elastic(self.kernels, self.expansions, self.widths, sides(self.input_shape, self.resolutions))
        ends = Ends(16, 16, "hard_swish", "relu", 960, 1280)
        return elastic.chain("ofa-mobilenetv3", self.input_shape, self.classes, self.stages, ends)


@dataclass(frozen=True)
class OfaMobileNetV2(Chained, NetworkSpace):
    """MobileNetV2's stages (Google's widths); ProxylessNAS's are 24, 40, 80, 96, 192, 320. `resolutions` as above."""

    input_shape: tuple[int, int, int] = (3, 224, 224)
    classes: int = 1000
    kernels: tuple[int, ...] = (3, 5, 7)
    expansions: tuple[float, ...] = (3, 4, 6)
    widths: tuple[float, ...] = (1.0, 1.3)
    resolutions: tuple[int, ...] = ()
    stages: tuple[ElasticStage, ...] = (
        ElasticStage(24, 2),
        ElasticStage(32, 2),
        ElasticStage(64, 2),
        ElasticStage(96, 1),
        ElasticStage(160, 2),
        ElasticStage(320, 1, least=1, depth=1),
    )

    def __post_init__(self) -> None:
        _check("ofa-mobilenetv2", self.input_shape, self.classes, self.stages)
        _check_elastic("ofa-mobilenetv2", self.kernels, self.expansions, self.widths, self.resolutions)

    @cached_property
    def chain(self) -> Chain:
        elastic = Elastic(self.kernels, self.expansions, self.widths, sides(self.input_shape, self.resolutions))
        ends = Ends(32, 16, "relu6", "relu6", 1280)
        return elastic.chain("ofa-mobilenetv2", self.input_shape, self.classes, self.stages, ends)


@dataclass(frozen=True)
class Ends:
    """What is not elastic: channels of the stem, the first block, the head and the layer after it (0: none). The stem
    and the tail share an activation; the first block's is its own.
    """

    stem: int
    first: int
    activation: Activation
    first_activation: Activation
    head: int
    mix: int = 0


@dataclass(frozen=True)
class Elastic:
    """What can be chosen in all stages."""

    kernels: tuple[int, ...]
    expansions: tuple[float, ...]
    widths: tuple[float, ...]
    sides: tuple[int, ...]

    def chain(
        self,
        name: str,
        input_shape: tuple[int, int, int],
        classes: int,
        stages: tuple[ElasticStage, ...],
        ends: Ends,
    ) -> Chain:
        first, *strides = kept_strides(min(self.sides), (2, *(stage.stride for stage in stages)))
        tail = Place("tail", (WIDTH,), lambda of: _tail(ends, classes, float(of[WIDTH])))
        places, before = [*_entrance(ends, first)], ends.first
        for number, (stage, stride) in enumerate(zip(stages, strides), 1):
            for index in range(1, stage.depth + 1):
                places.append(_place(number, index, before, stage, stride if index == 1 else 1))
                before = stage.width
        return Chain(name, input_shape, self._choices(stages), (*places, tail))

    def _choices(self, stages: tuple[ElasticStage, ...]) -> Choices:
        items = [Choice(RESOLUTION, self.sides), Choice(WIDTH, self.widths)]
        for number, stage in enumerate(stages, 1):
            depths = tuple(range(stage.least, stage.depth + 1))
            items.append(Choice(f"stage{number}.depth", depths))
            for index in range(1, stage.depth + 1):
                when = (Condition(f"stage{number}.depth", tuple(d for d in depths if d >= index)),)
                when = when if index > stage.least else ()
                items.append(Choice(f"stage{number}.block{index}.kernel", self.kernels, when))
                items.append(Choice(f"stage{number}.block{index}.expansion", self.expansions, when))
        return Choices(tuple(items))


def sides(input_shape: tuple[int, int, int], resolutions: tuple[int, ...]) -> tuple[int, ...]:
    """Sides of images to choose from."""
    if resolutions:
        return resolutions
    return RESOLUTIONS if input_shape[1:] == (224, 224) else (max(input_shape[1:]),)


def _entrance(ends: Ends, stride: int) -> tuple[Place, Place]:
    def stem(values: Mapping[str, Number]) -> Block:
        return ConvBlock(_wide(ends.stem, values), 3, stride, ends.activation)

    def first(values: Mapping[str, Number]) -> Block:
        activation = ends.first_activation
        return MBConv(_wide(ends.stem, values), _wide(ends.first, values), 3, expand=False, activation=activation)

    return Place("stem", (WIDTH,), stem), Place("first", (WIDTH,), first)


def _place(number: int, index: int, before: int, stage: ElasticStage, stride: int) -> Place:
    name = f"stage{number}.block{index}"
    depth, kernel, expansion = f"stage{number}.depth", f"{name}.kernel", f"{name}.expansion"

    def block(values: Mapping[str, Number]) -> Block | None:
        if index > int(values[depth]):
            return None
        hidden = divisible(round(_wide(before, values) * float(values[expansion])))
        squeeze = divisible(hidden // 4) if stage.squeeze else 0
        return MBConv(
            hidden, _wide(stage.width, values), int(values[kernel]), stride,
            squeeze=squeeze, activation=stage.activation, gate="hard_sigmoid",
        )  # fmt: skip

    return Place(name, (WIDTH, depth, kernel, expansion), block)


def _tail(ends: Ends, classes: int, width: float) -> Block:
    return Tail(divisible(ends.head * width), classes, ends.activation, divisible(ends.mix * width) if ends.mix else 0)


def _wide(channels: int, values: Mapping[str, Number]) -> int:
    return divisible(channels * float(values[WIDTH]))


def _check(name: str, input_shape: tuple[int, int, int], classes: int, stages: tuple[ElasticStage, ...]) -> None:
    check_images(name, input_shape, classes)
    for number, stage in enumerate(stages, 1):
        if not 1 <= stage.least <= stage.depth:
            raise SearchError(
                f"space '{name}': stage {number} has {stage.least} to {stage.depth} blocks; it needs at least one, and "
                "no more than its depth"
            )


def _check_elastic(
    name: str,
    kernels: tuple[int, ...],
    expansions: tuple[float, ...],
    widths: tuple[float, ...],
    resolutions: tuple[int, ...],
) -> None:
    check_options(name, "kernels", kernels, (1, 3, 5, 7, 9))
    for what, values in (("expansions", expansions), ("widths", widths)):
        check_options(name, what, values)
        check_positive(name, what, values)
    if resolutions:
        check_options(name, "resolutions", resolutions)
        check_positive(name, "resolutions", resolutions, LEAST_SIDE)
