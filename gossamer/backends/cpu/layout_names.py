"""Layouts as words: `NCHW` row-major, `NCHW16c` with the channels split by 16 and their lanes last, `.halo` in a frame.

The letters name the axes of a value of that rank; the lower-case one after a number is the axis that is split. Matrices
are `NC`, sequences of vectors `NTC`; `NTC16t` splits their rows. The width of a halo is not said: it is what the
readers of the value reach outside it.
"""

import re
from dataclasses import dataclass

from gossamer.backends.base import Infeasible
from gossamer.codegen.tvm.layout import Layout
from gossamer.ir.errors import BackendError
from gossamer.ir.graph import Node

LETTERS = ("", "C", "NC", "NTC", "NCHW", "NCDHW")
_NAME = re.compile(r"(?P<axes>[A-Z]+)(?:(?P<block>[0-9]+)(?P<axis>[a-z]))?(?P<halo>\.halo)?", re.ASCII)

MAX_BLOCK = 64


@dataclass(frozen=True)
class LayoutName:
    """The axis that is split, -1 for none; by how much, 1 for not at all; whether there is a halo."""

    axis: int = -1
    block: int = 1
    halo: bool = False

    def text(self, rank: int) -> str:
        """As it is written on a value of `rank` axes; "" for a number."""
        letters = letters_of(rank)
        split = f"{self.block}{letters[self.axis].lower()}" if self.block > 1 else ""
        return letters and f"{letters}{split}{'.halo' if self.halo else ''}"

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether values of a shape have the axis."""
        return self.axis < len(shape)

    def layout(self, shape: tuple[int, ...]) -> Layout:
        """Of a value without its halo."""
        return Layout.blocked(shape, self.axis, self.block) if self.block > 1 else Layout.plain(shape)


def letters_of(rank: int) -> str:
    """The letters of the axes of a value."""
    return LETTERS[rank] if rank < len(LETTERS) else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:rank]


def parse_layout(text: str, shape: tuple[int, ...], where: str) -> LayoutName:
    """The layout that is written on a value. Raises BackendError when a value of that shape cannot have it."""
    letters, found = letters_of(len(shape)), _NAME.fullmatch(text)
    example = f"{letters}, {letters}16{letters[1 % len(letters)].lower()}" if letters else "none"
    if found is None or found["axes"] != letters:
        raise BackendError(f"{where}: found layout={text} on a value of shape {list(shape)}, needed one like {example}")
    if found["axis"] is None:
        return LayoutName(halo=found["halo"] is not None)
    axis, block = letters.lower().find(found["axis"]), int(found["block"])
    if axis < 0:
        raise BackendError(f"{where}: layout={text} splits '{found['axis']}', which is none of its axes {letters}")
    if not 1 < block <= MAX_BLOCK or block & (block - 1):
        raise BackendError(f"{where}: layout={text} splits by {block}, needed a power of two from 2 to {MAX_BLOCK}")
    return LayoutName(axis, block, found["halo"] is not None)


def layout_obstacle(node: Node, free: bool) -> Infeasible | None:
    """Why a node cannot have the layout that is written on it; `free`: whether it may be other than row-major."""
    if node.schedule is None or not node.schedule.layout:
        return None
    where = f"{node.title} ({node.op.name})"
    try:
        name = parse_layout(node.schedule.layout, node.result.shape, where)
    except BackendError as error:
        return Infeasible(where, f"layout={node.schedule.layout}", str(error), "write another, or none")
    if free or name == LayoutName():
        return None
    return Infeasible(where, "a row-major result", f"layout={node.schedule.layout}", "write none there")
