"""A Winograd transform of one dimension as few operations on registers: partial sums that rows share are made once.

Interpolation points come in pairs p, -p. Two rows of B^T of such a pair differ only in the signs of some columns (s + d
and s - d), and two columns of A^T only in the signs of some rows (x + y and x - y meet even and odd powers).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeAlias

from gossamer.codegen.tvm.adapter import Loops, Tensor, tirx
from gossamer.codegen.tvm.panel import keep, splat, whole

Matrix: TypeAlias = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Registers:
    """Where sums of vectors of `lanes` numbers are emitted."""

    loops: Loops
    lanes: int

    def transform(self, matrix: Matrix, values: Sequence[Tensor]) -> list[Tensor]:
        """matrix @ values, each result in a register."""
        columns = [[row[k] for row in matrix] for k in range(len(values))]
        rows, terms = [list(row) for row in matrix], list(values)
        for j, k in mirrored(columns):
            both = self._value(values[j]) + self._value(values[k]), self._value(values[j]) - self._value(values[k])
            terms[j], terms[k] = (keep(self.loops, value, self.lanes) for value in both)
            for row in rows:
                row[j], row[k] = (row[j], 0.0) if row[j] == row[k] else (0.0, row[j])
        return self._rows(rows, terms)

    def _rows(self, rows: list[list[float]], terms: Sequence[Tensor]) -> list[Tensor]:
        found: dict[int, Tensor] = {}
        for i, k in mirrored(rows):
            same = [a if a == b else 0.0 for a, b in zip(rows[i], rows[k], strict=True)]
            other = [a if a != b else 0.0 for a, b in zip(rows[i], rows[k], strict=True)]
            s, d = (self._value(keep(self.loops, self._sum(row, terms), self.lanes)) for row in (same, other))
            found[i], found[k] = keep(self.loops, s + d, self.lanes), keep(self.loops, s - d, self.lanes)
        for i in set(range(len(rows))) - found.keys():
            found[i] = keep(self.loops, self._sum(rows[i], terms), self.lanes)
        return [found[i] for i in range(len(rows))]

    def _sum(self, row: Sequence[float], terms: Sequence[Tensor]) -> Any:
        """Sum of factor * term: terms of factor one first, so that the others become multiply-adds."""
        total: Any = None
        for factor, term in sorted(zip(row, terms, strict=True), key=lambda t: (abs(t[0]) != 1, t[0] < 0)):
            value = self._value(term)
            if factor == 0:
                continue
            if total is None:
                total = value if factor == 1 else value * self._number(factor)
            elif abs(factor) == 1:
                total = total + value if factor == 1 else total - value
            else:
                total = total + value * self._number(factor)
        return self._number(0.0) if total is None else total

    def _value(self, term: Tensor) -> Any:
        return whole(term, self.lanes)

    def _number(self, value: float) -> Any:
        return splat(tirx.const(value, "float32"), self.lanes)


def mirrored(rows: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Pairs of rows that agree up to sign entry by entry, with at least one entry of either kind."""
    pairs: list[tuple[int, int]] = []
    taken = set[int]()
    for i, k in combinations(range(len(rows)), 2):
        entries = [(a, b) for a, b in zip(rows[i], rows[k], strict=True) if a or b]
        alike = all(abs(a) == abs(b) for a, b in entries)
        if alike and len({a == b for a, b in entries}) == 2 and not taken & {i, k}:
            pairs.append((i, k))
            taken |= {i, k}
    return pairs
