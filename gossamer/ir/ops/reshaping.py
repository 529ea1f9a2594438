"""Index of a reshape's input in terms of its output's axes, kept affine wherever the shapes allow it.

Both shapes are cut into the shortest groups of dimensions with equal products: [2, 3, 4, 5] -> [6, 20] has the groups
(2, 3 | 6) and (4, 5 | 20). A merge needs div and mod; a split and an unchanged dimension are affine.
"""

from collections.abc import Sequence
from math import prod

from gossamer.ir.nest import Affine, Axis, Div, Index, Mod, at


def reshaped_index(shape: tuple[int, ...], axes: Sequence[Axis]) -> tuple[Index, ...]:
    """Where element `axes` of the result is in a tensor of `shape` (same number of elements)."""
    if prod(shape) == 0:
        return (Affine(),) * len(shape)
    index: list[Index] = []
    for extents, group in _groups(shape, axes):
        index.extend(_unravelled(_position(group), extents))
    return tuple(index)


def _groups(shape: tuple[int, ...], axes: Sequence[Axis]) -> list[tuple[list[int], list[Axis]]]:
    left, right = list(shape), list(axes)
    groups: list[tuple[list[int], list[Axis]]] = []
    while left or right:
        extents, group = left[:1], right[:1]
        del left[:1], right[:1]
        while (have := prod(extents)) != (want := prod(a.extent for a in group)):
            if have < want:
                extents.append(left.pop(0))
            else:
                group.append(right.pop(0))
        groups.append((extents, group))
    return groups


def _position(group: Sequence[Axis]) -> Affine:
    """Row-major position of a point within its group."""
    position = Affine()
    for axis in group:
        position = position * axis.extent + (at(axis.name) if axis.extent > 1 else 0)
    return position


def _unravelled(position: Affine, extents: Sequence[int]) -> list[Index]:
    """The position as one index per extent; extents of 1 take none of it."""
    wide = [i for i, e in enumerate(extents) if e > 1]
    index: list[Index] = [Affine()] * len(extents)
    for i in wide:
        inner = prod(extents[i + 1 :])
        part: Index = Div(position, inner) if inner > 1 else position
        index[i] = part if i == wide[0] else Mod(part, extents[i])
    return index
