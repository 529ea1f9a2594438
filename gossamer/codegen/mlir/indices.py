"""Index expressions: as affine maps where they are one, and as arithmetic on `index` in the body of a generic."""

import re
from collections.abc import Mapping, Sequence

from gossamer.codegen.mlir.writer import Writer
from gossamer.ir.nest import Affine, Axis, Computed, Div, Index, Sum


def dimension(axis: str) -> str:
    """An axis as the name of a map's dimension."""
    return re.sub(r"[^A-Za-z0-9_$]", "_", axis)


def affine_map(axes: Sequence[Axis], results: Sequence[str]) -> str:
    return f"affine_map<({', '.join(dimension(a.name) for a in axes)}) -> ({', '.join(results)})>"


def affine_text(index: Affine) -> str:
    terms = [dimension(n) if f == 1 else f"{dimension(n)} * {f}" for n, f in index.terms]
    if index.constant or not terms:
        terms.append(str(index.constant))
    return " + ".join(terms)


def straight(index: Index) -> bool:
    """Can it stand in an indexing map? Tools that tile expect positive steps."""
    return isinstance(index, Affine) and all(factor > 0 for _, factor in index.terms)


class IndexArithmetic:
    """Writes index expressions where `linalg.index` is at hand; `computed` writes those that read tensors."""

    def __init__(self, writer: Writer, axes: Sequence[Axis]) -> None:
        self._writer = writer
        self._place = {a.name: i for i, a in enumerate(axes)}
        self._axes: dict[str, str] = {}

    def value(self, index: Index, computed: Mapping[Computed, str]) -> str:
        """The name of the index at this point of the loops; what is Computed in it has been written already."""
        if isinstance(index, Affine):
            return self._sum([(self.axis(n), f) for n, f in index.terms], index.constant)
        if isinstance(index, Sum):
            return self._sum([(self.value(part, computed), f) for part, f in index.terms], 0)
        if isinstance(index, Computed):
            return computed[index]
        inner, divisor = self.value(index.index, computed), self.constant(index.divisor)
        return self.binary("floordivsi", inner, divisor) if isinstance(index, Div) else self._modulo(inner, divisor)

    def axis(self, name: str) -> str:
        if name not in self._axes:
            self._axes[name] = self._writer.set("i", f"linalg.index {self._place[name]} : index")
        return self._axes[name]

    def constant(self, value: int) -> str:
        return self._writer.set("k", f"arith.constant {value} : index")

    def binary(self, operation: str, x: str, y: str) -> str:
        return self._writer.set("i", f"arith.{operation} {x}, {y} : index")

    def _sum(self, terms: Sequence[tuple[str, int]], constant: int) -> str:
        total = ""
        for name, factor in terms:
            part = name if factor == 1 else self.binary("muli", name, self.constant(factor))
            total = self.binary("addi", total, part) if total else part
        if constant or not total:
            offset = self.constant(constant)
            total = self.binary("addi", total, offset) if total else offset
        return total

    def _modulo(self, x: str, divisor: str) -> str:
        """The remainder that is never negative."""
        below = self.binary("muli", self.binary("floordivsi", x, divisor), divisor)
        return self.binary("subi", x, below)
