"""Making a nest affine by splitting its axes: `c div 4` and `c mod 4` are c0 and c1 once c = 4 * c0 + c1.

Grouped convolutions, channel shuffles and reshapes become strided views this way. What does not split stays as it is.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from gossamer.ir.expression import at_indices
from gossamer.ir.index import Extents, bounds
from gossamer.ir.nest import (
    Affine,
    Axis,
    Div,
    Index,
    IndexValue,
    Load,
    Mod,
    Nest,
    Sum,
    Table,
    at,
    parts,
)


@lru_cache(maxsize=1024)
def split_axes(nest: Nest) -> Nest:
    """The nest with axes split until no split takes another div or mod away; points and their order stay the same."""
    while (wanted := _wanted(nest)) is not None:
        nest = _split(nest, *wanted)
    return nest


def _wanted(nest: Nest) -> tuple[str, int] | None:
    """An axis and the extent of its inner part, or None."""
    extents = {a.name: a.extent for a in nest.axes}
    return next((found for index in _indices(nest) for found in _cuts(index, extents)), None)


def _indices(nest: Nest) -> Iterator[Index]:
    for expr in (nest.body, nest.epilogue):
        for part in parts(expr) if expr is not None else ():
            if isinstance(part, Load):
                yield from part.index
            elif isinstance(part, (IndexValue, Table)):
                yield part.index


def _cuts(index: Index, extents: Extents) -> Iterator[tuple[str, int]]:
    if isinstance(index, Sum):
        for part, _ in index.terms:
            yield from _cuts(part, extents)
    elif isinstance(index, (Div, Mod)):
        yield from _cuts(index.index, extents)
        if isinstance(index.index, Affine):
            yield from _cut(index.index, index.divisor, extents)


def _cut(index: Affine, divisor: int, extents: Extents) -> Iterator[tuple[str, int]]:
    """The axis whose factor is the largest that is no multiple of the divisor, if cutting it there helps."""
    loose = sorted(((f, n) for n, f in index.terms if f % divisor), reverse=True)
    if not loose or loose[-1][0] < 0:
        return
    factor, name = loose[0]
    low, high = bounds(Affine(tuple((n, f) for f, n in loose[1:]), index.constant % divisor), extents)
    inner = divisor // factor
    alone = divisor % factor == 0 and low >= 0 and high < factor
    if alone and 1 < inner < extents[name] and extents[name] % inner == 0:
        yield name, inner


def _split(nest: Nest, name: str, inner: int) -> Nest:
    pieces = {a.name: a for a in nest.axes}
    outer = Axis(f"{name}.o", pieces[name].extent // inner, pieces[name].reduce)
    low = Axis(f"{name}.i", inner, pieces[name].reduce)
    axes = tuple(part for a in nest.axes for part in ((outer, low) if a.name == name else (a,)))
    extents = {a.name: a.extent for a in axes}
    swap: dict[str, Index] = {name: at(outer.name) * inner + at(low.name)}

    epilogue = None if nest.epilogue is None else at_indices(nest.epilogue, swap, extents)
    return replace(nest, axes=axes, body=at_indices(nest.body, swap, extents), epilogue=epilogue)
