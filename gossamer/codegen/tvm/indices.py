"""Small algebra on loop-nest indices beyond `gossamer.ir.index`: bare axes, and nests without loops of one step."""

from dataclasses import replace

from gossamer.ir.index import substitute_index
from gossamer.ir.nest import Affine, Axis, Expr, Index, IndexValue, Load, Nest, Table, rewritten


def bare_axis(index: Index) -> str:
    """The axis when an index is exactly one axis, else ''."""
    if not isinstance(index, Affine) or index.constant or len(index.terms) != 1 or index.terms[0][1] != 1:
        return ""
    return index.terms[0][0]


def simplified(nest: Nest) -> Nest:
    """The nest without one-step axes in its indices, and without one-step reduction loops (but for a last one)."""
    extents = {a.name: a.extent for a in nest.axes}
    units: dict[str, Index] = {a.name: Affine() for a in nest.axes if a.extent == 1}

    def leaf(expr: Expr) -> Expr:
        if isinstance(expr, Load):
            return replace(expr, index=tuple(substitute_index(i, units, extents) for i in expr.index))
        if isinstance(expr, (IndexValue, Table)):
            return replace(expr, index=substitute_index(expr.index, units, extents))
        return expr

    long = tuple(a for a in nest.reduction if a.extent > 1)
    once = (Axis("once", 1, reduce=True),) if nest.reduce is not None else ()  # schedules need a loop to reduce over
    reduction = long or nest.reduction[-1:] or once
    epilogue = None if nest.epilogue is None else rewritten(nest.epilogue, leaf)
    return replace(nest, axes=nest.parallel + reduction, body=rewritten(nest.body, leaf), epilogue=epilogue)
