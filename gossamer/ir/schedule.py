"""A schedule: how an op's loop nest is to be run. Data on a node; it never changes the result.

One vocabulary for every target: TVM schedules, HLS pragmas, systolic mappings and crossbar placement read what they
understand of it. Text: `@schedule algorithm=winograd(m=4) tile=(oc:64:16, ow:14) order=(oc, oh, ow) unroll=(kh, kw)
vectorize=(oc:16) parallel=(oc, oh) layout=NCHW16c`.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from gossamer.ir.errors import IRError

Algorithm: TypeAlias = Literal["direct", "im2col", "winograd"]


@dataclass(frozen=True, slots=True)
class Tile:
    """Tile sizes of one axis, from the outermost memory level to the innermost (registers last)."""

    axis: str
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class Schedule:
    """All fields name axes of the op's (anchor's) main stage. `winograd_m`: output tile of F(m x m, r x r)."""

    algorithm: Algorithm = "direct"
    winograd_m: int | None = None
    tile: tuple[Tile, ...] = ()
    order: tuple[str, ...] = ()
    unroll: tuple[str, ...] = ()
    vectorize: Tile | None = None
    parallel: tuple[str, ...] = ()
    layout: str = ""
    dataflow: str = ""

    def __post_init__(self) -> None:
        if (self.algorithm == "winograd") != (self.winograd_m is not None):
            raise IRError("a schedule gives winograd_m exactly when its algorithm is winograd")
        if self.winograd_m is not None and self.winograd_m < 1:
            raise IRError(f"winograd_m is {self.winograd_m}, needed a whole number >= 1")
        tiles = self.tile if self.vectorize is None else (*self.tile, self.vectorize)
        if any(size < 1 for tile in tiles for size in tile.sizes):
            raise IRError("tile sizes must be >= 1")
        axes = [tile.axis for tile in self.tile]
        twice = [axis for axis in axes if axes.count(axis) > 1]
        if twice:
            raise IRError(f"the axis '{twice[0]}' is tiled twice, needed once: {twice[0]}:4:2")

    def tile_of(self, axis: str) -> tuple[int, ...]:
        """Tile sizes of an axis; () when it is not tiled."""
        return next((tile.sizes for tile in self.tile if tile.axis == axis), ())
