"""What a compiled network does, in order, on numbered buffers: kernels, fills of frames, copies, loops."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from gossamer.backends.cpu.copies import Box
from gossamer.codegen.tvm.forms import Storage


@dataclass(frozen=True)
class Buffer:
    """Memory of a value, or with `param` of a packed parameter."""

    storage: Storage
    param: bool = False

    @property
    def bytes(self) -> int:
        return self.storage.layout.elements * np.dtype(self.storage.dtype).itemsize


@dataclass(frozen=True)
class Launch:
    """One call of a kernel for a layer; operands, constants and results by number in the list of buffers."""

    kernel: str
    layer: int
    buffers: tuple[int, ...]


@dataclass(frozen=True)
class Fill:
    """The frame of a buffer is written: its halo, and with `surplus` the unused ends of its split axes."""

    layer: int
    buffer: int
    surplus: bool = False


@dataclass(frozen=True)
class Copy:
    """Elements of one buffer to another; in a loop, step i is i times `to_step` and `source_step` elements further."""

    layer: int
    to: int
    source: int
    boxes: tuple[Box, ...]
    to_step: int = 0
    source_step: int = 0


@dataclass(frozen=True)
class Loop:
    """What a scan's body does, once per step; `reverse`: from the last step to the first."""

    layer: int
    steps: int
    reverse: bool
    body: "tuple[Action, ...]"


Action: TypeAlias = Launch | Fill | Copy | Loop
