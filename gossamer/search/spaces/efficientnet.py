"""The space `efficientnet`: stages of MBConv or Fused-MBConv blocks, every block of a stage alike.

    image -> stem 3x3 -> 7 stages -> 1x1 to 1280 -> mean -> classifier
    stage: op (mbconv, fused), kernel, expansion, squeeze-excite ratio, width ratio, number of blocks

The factorised space of MnasNet (Tan et al., CVPR 2019, section 4.1) around EfficientNet-B0 (Tan & Le, ICML 2019), with
the fused blocks that accelerators prefer (Gupta & Akin 2020; NAHAS, Zhou et al. 2021). Papers give no common size;
`size` is exact for the fields set here. EfficientNet-B0 is a member, EfficientNet-EdgeTPU-S with fields of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from gossamer.ir.hardware import Number
from gossamer.search.choices import Choice, Choices
from gossamer.search.spaces.base import NetworkSpace
from gossamer.search.spaces.blocks import Activation, Block, divisible, kept_strides
from gossamer.search.spaces.blocks_mobile import ConvBlock, FusedMBConv, MBConv, Tail
from gossamer.search.spaces.chain import Chain, Chained, Place
from gossamer.search.spaces.checks import check_images, check_options, check_positive

NAME = "efficientnet"
OPS = ("mbconv", "fused")


@dataclass(frozen=True)
class BlockStage:
    """Base width and number of blocks; the first block has the stride."""

    width: int
    depth: int
    stride: int


B0 = (
    BlockStage(16, 1, 1),
    BlockStage(24, 2, 2),
    BlockStage(40, 2, 2),
    BlockStage(80, 3, 2),
    BlockStage(112, 3, 1),
    BlockStage(192, 4, 2),
    BlockStage(320, 1, 1),
)


@dataclass(frozen=True)
class EfficientNet(Chained, NetworkSpace):
    """squeeze: channels inside squeeze-excite as a part of the block's input, 0 for none. depths: added to a stage's
    number of blocks, of which one is left at least. width: multiplies every number of channels.
    """

    input_shape: tuple[int, int, int] = (3, 224, 224)
    classes: int = 1000
    ops: tuple[str, ...] = OPS
    kernels: tuple[int, ...] = (3, 5)
    expansions: tuple[int, ...] = (1, 3, 6)
    squeeze: tuple[float, ...] = (0, 0.25)
    ratios: tuple[float, ...] = (0.75, 1.0, 1.25)
    depths: tuple[int, ...] = (-1, 0, 1)
    stages: tuple[BlockStage, ...] = B0
    activation: Activation = "silu"
    stem: int = 32
    head: int = 1280
    width: float = 1.0

    def __post_init__(self) -> None:
        check_images(NAME, self.input_shape, self.classes, self.width)
        check_options(NAME, "ops", self.ops, OPS)
        check_options(NAME, "kernels", self.kernels, (1, 3, 5, 7, 9))
        for what, values in (("squeeze", self.squeeze), ("depths", self.depths), ("stages", self.stages)):
            check_options(NAME, what, values if what != "stages" else range(len(values)))
        for what, values in (("expansions", self.expansions), ("ratios", self.ratios)):
            check_options(NAME, what, values)
            check_positive(NAME, what, values)

    @cached_property
    def chain(self) -> Chain:
        first, *strides = kept_strides(min(self.input_shape[1:]), (2, *(stage.stride for stage in self.stages)))
        stem = ConvBlock(divisible(self.stem * self.width), 3, first, self.activation)
        tail = Tail(divisible(self.head * self.width), self.classes, self.activation)
        places, items = [Place("stem", (), lambda _: stem)], list[Choice]()
        for number, stage in enumerate(self.stages):
            items += self._choices(number, stage)
            places += [self._place(number, index, strides[number]) for index in range(1, self._depths(stage)[-1] + 1)]
        return Chain(NAME, self.input_shape, Choices(tuple(items)), (*places, Place("tail", (), lambda _: tail)))

    def _depths(self, stage: BlockStage) -> tuple[int, ...]:
        return tuple(sorted({max(1, stage.depth + more) for more in self.depths}))

    def _choices(self, number: int, stage: BlockStage) -> tuple[Choice, ...]:
        name = f"stage{number + 1}"
        return (
            Choice(f"{name}.op", self.ops),
            Choice(f"{name}.kernel", self.kernels),
            Choice(f"{name}.expansion", self.expansions),
            Choice(f"{name}.squeeze", self.squeeze),
            Choice(f"{name}.ratio", self.ratios),
            Choice(f"{name}.depth", self._depths(stage)),
        )

    def _place(self, number: int, index: int, stride: int) -> Place:
        name = f"stage{number + 1}"
        before = number if index > 1 else number - 1  # whose width comes in
        ratios = [f"stage{place + 1}.ratio" for place in dict.fromkeys((before, number)) if place >= 0]
        reads = (f"{name}.depth", *ratios, *(f"{name}.{what}" for what in ("op", "kernel", "expansion", "squeeze")))

        def block(values: Mapping[str, Number]) -> Block | None:
            if index > int(values[f"{name}.depth"]):
                return None
            widths = self._wide(before, values), self._wide(number, values)
            return self._block(name, values, *widths, stride if index == 1 else 1)

        return Place(f"{name}.block{index}", reads, block)

    def _block(self, stage: str, values: Mapping[str, Number], before: int, after: int, stride: int) -> Block:
        kernel, expansion = int(values[f"{stage}.kernel"]), int(values[f"{stage}.expansion"])
        ratio = float(values[f"{stage}.squeeze"])
        squeeze = max(1, int(before * ratio)) if ratio else 0
        if values[f"{stage}.op"] == "fused":
            hidden = before * expansion if expansion > 1 else 0
            return FusedMBConv(hidden, after, kernel, stride, squeeze, self.activation, "sigmoid", self.activation)
        return MBConv(
            before * expansion, after, kernel, stride, expansion > 1,
            squeeze=squeeze, activation=self.activation, squeeze_activation=self.activation,
        )  # fmt: skip

    def _wide(self, number: int, values: Mapping[str, Number]) -> int:
        """Channels of a stage; of the stem for number -1."""
        if number < 0:
            return divisible(self.stem * self.width)
        return divisible(self.stages[number].width * float(values[f"stage{number + 1}.ratio"]) * self.width)
