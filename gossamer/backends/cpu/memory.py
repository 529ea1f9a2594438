"""One arena for all values of a network: offsets by lifetimes.

Values are placed from the largest to the smallest, each in the smallest gap between those that live at the same time
(greedy by size: Pisarchyk and Lee, Efficient Memory Management for Deep Neural Net Inference, 2020). Invariant: values
whose lives overlap do not share a byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass

ALIGNMENT = 64
"""Bytes; a cache line and the widest vector."""


@dataclass(frozen=True)
class Interval:
    """Bytes that are needed from step `first` to step `last`, both included."""

    bytes: int
    first: int
    last: int


def place(intervals: Sequence[Interval]) -> tuple[list[int], int]:
    """(offset of every interval, size of the arena)."""
    offsets = [0] * len(intervals)
    placed: list[int] = []  # by offset
    for index in sorted(range(len(intervals)), key=lambda i: (-intervals[i].bytes, intervals[i].first, i)):
        own = intervals[index]
        offsets[index] = _gap(own, [(offsets[i], intervals[i]) for i in placed])
        placed.append(index)
        placed.sort(key=lambda i: offsets[i])
    return offsets, max((o + rounded(x.bytes) for o, x in zip(offsets, intervals)), default=0)


def rounded(size: int) -> int:
    """Up to the next multiple of the alignment."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def _gap(own: Interval, placed: Sequence[tuple[int, Interval]]) -> int:
    """The smallest gap that holds `own` between those alive with it, else the end of them."""
    size, end = rounded(own.bytes), 0
    best: tuple[int, int] | None = None
    for offset, other in placed:
        if other.last < own.first or own.last < other.first:
            continue
        if offset - end >= size and (best is None or offset - end < best[0]):
            best = (offset - end, end)
        end = max(end, offset + rounded(other.bytes))
    return end if best is None else best[1]
