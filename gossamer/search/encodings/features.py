"""The encodings `features` and `architecture-features`: designs as numbers.

`features` is what the space says of its designs. `architecture-features` are those of HW-PR-NAS (thesis 3.2.1), from
the IR alone: MACs, parameters, convolutions, input size, depth, first and last channels, down-samplings.
"""

from dataclasses import dataclass

import numpy as np

from gossamer.search.choices import Genomes
from gossamer.search.encodings.base import Encoded, Extent, encoded
from gossamer.search.encodings.drawings import drawings
from gossamer.search.encodings.sketch import Sketch
from gossamer.search.spaces.base import Space

NAMES = ("log_macs", "log_params", "convs", "input_size", "depth", "first_channels", "last_channels", "down_samplings")


@dataclass(frozen=True)
class Features:
    """The space's own."""

    def start(self, space: Space) -> "FeatureEncoder":
        return FeatureEncoder(space)


class FeatureEncoder:
    """Features of one space."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self.extent = Extent(numbers=space.features(drawings(space).drawn[:1]).shape[1])

    def encode(self, genomes: Genomes) -> Encoded:
        return encoded(len(genomes), numbers=self._space.features(genomes).astype(np.float32))


@dataclass(frozen=True)
class ArchitectureFeatures:
    """Those of HW-PR-NAS."""

    def start(self, space: Space) -> "ArchitectureEncoder":
        return ArchitectureEncoder(space)


class ArchitectureEncoder:
    """Architecture features of one space."""

    extent = Extent(numbers=len(NAMES))

    def __init__(self, space: Space) -> None:
        self._drawings = drawings(space)

    def encode(self, genomes: Genomes) -> Encoded:
        rows = [architecture_features(sketch) for sketch in self._drawings(genomes)]
        return encoded(len(genomes), numbers=np.array(rows, np.float32).reshape(-1, len(NAMES)))


def architecture_features(sketch: Sketch) -> tuple[float, ...]:
    """One number per NAMES. Sizes are 0 where nothing has weights."""
    layers = sketch.weighted
    return (
        float(np.log1p(sum(layer.macs for layer in layers))),
        float(np.log1p(sum(layer.weights for layer in layers))),
        float(sum(layer.is_conv for layer in layers)),
        float(sketch.side),
        float(_depth(sketch)),
        float(layers[0].channels if layers else 0),
        float(layers[-1].channels if layers else 0),
        float(sum(layer.halves for layer in layers)),
    )


def _depth(sketch: Sketch) -> int:
    """Steps on the longest way to the output."""
    depth: list[int] = []
    for sources in sketch.sources:
        depth.append(1 + max((depth[source] for source in sources), default=-1))
    return depth[-1]
