"""Small algebra on loop-nest indices: simplification, value ranges, recognition of bare axes."""

from collections.abc import Mapping
from dataclasses import replace

from gossamer.ir.nest import Affine, Apply, Convert, Div, Expr, Index, IndexValue, Load, Mod, Nest, Sum, Table


def bare_axis(index: Index) -> str:
    """The axis when an index is exactly one axis, else ''."""
    if not isinstance(index, Affine) or index.constant or len(index.terms) != 1 or index.terms[0][1] != 1:
        return ""
    return index.terms[0][0]


def axes_in(index: Index) -> set[str]:
    """Axes the index depends on."""
    if isinstance(index, Affine):
        return {name for name, _ in index.terms}
    return set().union(*(axes_in(i) for i, _ in index.terms)) if isinstance(index, Sum) else axes_in(index.index)


def index_range(index: Index, highs: Mapping[str, int]) -> tuple[int, int]:
    """(lowest, highest) value when axis a runs over 0 .. highs[a]."""
    if isinstance(index, Affine):
        ends = [factor * highs[name] for name, factor in index.terms]
        return index.constant + sum(min(e, 0) for e in ends), index.constant + sum(max(e, 0) for e in ends)
    if isinstance(index, Sum):
        ranges = [sorted(factor * e for e in index_range(inner, highs)) for inner, factor in index.terms]
        return sum(r[0] for r in ranges), sum(r[1] for r in ranges)
    low, high = index_range(index.index, highs)
    if isinstance(index, Mod):
        return (low, high) if 0 <= low and high < index.divisor else (0, index.divisor - 1)
    return low // index.divisor, high // index.divisor


def simplify(index: Index, extents: Mapping[str, int]) -> Index:
    """The same index without axes of one step, divisions by 1 and needless remainders."""
    if isinstance(index, Affine):
        return Affine(tuple((n, f) for n, f in index.terms if extents[n] > 1), index.constant)
    if isinstance(index, Sum):
        return _sum(tuple((simplify(inner, extents), factor) for inner, factor in index.terms if factor))
    inner = simplify(index.index, extents)
    low, high = index_range(inner, {n: e - 1 for n, e in extents.items()})
    if isinstance(index, Mod):
        return inner if 0 <= low and high < index.divisor else Mod(inner, index.divisor)
    if index.divisor == 1:
        return inner
    return Affine((), low // index.divisor) if low // index.divisor == high // index.divisor else Div(inner, index.divisor)


def _sum(terms: tuple[tuple[Index, int], ...]) -> Index:
    affine = Affine()
    rest: list[tuple[Index, int]] = []
    for inner, factor in terms:
        if isinstance(inner, Affine):
            affine = affine + inner * factor
        else:
            rest.append((inner, factor))
    if not rest:
        return affine
    if affine == Affine() and len(rest) == 1 and rest[0][1] == 1:
        return rest[0][0]
    return Sum((*rest, (affine, 1)))


def simplified(nest: Nest) -> Nest:
    """The nest with every index simplified, reduction loops of one step gone and its axes kept otherwise."""
    extents = {a.name: a.extent for a in nest.axes}
    body = _map_indices(nest.body, extents)
    kept = tuple(a for a in nest.axes if not a.reduce or a.extent > 1)
    if nest.reduce is not None and not any(a.reduce for a in kept):
        kept += tuple(a for a in nest.axes if a.reduce)[-1:]
    return replace(nest, axes=kept, body=body)


def _map_indices(expr: Expr, extents: Mapping[str, int]) -> Expr:
    if isinstance(expr, Load):
        return replace(expr, index=tuple(simplify(i, extents) for i in expr.index))
    if isinstance(expr, (IndexValue, Table)):
        return replace(expr, index=simplify(expr.index, extents))
    if isinstance(expr, Apply):
        return Apply(expr.function, tuple(_map_indices(a, extents) for a in expr.args))
    return replace(expr, value=_map_indices(expr.value, extents)) if isinstance(expr, Convert) else expr
