"""Where a compiled graph keeps its tensors: buffers shared by values whose lives do not overlap.

A buffer with a halo is only shared by values of exactly the same storage, so that the halo, written once, stays true.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gossamer.codegen.tvm.forms import Storage
from gossamer.codegen.tvm.layout import Layout
from gossamer.ir.types import Value


@dataclass(frozen=True)
class Launch:
    """One call of a kernel for a layer; operands, constants and results by number in the list of buffers."""

    kernel: str
    layer: int
    buffers: tuple[int, ...]


def share_buffers(
    storage: Mapping[Value, Storage], uses: Sequence[tuple[Sequence[Value], Sequence[Value]]], pinned: set[Value]
) -> tuple[list[Storage], dict[Value, int]]:
    """(buffers, value -> buffer) for launches given as (reads, writes); `pinned` values share with none."""
    last = {value: step for step, (reads, writes) in enumerate(uses) for value in (*reads, *writes)}
    buffers: list[Storage] = []
    placed: dict[Value, int] = {}
    free: dict[object, list[int]] = {}
    for value in sorted((v for v in pinned if v in storage), key=lambda v: v.name):
        placed[value] = _new(buffers, storage[value])
    for step, (reads, writes) in enumerate(uses):
        for value in writes:
            if value not in placed:
                idle = free.get(_shape_of(storage[value]), [])
                placed[value] = idle.pop() if idle else _new(buffers, storage[value])
        for value in dict.fromkeys((*reads, *writes)):
            if last[value] == step and value not in pinned and value in placed:
                free.setdefault(_shape_of(storage[value]), []).append(placed[value])
    return buffers, placed


def _shape_of(storage: Storage) -> object:
    return storage if storage.layout.has_halo else (storage.layout.shape, storage.dtype)


def _new(buffers: list[Storage], storage: Storage) -> int:
    buffers.append(storage)
    return len(buffers) - 1


def layout_words(layout: Layout) -> str:
    """A layout for a table: NCHW16c with its halo."""
    blocks = [d.extent for d in layout.dims if d.stride == 1 and len(layout.parts(d.axis)) > 1]
    letters = "NCHW" if len(layout.logical) == 4 else "".join(chr(ord("A") + i) for i in range(len(layout.logical)))
    return (
        letters
        + (f"{blocks[0]}{'c' if letters == 'NCHW' else ''}" if blocks else "")
        + ("+halo" if layout.has_halo else "")
    )
