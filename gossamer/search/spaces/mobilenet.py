"""The space `mobilenet`: MobileNetV2-like networks for 8x8 to 32x32 images: elastic depth, width, kernel and expansion.

    image -> stem conv 3x3 -> stages of inverted residual blocks -> head conv 1x1 -> mean over the image -> classifier
    block:   expand 1x1 -> relu -> depthwise k x k -> relu -> project 1x1 [+ input]

Choices: the width of every stage, how many blocks it has, and per block the kernel (3, 5) and the expansion (1 .. 6).
An expand layer is there at expansion 1 too: without it the depthwise layer would see features of another kind, and a
supernet cannot share its weights with the other expansions (measured: 32 % instead of 89 %). The first block of a stage
may halve the image and changes the width; the others add their input. After fusion a block is its three convolutions:
relu and the addition are in their epilogues.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.graph import Module
from gossamer.ir.hardware import Number
from gossamer.search.choices import Choice, Choices, Condition, Genomes
from gossamer.search.costs.columns import Population
from gossamer.search.spaces.base import NetworkSpace, Slot
from gossamer.search.spaces.plan import Plan, Step

KERNELS = (3, 5)
EXPANSIONS = (1, 2, 3, 4, 6)
SMALL_IMAGE = 12
"""Images up to this side keep their size in the stem."""


@dataclass(frozen=True)
class Stage:
    """`widths` to choose from, at most `depth` blocks, the first with this stride."""

    widths: tuple[int, ...]
    depth: int
    stride: int


@dataclass(frozen=True)
class Block:
    """One block's place in the network. `input_size`, `size`: side of its input and output image."""

    name: str
    stage: int
    index: int
    stride: int
    input_size: tuple[int, int]
    size: tuple[int, int]

    @property
    def residual(self) -> bool:
        return self.index > 0


