"""Windows over one spatial axis as windows over a single row of an image."""

from typing import TypeAlias

from gossamer.ir.types import Value

Numbers: TypeAlias = tuple[int, ...]


def row(x: Value) -> Numbers:
    """[N, C, W] -> [N, C, 1, W]."""
    return (*x.shape[:2], 1, *x.shape[2:])


def in_row(pads: Numbers) -> Numbers:
    """(before, after) -> (top, left, bottom, right)."""
    return (0, pads[0], 0, pads[1])
