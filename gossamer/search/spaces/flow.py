"""How tensors join the layers of a network: what their bits are once layers have bits.

Slots are places in `NetworkSpace.slots`. A tensor that weighted layers read is stored in the most bits any of them asks
for; one that only weightless layers read on the way to a weighted one in the bits of the quantize pass's default; any
other stays in float. A chain needs no flow: there every tensor is read by the next layer (see `Precision`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Choices, Genomes

FLOAT = -1
"""In place of a tensor: read or written in float."""


@dataclass(frozen=True)
class Flow:
    """Of one network. `slots` [L]: where its layers are; `reads`, `writes` [L]: the tensor, by number, that the layer's
    activation bits and output bits speak of, or FLOAT; `readers` [tensors]: slots of the weighted layers that read it.
    """

    slots: tuple[int, ...]
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    readers: tuple[tuple[int, ...], ...]


@runtime_checkable
class Joined(Protocol):
    """A family whose networks are no chains."""

    def flows(self, choices: Choices, genomes: Genomes) -> Sequence[tuple[NDArray[np.int64], Flow]]:
        """Designs, by their places in `genomes`, that share a flow, and the flow. Every design is in one group."""
        ...
