"""Algebra of index expressions: bounds, substitution, and div/mod that vanish where the extents allow it.

`extents` maps an axis name to its extent: the axis runs over 0 .. extent - 1. With d0 < 4 and d1 < 3,
(3*d0 + d1) div 3 is d0 and (3*d0 + d1) mod 3 is d1; `divided` and `remainder` know that.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

from gossamer.ir.interval import reach
from gossamer.ir.nest import (
    Affine,
    Computed,
    Div,
    Expr,
    Index,
    IndexValue,
    Load,
    Mod,
    Sum,
    Table,
    parts,
    rewritten,
)

Extents: TypeAlias = Mapping[str, int]


def axes_in(index: Index) -> set[str]:
    """Names of the axes an index depends on."""
    if isinstance(index, Affine):
        return {name for name, _ in index.terms}
    if isinstance(index, Sum):
        return {name for part, _ in index.terms for name in axes_in(part)}
    if isinstance(index, Computed):
        return {name for own in _indices(index.value) for name in axes_in(own)}
    return axes_in(index.index)


def _indices(expr: Expr) -> list[Index]:
    leaves = list(parts(expr))
    positions: list[Index] = [p.index for p in leaves if isinstance(p, (IndexValue, Table))]
    return positions + [i for p in leaves if isinstance(p, Load) for i in p.index]


def bounds(index: Index, extents: Extents) -> tuple[int, int]:
    """Smallest and largest value, both inclusive (exact for affine indices, else an enclosure)."""
    if isinstance(index, Affine):
        spans = [factor * (extents[name] - 1) for name, factor in index.terms]
        return index.constant + sum(s for s in spans if s < 0), index.constant + sum(s for s in spans if s > 0)
    if isinstance(index, Sum):
        ends = [sorted(factor * end for end in bounds(part, extents)) for part, factor in index.terms]
        return sum(low for low, _ in ends), sum(high for _, high in ends)
    if isinstance(index, Computed):
        low, high = reach(index.value, lambda inner: bounds(inner, extents)) or (0, index.extent - 1)
        return max(0, min(low, index.extent - 1)), max(0, min(high, index.extent - 1))
    low, high = bounds(index.index, extents)
    if isinstance(index, Div):
        return low // index.divisor, high // index.divisor
    same_run = low // index.divisor == high // index.divisor
    return (low % index.divisor, high % index.divisor) if same_run else (0, index.divisor - 1)


def substitute_index(index: Index, axes: Mapping[str, Index], extents: Extents) -> Index:
    """The index with axes replaced by indices; `extents` are those of the axes in the replacements."""
    if isinstance(index, Affine):
        terms: list[tuple[Index, int]] = [(axes.get(n, Affine(((n, 1),))), f) for n, f in index.terms]
        return added([*terms, (Affine((), index.constant), 1)])
    if isinstance(index, Sum):
        return added([(substitute_index(part, axes, extents), f) for part, f in index.terms])
    if isinstance(index, Computed):
        return replace(index, value=rewritten(index.value, lambda leaf: leaf_at(leaf, axes, extents)))
    inner = substitute_index(index.index, axes, extents)
    return (divided if isinstance(index, Div) else remainder)(inner, index.divisor, extents)


def leaf_at(leaf: Expr, axes: Mapping[str, Index], extents: Extents) -> Expr:
    """A leaf with its axes replaced; a table that would be read outside is read anywhere (the value is not used)."""
    if isinstance(leaf, Load):
        return replace(leaf, index=tuple(substitute_index(i, axes, extents) for i in leaf.index))
    if isinstance(leaf, (IndexValue, Table)):
        index = substitute_index(leaf.index, axes, extents)
        return replace(leaf, index=_inside(index, len(leaf.values), extents) if isinstance(leaf, Table) else index)
    return leaf


def _inside(index: Index, size: int, extents: Extents) -> Index:
    low, high = bounds(index, extents)
    return index if low >= 0 and high < size else Mod(index, size)


def with_values(index: Index, change: Callable[[Expr], Expr]) -> Index:
    """The index with every computed index in it computed from change(its expression)."""
    if isinstance(index, Affine):
        return index
    if isinstance(index, Computed):
        return replace(index, value=change(index.value))
    if isinstance(index, Sum):
        return Sum(tuple((with_values(part, change), factor) for part, factor in index.terms))
    return replace(index, index=with_values(index.index, change))


def rewritten_deep(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """As `rewritten`, and inside of indices too, inner leaves first."""

    def inside(index: Index) -> Index:
        return with_values(index, lambda value: rewritten(value, deep))

    def deep(leaf: Expr) -> Expr:
        if isinstance(leaf, Load):
            leaf = replace(leaf, index=tuple(map(inside, leaf.index)))
        elif isinstance(leaf, (IndexValue, Table)):
            leaf = replace(leaf, index=inside(leaf.index))
        return change(leaf)

    return rewritten(expr, deep)


def added(terms: list[tuple[Index, int]]) -> Index:
    """sum(factor * index), as an Affine where every part is one."""
    affine, others = Affine(), list[tuple[Index, int]]()
    for part, factor in _flat(terms):
        if isinstance(part, Affine):
            affine = affine + part * factor
        else:
            others.append((part, factor))
    if not others:
        return affine
    if affine == Affine() and len(others) == 1 and others[0][1] == 1:
        return others[0][0]
    return Sum((*others, (affine, 1)) if affine != Affine() else tuple(others))


def _flat(terms: list[tuple[Index, int]]) -> list[tuple[Index, int]]:
    found: list[tuple[Index, int]] = []
    for part, factor in terms:
        nested = [(p, f * factor) for p, f in part.terms] if isinstance(part, Sum) else None
        found.extend([(part, factor)] if nested is None else _flat(nested))
    return found


def divided(index: Index, divisor: int, extents: Extents) -> Index:
    """floor(index / divisor)."""
    split = _split(index, divisor, extents)
    return Div(index, divisor) if split is None else split[0]


def remainder(index: Index, divisor: int, extents: Extents) -> Index:
    """index modulo divisor."""
    split = _split(index, divisor, extents)
    return Mod(index, divisor) if split is None else split[1]


def _split(index: Index, divisor: int, extents: Extents) -> tuple[Index, Index] | None:
    """Quotient and remainder, where no division is needed to tell them."""
    low, high = bounds(index, extents)
    if low // divisor == high // divisor:
        whole = low // divisor
        return Affine((), whole), added([(index, 1), (Affine((), -whole * divisor), 1)])
    if not isinstance(index, Affine):
        return None
    # Terms that are multiples of the divisor go to the quotient if what is left stays within one multiple.
    whole, rest = index.constant // divisor, index.constant % divisor
    quotient = Affine(tuple((n, f // divisor) for n, f in index.terms if f % divisor == 0), whole)
    left = Affine(tuple((n, f) for n, f in index.terms if f % divisor), rest)
    low, high = bounds(left, extents)
    return (quotient, left) if low >= 0 and high < divisor else None
