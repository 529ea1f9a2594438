"""What range a whole number can take, where its expression tells: indices, constants and tables do, reads do not."""

from collections.abc import Callable
from typing import TypeAlias

from gossamer.ir.nest import Apply, Const, Expr, Index, IndexValue, Table

Range: TypeAlias = tuple[int, int]


def reach(expr: Expr, bounds: Callable[[Index], Range]) -> Range | None:
    """Smallest and largest value (an enclosure), or None where that cannot be told; `bounds` are those of an index."""
    if isinstance(expr, IndexValue):
        return bounds(expr.index)
    if isinstance(expr, Const):
        return (int(expr.value), int(expr.value)) if float(expr.value).is_integer() else None
    if isinstance(expr, Table):
        whole = bool(expr.values) and all(float(v).is_integer() for v in expr.values)
        return (int(min(expr.values)), int(max(expr.values))) if whole else None
    if isinstance(expr, Apply):
        return _applied(expr, [reach(a, bounds) for a in expr.args])
    return None


def _applied(expr: Apply, args: list[Range | None]) -> Range | None:
    known = [a for a in args if a is not None]
    if expr.function == "where":
        return _union(known[-2:]) if None not in args[1:] else None
    if len(known) < len(args) or expr.function not in _RANGES:
        return None
    return _RANGES[expr.function](*known)


def _union(ranges: list[Range]) -> Range:
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def _mul(x: Range, y: Range) -> Range:
    ends = [a * b for a in x for b in y]
    return min(ends), max(ends)


def _abs(x: Range) -> Range:
    largest = max(-x[0], x[1])
    return (0 if x[0] <= 0 <= x[1] else min(abs(x[0]), abs(x[1]))), largest


def _add(x: Range, y: Range) -> Range:
    return x[0] + y[0], x[1] + y[1]


def _neg(x: Range) -> Range:
    return -x[1], -x[0]


def _sub(x: Range, y: Range) -> Range:
    return _add(x, _neg(y))


def _maximum(x: Range, y: Range) -> Range:
    return max(x[0], y[0]), max(x[1], y[1])


def _minimum(x: Range, y: Range) -> Range:
    return min(x[0], y[0]), min(x[1], y[1])


_RANGES: dict[str, Callable[..., Range]] = {
    "add": _add, "sub": _sub, "mul": _mul, "neg": _neg, "abs": _abs, "maximum": _maximum, "minimum": _minimum,
}  # fmt: skip
