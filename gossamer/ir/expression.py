"""Rewriting the expressions of loop nests: other operands, indices and reads; and what can be told of a value."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from gossamer.ir.index import Extents, leaf_at, rewritten_deep
from gossamer.ir.nest import Apply, Const, Convert, Expr, Index, IndexValue, Load, Nest, Table, parts, rewritten
from gossamer.ir.scalar import FUNCTIONS, Numbers
from gossamer.ir.types import DType


def with_slots(nest: Nest, slots: Sequence[int]) -> Nest:
    """The nest with operand k read from slots[k]."""

    def change(leaf: Expr) -> Expr:
        return replace(leaf, operand=slots[leaf.operand]) if isinstance(leaf, Load) else leaf

    epilogue = None if nest.epilogue is None else rewritten_deep(nest.epilogue, change)
    return replace(nest, body=rewritten_deep(nest.body, change), epilogue=epilogue)


def with_reads(
    expr: Expr, compute: DType, put: Callable[[Load, DType], Expr], leaf: Callable[[Expr], Expr] = lambda e: e
) -> Expr:
    """The expression with its loads replaced by put(load, the type computed in there), other leaves by leaf(leaf)."""
    if isinstance(expr, Apply):
        return Apply(expr.function, tuple(with_reads(a, compute, put, leaf) for a in expr.args))
    if isinstance(expr, Convert):
        return replace(expr, value=with_reads(expr.value, expr.compute, put, leaf))
    return put(expr, compute) if isinstance(expr, Load) else leaf(expr)


def at_indices(expr: Expr, axes: Mapping[str, Index], extents: Extents) -> Expr:
    """The expression with its axes replaced by the indices at which it is wanted."""
    return rewritten(expr, lambda leaf: leaf_at(leaf, axes, extents))


def filled(expr: Expr, fill: float | None) -> Expr:
    """Every load given a fill: `fill`, or where that is None any (the value read is not used)."""

    def change(leaf: Expr) -> Expr:
        if not isinstance(leaf, Load):
            return leaf
        return replace(leaf, fill=fill if fill is not None else leaf.fill if leaf.fill is not None else 0.0)

    return rewritten_deep(expr, change)


def fits(value: Expr, dtype: DType) -> bool:
    """Whether storing the value as `dtype` cannot change it: it is whole and clipped to within the type."""
    if not dtype.integer or not isinstance(value, Apply) or value.function != "minimum":
        return False
    inner, high = value.args
    if not isinstance(high, Const) or not isinstance(inner, Apply) or inner.function != "maximum":
        return False
    low = inner.args[1]
    return isinstance(low, Const) and low.value >= dtype.low and high.value <= dtype.high and _whole(value)


def _whole(value: Expr) -> bool:
    if isinstance(value, Const):
        return float(value.value).is_integer()
    if isinstance(value, Table):
        return all(float(v).is_integer() for v in value.values)
    if isinstance(value, Apply):
        keeps = value.function in ("add", "sub", "mul", "maximum", "minimum") and all(_whole(a) for a in value.args)
        return value.function in ("round", "floor", "ceil") or keeps
    return False


def gives(body: Expr, read: float, wanted: float) -> bool:
    """Whether the body is exactly `wanted` when every load reads `read`."""
    if any(isinstance(p, (IndexValue, Convert)) for p in parts(body)):
        return False
    tables = {len(p.values) for p in parts(body) if isinstance(p, Table)}
    if len(tables) > 1:
        return False
    with np.errstate(all="ignore"):
        return bool(np.all(_number(body, read) == wanted))


def _number(expr: Expr, read: float) -> Numbers:
    if isinstance(expr, Apply):
        return np.asarray(FUNCTIONS[expr.function](*(_number(a, read) for a in expr.args)))
    return np.asarray(expr.value if isinstance(expr, Const) else expr.values if isinstance(expr, Table) else read)