@dataclass(frozen=True)
class MobileNet(NetworkSpace):
    """The family for one kind of image; see the module's docstring."""

    input_shape: tuple[int, int, int] = (3, 32, 32)
    classes: int = 10
    stem: tuple[int, ...] = (8, 16)
    stages: tuple[Stage, ...] = (Stage((8, 12, 16), 2, 1), Stage((12, 16, 24), 3, 2), Stage((16, 24, 32), 3, 2))
    head: tuple[int, ...] = (32, 48, 64)

    @property
    def name(self) -> str:
        return "mobilenet"

    @property
    def stem_stride(self) -> int:
        return 1 if max(self.input_shape[1:]) <= SMALL_IMAGE else 2

    @cached_property
    def stem_size(self) -> tuple[int, int]:
        return halved(self.input_shape[1:], self.stem_stride)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(self._blocks())

    def _blocks(self) -> Iterator[Block]:
        size = self.stem_size
        for place, stage in enumerate(self.stages):
            for index in range(stage.depth):
                stride = stage.stride if index == 0 else 1
                after = halved(size, stride)
                yield Block(f"stage{place + 1}.block{index + 1}", place, index, stride, size, after)
                size = after

    @cached_property
    def choices(self) -> Choices:
        items = [Choice("stem.width", self.stem), Choice("head.width", self.head)]
        for place, stage in enumerate(self.stages):
            items.append(Choice(f"stage{place + 1}.width", stage.widths))
            items.append(Choice(f"stage{place + 1}.depth", tuple(range(1, stage.depth + 1))))
        for block in self.blocks:
            items.append(Choice(f"{block.name}.kernel", KERNELS, self._exists(block)))
            items.append(Choice(f"{block.name}.expansion", EXPANSIONS, self._exists(block)))
        return Choices(tuple(items))

    def _exists(self, block: Block) -> tuple[Condition, ...]:
        if block.index == 0:
            return ()
        depths = tuple(range(block.index + 1, self.stages[block.stage].depth + 1))
        return (Condition(f"stage{block.stage + 1}.depth", depths),)

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        found = [Slot("image", weighted=False, cast=True), Slot("stem")]
        for block in self.blocks:
            exists = self._exists(block)
            found += [Slot(f"{block.name}.{part}", when=exists) for part in ("expand", "depthwise", "project")]
        return (*found, Slot("head"), Slot("mean", weighted=False), Slot("classifier"))

    def shapes(self, choices: Choices, genomes: Genomes) -> Population:
        """Layers of [P, genes] genomes, without bits."""
        found = Population.empty(len(genomes), len(self.slots))
        channels, height, width = self.input_shape
        stem = choices.column("stem.width", genomes)
        found.put(0, "eltwise", True, ic=channels, ih=height, iw=width, oc=channels, oh=height, ow=width)
        _conv(found, 1, True, channels, stem, (height, width), self.stem_size, kernel=3, stride=self.stem_stride)
        widths = [choices.column(f"stage{place + 1}.width", genomes) for place in range(len(self.stages))]
        slot = 2
        for block in self.blocks:
            before = widths[block.stage] if block.index else widths[block.stage - 1] if block.stage else stem
            self._block(found, slot, block, before, widths[block.stage], choices, genomes)
            slot += 3
        self._tail(found, slot, widths[-1], choices.column("head.width", genomes))
        return found

    def _block(
        self,
        found: Population,
        slot: int,
        block: Block,
        before: NDArray[np.int64],
        after: NDArray[np.int64],
        choices: Choices,
        genomes: Genomes,
    ) -> None:
        exists = choices.active(self._exists(block), genomes)
        expansion, kernel = (choices.column(f"{block.name}.{what}", genomes) for what in ("expansion", "kernel"))
        hidden = before * expansion
        _conv(found, slot, exists, before, hidden, block.input_size, block.input_size)
        _conv(
            found,
            slot + 1,
            exists,
            hidden,
            hidden,
            block.input_size,
            block.size,
            kernel=kernel,
            stride=block.stride,
            groups=hidden,
        )
        _conv(found, slot + 2, exists, hidden, after, block.size, block.size)

    def _tail(self, found: Population, slot: int, width: NDArray[np.int64], head: NDArray[np.int64]) -> None:
        size = self.blocks[-1].size
        _conv(found, slot, True, width, head, size, size)
        found.put(slot + 1, "reduce", True, ic=head, ih=size[0], iw=size[1], oc=head, oh=1, ow=1)
        found.put(slot + 2, "gemm", True, ic=head, oc=self.classes)

    def plan(self, values: Mapping[str, Number]) -> Plan:
        """The steps of one design."""
        before = int(values["stem.width"])
        steps = [Step("stem", "conv", self.input_shape[0], before, 3, self.stem_stride, relu=True)]
        for block in self.blocks:
            if block.index < int(values[f"stage{block.stage + 1}.depth"]):
                steps += self._steps(block, before, values, adds=steps[-1].slot if block.residual else "")
                before = steps[-1].oc
        head = int(values["head.width"])
        steps += [Step("head", "conv", before, head, relu=True), Step("mean", "mean", head, head)]
        return (*steps, Step("classifier", "gemm", head, self.classes))

    def module(self, genome: Genomes, seed: int = 0) -> Module:
        from gossamer.search.lower import build_module, drawn_weights

        plan = self.plan(self.choices.decode(genome))
        return build_module(self.name, plan, drawn_weights(plan, seed), self.input_shape)

    def _steps(self, block: Block, before: int, values: Mapping[str, Number], adds: str) -> Iterator[Step]:
        expansion, kernel = int(values[f"{block.name}.expansion"]), int(values[f"{block.name}.kernel"])
        hidden, after = before * expansion, int(values[f"stage{block.stage + 1}.width"])
        yield Step(f"{block.name}.expand", "conv", before, hidden, relu=True)
        yield Step(f"{block.name}.depthwise", "conv", hidden, hidden, kernel, block.stride, hidden, relu=True)
        yield Step(f"{block.name}.project", "conv", hidden, after, adds=adds)


def halved(size: tuple[int, int], stride: int) -> tuple[int, int]:
    """Output size of a convolution of odd kernel padded to keep the size at stride 1."""
    return (size[0] - 1) // stride + 1, (size[1] - 1) // stride + 1


def _conv(
    found: Population,
    slot: int,
    active: NDArray[np.bool_] | bool,
    ic: NDArray[np.int64] | int,
    oc: NDArray[np.int64],
    size: tuple[int, int],
    after: tuple[int, int],
    kernel: NDArray[np.int64] | int = 1,
    stride: int = 1,
    groups: NDArray[np.int64] | int = 1,
) -> None:
    found.put(
        slot,
        "conv",
        active,
        ic=ic,
        ih=size[0],
        iw=size[1],
        oc=oc,
        oh=after[0],
        ow=after[1],
        kh=kernel,
        kw=kernel,
        stride_h=stride,
        stride_w=stride,
        groups=groups,
    )
