"""Scalar expressions and indices of loop nests as people write them: `clip(acc + bias[oc], 0, 6)`."""

from collections.abc import Sequence
from math import isfinite

from gossamer.ir.nest import (
    Affine,
    Apply,
    Computed,
    Const,
    Convert,
    Div,
    Expr,
    Index,
    IndexValue,
    Load,
    Sum,
    Table,
)
from gossamer.ir.types import BOOL, I64, DType

_INFIX = {
    "or": ("or", 1), "and": ("and", 2), "lt": ("<", 4), "le": ("<=", 4), "eq": ("==", 4), "bit_or": ("|", 5),
    "bit_xor": ("^", 6), "bit_and": ("&", 7), "shl": ("<<", 8), "shr": (">>", 8), "add": ("+", 9), "sub": ("-", 9),
    "mul": ("*", 10), "div": ("/", 10), "pow": ("**", 12),
}  # fmt: skip
_PREFIX = {"not": ("not ", 3), "neg": ("-", 11)}
_CALLED = {"maximum": "max", "minimum": "min"}
_ATOM = 13
_SHOWN = 4
"""Numbers shown of a table."""


class ExpressionPrinter:
    """Prints with the least parentheses, in Python's precedence; `names[k]` is what load k reads.

    Tables are named in the order they are met; `tables` defines them.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._tables: dict[tuple[float, ...], str] = {}

    def text(self, expr: Expr, compute: DType) -> str:
        """The expression, which the nest computes in `compute`."""
        return self._at(expr, compute, compute)[0]

    def stored(self, expr: Expr, compute: DType, dtype: DType) -> str:
        """The expression converted to the type it is stored as, which is written where it changes."""
        if compute == dtype or dtype == BOOL or (isinstance(expr, Convert) and expr.dtype == dtype):
            return self.text(expr, compute)
        return f"{dtype}({self.text(expr, compute)})"

    def tables(self) -> list[str]:
        """The definitions, one a line."""
        return [f"{name} = ({_listed(values)})" for values, name in self._tables.items()]

    def _at(self, expr: Expr, outer: DType, compute: DType) -> tuple[str, int]:
        """Text and precedence; `outer` is the nest's type, `compute` the one around the expression."""
        if isinstance(expr, Apply):
            return self._applied(expr, outer, compute)
        if isinstance(expr, Convert) and expr.dtype == BOOL:
            return self._at(expr.value, outer, expr.compute)
        if isinstance(expr, Convert):
            return f"{expr.dtype}({self._at(expr.value, outer, expr.compute)[0]})", _ATOM
        if isinstance(expr, Const):
            return number(expr.value), _ATOM if expr.value >= 0 else 11
        if isinstance(expr, IndexValue):
            return self.index(expr.index)
        text = self._leaf(expr)
        plain = outer == compute or isinstance(expr, Table)
        return (text if plain else f"{compute}({text})"), _ATOM

    def _leaf(self, expr: Expr) -> str:
        if isinstance(expr, Load):
            name = self._names[expr.operand]
            return f"{name}[{', '.join(self.index(i)[0] for i in expr.index)}]" if expr.index else name
        if isinstance(expr, Table):
            return f"{self._table(expr.values)}[{self.index(expr.index)[0]}]"
        return "acc"

    def _table(self, values: tuple[float, ...]) -> str:
        return self._tables.setdefault(values, f"table{len(self._tables)}")

    def _applied(self, expr: Apply, outer: DType, compute: DType) -> tuple[str, int]:
        args = [self._at(a, outer, compute) for a in _arguments(expr)]
        if expr.function in _INFIX:
            mark, level = _INFIX[expr.function]
            # Python chains a < b < c and reads 2 ** 3 ** 4 from the right
            left = _grouped(args[0], level + (level in (4, 12)))
            right = _grouped(args[1], level if _chains(expr) else level + 1)
            return f"{left} {mark} {right}", level
        if expr.function in _PREFIX:
            mark, level = _PREFIX[expr.function]
            return f"{mark}{_grouped(args[0], level)}", level
        name = "clip" if len(args) == 3 and expr.function == "minimum" else _CALLED.get(expr.function, expr.function)
        return f"{name}({', '.join(text for text, _ in args)})", _ATOM

    def index(self, index: Index) -> tuple[str, int]:
        """Text and precedence of an index."""
        if isinstance(index, Affine):
            return _added([(name, _ATOM, factor) for name, factor in index.terms], index.constant)
        if isinstance(index, Sum):
            return self._sum(index)
        if isinstance(index, Computed):
            return f"clip({self.text(index.value, I64)}, 0, {index.extent - 1})", _ATOM
        mark = "//" if isinstance(index, Div) else "%"
        return f"{_grouped(self.index(index.index), 10)} {mark} {index.divisor}", 10


    def _sum(self, index: Sum) -> tuple[str, int]:
        terms: list[tuple[str, int, int]] = []
        constant = 0
        for part, factor in index.terms:
            if isinstance(part, Affine):
                terms.extend((name, _ATOM, own * factor) for name, own in part.terms)
                constant += part.constant * factor
            else:
                terms.append((*self.index(part), factor))
        return _added(terms, constant)


def _arguments(expr: Apply) -> tuple[Expr, ...]:
    """Its arguments; those of `clip` for a minimum of a maximum, both with constants."""
    if expr.function == "minimum" and isinstance(expr.args[1], Const):
        inner = expr.args[0]
        if isinstance(inner, Apply) and inner.function == "maximum" and isinstance(inner.args[1], Const):
            return (*inner.args, expr.args[1])
    return expr.args


def _chains(expr: Apply) -> bool:
    """Whether the right side may stand without parentheses at an equal level: a + b + c, but a - (b - c)."""
    right = expr.args[1]
    associative = expr.function in ("add", "mul", "and", "or", "bit_and", "bit_or", "bit_xor")
    return associative and isinstance(right, Apply) and right.function == expr.function


def _grouped(part: tuple[str, int], level: int) -> str:
    text, own = part
    return text if own >= level else f"({text})"


def _added(terms: list[tuple[str, int, int]], constant: int) -> tuple[str, int]:
    """`oh*2 + kh - 1` of (text, precedence, factor) and a number."""
    signed: list[tuple[str, str]] = []
    for text, level, factor in terms:
        times = f"{_grouped((text, level), _ATOM)}*{abs(factor)}" if abs(factor) != 1 else _grouped((text, level), 10)
        signed.append(("-" if factor < 0 else "+", times))
    if constant or not signed:
        signed.append(("-" if constant < 0 else "+", str(abs(constant))))
    (sign, first), *rest = signed
    text = ("-" if sign == "-" else "") + first + "".join(f" {s} {t}" for s, t in rest)
    only = len(signed) == 1 and sign == "+"
    return text, (10 if "*" in text or "/" in text or "%" in text else _ATOM) if only else 9


def number(value: float) -> str:
    """`6`, `0.0221487`, `-inf`."""
    if not isfinite(value):
        return str(float(value))
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{float(value):.7g}"


def _listed(values: tuple[float, ...]) -> str:
    if len(values) <= _SHOWN + 1:
        return ", ".join(map(number, values))
    return f"{', '.join(map(number, values[:_SHOWN]))}, ... {len(values)} numbers"
