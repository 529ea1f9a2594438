"""What all networks of the space `nasbench201` share, and the places for their layers."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from gossamer.search.choices import Condition
from gossamer.search.spaces.base import Slot
from gossamer.search.spaces.nasbench201_cell import EDGES, KERNELS, OPS

STAGES = 3
CONV_PARTS, POOL_PARTS = (tuple(f"{what}{start}-{end}" for start, end in EDGES) for what in ("conv", "pool"))
LOOSE_PARTS = ("relu0", "relu1", "relu2", "add1-2", "add1-3", "add2-3")
"""Pointwise statements of a cell that may be a layer of their own."""
CONVOLUTIONS = tuple(OPS[op] for op in KERNELS)
PARTS = (*CONV_PARTS, *POOL_PARTS, *LOOSE_PARTS)


@dataclass(frozen=True)
class Frame:
    """`cells` in each of three stages; `width` channels in the first, twice as many in the next."""

    input_shape: tuple[int, int, int]
    classes: int
    cells: int
    width: int

    @property
    def stages(self) -> tuple[tuple[int, int, int], ...]:
        """(channels, height, width) of the three."""
        _, height, width = self.input_shape
        return tuple((self.width << stage, height >> stage, width >> stage) for stage in range(STAGES))

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        return (Slot("image", weighted=False, cast=True), Slot("stem"), *self._middle(), *_LAST)

    def _middle(self) -> Iterator[Slot]:
        for stage in range(STAGES):
            if stage:
                yield from (Slot(f"residual{stage}.{part}", weighted) for part, weighted in _RESIDUAL)
            for place in range(self.cells):
                name = f"stage{stage + 1}.cell{place + 1}"
                yield from (Slot(f"{name}.{part}", when=_convolved(part)) for part in CONV_PARTS)
                yield from (Slot(f"{name}.{part}", weighted=False) for part in (*POOL_PARTS, *LOOSE_PARTS))


def _convolved(part: str) -> tuple[Condition, ...]:
    """Holds where the edge is a convolution."""
    return (Condition(part.replace("conv", "edge"), CONVOLUTIONS),)


_RESIDUAL = (("relu1", False), ("conv1", True), ("conv2", True), ("pool", False), ("down", True))
_LAST = (Slot("mean", weighted=False), Slot("classifier"))
