"""Einsum: sums of products named by letters, as transposes, sums, products and matrix products.

Every operand is first brought to distinct letters (a repeated one is a diagonal); letters that nothing else needs are
summed. Then the operands are multiplied two by two: letters that both have and that are needed later are batch axes,
those that both have and nothing needs are contracted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.table import Result, operator
from gossamer.ir.errors import FrontendError
from gossamer.ir.ops import MatMul, ReduceSum, Reshape, Slice, Transpose
from gossamer.ir.types import Value


@dataclass(frozen=True)
class _Term:
    """A tensor whose axis i is called letters[i]."""

    value: Value
    letters: str

    def extent(self, letter: str) -> int:
        return self.value.shape[self.letters.index(letter)] if letter in self.letters else 1


@operator("Einsum")
def einsum(call: Call) -> Result:
    inputs, output = _parsed(call.attr_text("equation", ""), [v.type.rank for v in call.values()])
    terms = [_distinct(call, _Term(v, letters)) for v, letters in zip(call.values(), inputs, strict=True)]
    while len(terms) > 1:
        rest = terms[2:]
        needed = set(output).union(*(t.letters for t in rest))
        terms = [_product(call, terms[0], terms[1], needed), *rest]
    found = _summed(call, terms[0], set(output))
    if found.letters == output:
        return call.emit_shaped(Reshape(found.value, found.value.shape), found.value.shape)
    return call.emit(Transpose(found.value, tuple(found.letters.index(c) for c in output)))


def _parsed(equation: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """The letters of every operand and of the result; what `...` stands for gets letters of its own."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    inputs = left.split(",")
    if len(inputs) != len(ranks):
        raise FrontendError(f"its equation '{equation}' has {len(inputs)} operands, and it has {len(ranks)}")
    widths = [rank - len(text.replace("...", "")) for text, rank in zip(inputs, ranks)]
    if any(w < 0 or (w > 0 and "..." not in text) for w, text in zip(widths, inputs)):
        raise FrontendError(f"its equation '{equation}' does not fit operands of {list(ranks)} axes")
    dots = "".join(chr(0x2460 + i) for i in range(max(widths, default=0)))
    letters = [text.replace("...", dots[len(dots) - w :]) for text, w in zip(inputs, widths)]
    if arrow:
        output = right.replace("...", dots)
    else:
        every = "".join(letters)
        output = dots + "".join(sorted({c for c in every if every.count(c) == 1 and c not in dots}))
    if len(set(output)) != len(output) or not set(output) <= set("".join(letters)):
        raise FrontendError(f"its equation '{equation}' is malformed: its result names an axis twice or an unknown one")
    return letters, output


def _distinct(call: Call, term: _Term) -> _Term:
    """A letter that stands twice names a diagonal: every (n + 1)-th element of the two axes taken together."""
    for letter in term.letters:
        if term.letters.count(letter) > 1:
            first, second, *_ = (i for i, c in enumerate(term.letters) if c == letter)
            return _distinct(call, _diagonal(call, term, first, second))
    return term


def _diagonal(call: Call, term: _Term, first: int, second: int) -> _Term:
    rest = [i for i in range(len(term.letters)) if i not in (first, second)]
    moved = call.step(Transpose(term.value, (*rest, first, second)))
    outer, n = moved.shape[:-2], moved.shape[-1]
    flat = call.step(Reshape(moved, (*outer, n * n)))
    zeros, ones = (0,) * len(outer), (1,) * len(outer)
    diagonal = call.step(Slice(flat, (*zeros, 0), (*outer, n * n), (*ones, n + 1)))
    return _Term(diagonal, "".join(term.letters[i] for i in rest) + term.letters[first])


def _summed(call: Call, term: _Term, needed: set[str]) -> _Term:
    """Summed over letters that are not needed."""
    gone = tuple(i for i, c in enumerate(term.letters) if c not in needed)
    if not gone:
        return term
    value = call.step(ReduceSum(term.value, gone, False))
    return _Term(value, "".join(c for c in term.letters if c in needed))


def _product(call: Call, x: _Term, y: _Term, needed: set[str]) -> _Term:
    x, y = _summed(call, x, needed | set(y.letters)), _summed(call, y, needed | set(x.letters))
    batch = [c for c in x.letters if c in y.letters and c in needed]
    inner = [c for c in x.letters if c in y.letters and c not in needed]
    rows, columns = [c for c in x.letters if c not in y.letters], [c for c in y.letters if c not in x.letters]
    left, right = _matrix(call, x, batch, rows, inner), _matrix(call, y, batch, inner, columns)
    product = call.step(MatMul(left, right))
    extents = [max(x.extent(c), y.extent(c)) for c in batch]
    shape = (*extents, *(x.extent(c) for c in rows), *(y.extent(c) for c in columns))
    return _Term(call.step(Reshape(product, shape)), "".join((*batch, *rows, *columns)))


def _matrix(call: Call, term: _Term, batch: list[str], rows: list[str], columns: list[str]) -> Value:
    """The term as matrices [batch ..., rows, columns]."""
    order = tuple(term.letters.index(c) for c in (*batch, *rows, *columns))
    value = term.value if order == tuple(range(len(order))) else call.step(Transpose(term.value, order))
    sides = prod(term.extent(c) for c in rows), prod(term.extent(c) for c in columns)
    return call.step(Reshape(value, (*(term.extent(c) for c in batch), *sides)))
