"""Which steps of the ladders of mapping.py are worth a look: small layers cut to the same tiles on most of them.

A step that repeats an earlier one gives a candidate of equal latency, energy and traffic, and of equals the first is
chosen, so leaving the later out changes no result. Rows are priced in blocks, and a step is left out where it repeats
an earlier one in all rows of the block; `likeness` puts rows together for which that holds (an eight by eight image has
17 distinct candidates of 160).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.systolic.columns import HardwareColumns, LayerColumns
from gossamer.backends.systolic.mapping import (
    CHANNEL_GRIDS,
    CHANNELS,
    DEPTH_GRIDS,
    PIXELS,
    Pixels,
    first_pixel_steps,
)

Column = NDArray[np.float64]


@dataclass(frozen=True)
class Steps:
    """Positions in the ladders, ascending; `cuts` are those of the cut depths in `depth_tiles`, so 1 or more."""

    pixels: NDArray[np.intp]
    channels: NDArray[np.intp]
    cuts: NDArray[np.intp]

    @staticmethod
    def of(pixels: Pixels, tile_n: Column, depths: tuple[Column, ...]) -> "Steps":
        """Those that differ from the steps before them in some row."""
        whole = [i for i in range(1, len(depths)) if (depths[i] != depths[i - 1]).any()]
        fresh = (tile_n[1:] != tile_n[:-1]).any(axis=1)
        return Steps(
            np.flatnonzero(first_pixel_steps(pixels)),
            np.flatnonzero(np.concatenate([[True], fresh])),
            np.array(whole, np.intp),
        )

    def candidates(self, planes: NDArray[np.intp], m: NDArray[np.intp], n: NDArray[np.intp]) -> NDArray[np.intp]:
        """Positions in `mapping.MAPPINGS` of candidates given by their positions here."""
        plane = np.concatenate([[0, 1], self.cuts + 1])[planes]
        return (plane * PIXELS + self.pixels[m]) * CHANNELS + self.channels[n]


_FAR = 2.0**40
"""More than the M of any layer."""

ALL = Steps(np.arange(PIXELS), np.arange(CHANNELS), np.arange(1, len(DEPTH_GRIDS) + 1))


def likeness(layers: LayerColumns, chips: HardwareColumns) -> Column:
    """Rows of equal or near numbers have many repeated steps in common. The cuts of channels and depth weigh most: most
    small layers have none, and a block that has one looks at several times as many candidates.
    """
    m = layers.oh * layers.n * layers.ow
    n, k = layers.oc / layers.groups, layers.ic / layers.groups * layers.kh * layers.kw
    channels = np.searchsorted(CHANNEL_GRIDS[::-1], n / chips.cols)
    depths = np.searchsorted(DEPTH_GRIDS[::-1], k / chips.rows)
    cuts = channels * (len(DEPTH_GRIDS) + 1) + depths
    return cuts * _FAR + m
