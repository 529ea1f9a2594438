"""The mappings of a layer: how it is cut into tiles that fit the SRAMs, and in which order the tiles come.

A tile is (pixels, output channels, reduction depth). Each has a fixed ladder of sizes that depends on the layer and
the grid only, never on the SRAMs: more SRAM makes more of the same mappings legal and changes none of them, which is
why more SRAM can never cost cycles.

    pixels   M/1 M/2 M/4 M/8 M/16 M/64 M/256 1G    whole output rows while they last, then pieces of one row
    channels N 16C 4C C                            columns of the grid, or all
    depth    K 16R 4R R                            rows of the grid, or all

1G is one fold of the grid: R pixels, C for the dataflow is.

Orders: `mn` keeps an input tile while weights pass, `nm` keeps a weight tile while inputs pass; both with the whole
depth in a tile. With the depth cut, the output tile stays until it is done (`mnk`): partial sums never leave the chip.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.systolic.columns import HardwareColumns, LayerColumns
from gossamer.backends.systolic.cycles import IS

Column = NDArray[np.float64]

PIXEL_CUTS: tuple[float, ...] = (1, 2, 4, 8, 16, 64, 256)
CHANNEL_GRIDS: tuple[float, ...] = (16, 4, 1)
DEPTH_GRIDS: tuple[float, ...] = (16, 4, 1)

PIXELS, CHANNELS = len(PIXEL_CUTS) + 1, len(CHANNEL_GRIDS) + 1
PLANES: tuple[str, ...] = ("mn k=K", "nm k=K", *(f"mnk k={d:g}R" for d in DEPTH_GRIDS))
"""Order and depth of each plane of candidates; within a plane, pixels x channels."""

_PIXEL_NAMES = (*(f"m=M/{cut:g}" for cut in PIXEL_CUTS), "m=1G")
_CHANNEL_NAMES = ("n=N", *(f"n={g:g}C" for g in CHANNEL_GRIDS))

MAPPINGS: tuple[str, ...] = (
    *(f"{plane} {m} {n}" for plane in PLANES for m in _PIXEL_NAMES for n in _CHANNEL_NAMES),
    "vector",
    "none",
)
"""Names of every mapping, in the order of the candidates; `vector` for the vector lanes, `none` where nothing fits."""

CANDIDATES = len(MAPPINGS) - 2
VECTOR, NONE = CANDIDATES, CANDIDATES + 1


@dataclass(frozen=True)
class Product:
    """A layer as `groups` products M x K by K x N, one row each.

    A batch is stacked along the height: `oh`, `ih` are those of the whole batch.
    """

    m: Column
    n: Column
    k: Column
    groups: Column
    oh: Column
    ow: Column
    ih: Column
    iw: Column
    ic: Column
    taps: Column
    span_h: Column
    span_w: Column
    stride_h: Column
    stride_w: Column

    @staticmethod
    def of(layers: LayerColumns) -> "Product":
        """The products behind conv and gemm rows. `span` is the extent of a dilated kernel, `taps` is kh kw."""
        c = {name: getattr(layers, name) for name in layers.__dataclass_fields__}
        taps, ic = c["kh"] * c["kw"], c["ic"] / c["groups"]
        oh, ow = c["oh"] * c["n"], c["ow"]
        return Product(
            m=oh * ow,
            n=c["oc"] / c["groups"],
            k=ic * taps,
            groups=c["groups"],
            oh=oh,
            ow=ow,
            ih=c["ih"] * c["n"],
            iw=c["iw"],
            ic=ic,
            taps=taps,
            span_h=(c["kh"] - 1) * c["dilation_h"] + 1,
            span_w=(c["kw"] - 1) * c["dilation_w"] + 1,
            stride_h=c["stride_h"],
            stride_w=c["stride_w"],
        )


@dataclass(frozen=True)
class Pixels:
    """The ladder of pixel tiles, columns of shape (pixel steps, 1, rows).

    `tile` is M of a full tile, `count` the number of tiles, `window` the input elements per channel under a full tile,
    `swept` the input elements per channel read when every tile is visited once (halos read again).
    """

    tile: Column
    count: Column
    window: Column
    swept: Column

    def take(self, steps: NDArray[np.intp]) -> "Pixels":
        """Some steps only."""
        return Pixels(self.tile[steps], self.count[steps], self.window[steps], self.swept[steps])

    @staticmethod
    def of(p: Product, chips: HardwareColumns) -> "Pixels":
        cuts = np.array(PIXEL_CUTS)[:, None, None]
        side = np.where(chips.dataflow == IS, chips.cols, chips.rows)
        grid = np.minimum(side, p.m)
        target = np.concatenate([np.ceil(p.m / cuts), grid[None, None]])
        down = np.ceil(p.oh / np.maximum(1.0, np.floor(target / p.ow)))
        across = np.ceil(p.ow / np.minimum(p.ow, target))
        # tiles of equal size as far as whole rows allow
        tall, wide = np.ceil(p.oh / down), np.ceil(p.ow / across)
        down, across = np.ceil(p.oh / tall), np.ceil(p.ow / wide)
        rows_in = np.minimum(p.ih, (tall - 1) * p.stride_h + p.span_h)
        cols_in = np.minimum(p.iw, (wide - 1) * p.stride_w + p.span_w)
        swept_h = np.minimum(p.ih, (p.oh - 1) * p.stride_h + p.span_h) + (down - 1) * np.maximum(
            0.0, p.span_h - p.stride_h
        )
        swept_w = np.minimum(p.iw, (p.ow - 1) * p.stride_w + p.span_w) + (across - 1) * np.maximum(
            0.0, p.span_w - p.stride_w
        )
        return Pixels(tall * wide, down * across, rows_in * cols_in, swept_h * swept_w)


def first_pixel_steps(pixels: Pixels) -> NDArray[np.bool_]:
    """bool [pixel steps]: steps that differ from every earlier step in some row. Sizes fall but for the last step's."""
    found = np.ones(PIXELS, np.bool_)
    columns = [getattr(pixels, f.name)[:, 0] for f in fields(Pixels)]
    found[1:-1] = np.any([(column[1:-1] != column[:-2]).any(axis=1) for column in columns], axis=0)
    repeats = np.all([column[:-1] == column[-1] for column in columns], axis=0).any(axis=0)
    found[-1] = not repeats.all()
    return found


def channel_tiles(p: Product, chips: HardwareColumns) -> Column:
    """N of a full tile, shape (channel steps, rows)."""
    grids = np.array(CHANNEL_GRIDS)[:, None] * chips.cols
    return np.concatenate([p.n[None], _evened(p.n, grids, chips.cols)])


def depth_tiles(p: Product, chips: HardwareColumns) -> tuple[Column, ...]:
    """K of a full tile, one column of shape (rows,) per step: all of it, then multiples of the grid's height."""
    return (p.k, *(_evened(p.k, grid * chips.rows, chips.rows) for grid in DEPTH_GRIDS))


def _evened(extent: Column, tile: Column, unit: Column) -> Column:
    """The smallest multiple of `unit` (or all of `extent`) that cuts it into no more tiles: their sizes even out."""
    return np.minimum(extent, unit * np.ceil(np.ceil(extent / unit) / np.ceil(extent / tile)))


def channels_in(p: Product, depth: Column) -> Column:
    """Input channels a slice of `depth` rows of the product touches at most."""
    return np.where(depth == p.k, p.ic, np.minimum(p.ic, np.ceil((depth - 1) / p.taps) + 1))
