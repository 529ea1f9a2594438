"""What composites look like in pieces: from the last op of each, backwards.

Numbers are compared to 1e-5 of themselves (1e-3 where the type is narrower than f32): exporters write sqrt(2) with as
many digits as they please. A pattern's inner values may have other uses, which keep them alive.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from math import isclose, pi, sqrt
from typing import Any, TypeAlias

import numpy as np

from gossamer.ir.graph import Params
from gossamer.ir.op import Op
from gossamer.ir.ops.activations import Clip, Gelu, HardSigmoid, HardSwish, Sigmoid, Tanh
from gossamer.ir.ops.functions import Erf, Exp, Neg, Sqrt
from gossamer.ir.ops.math import Add, Div, Mul, Pow, Sub
from gossamer.ir.ops.normalise import LayerNorm
from gossamer.ir.ops.reductions import ReduceMean
from gossamer.ir.ops.structure import Param
from gossamer.ir.types import Value

_DEPTH_MAX = 4
"""Products are taken apart this deep: powers by repeated squaring have exponentially many factors."""


class Sources:
    """What computes each value, how often it is used, and which number a parameter of one element is."""

    def __init__(self, params: Params, uses: Counter[str]) -> None:
        self.ops: dict[Value, Op] = {}
        self._params, self._uses = params, uses

    def op(self, value: Value) -> Op | None:
        return self.ops.get(value)

    def used_once(self, value: Value) -> bool:
        return self._uses[value.name] == 1

    def number(self, value: Value) -> float | None:
        op = self.op(value)
        if not isinstance(op, Param) or op.type.elements != 1 or not op.type.dtype.floating:
            return None
        # The decimals that were meant: float32 keeps 1e-5 as 9.99999975e-6.
        return float(str(np.ravel(self._params[op.ref])[0])) if op.ref in self._params else None

    def is_number(self, value: Value, wanted: float) -> bool:
        found = self.number(value)
        return found is not None and near(found, wanted, value)

    def added(self, value: Value, number: float) -> Value | None:
        """v where the value is v + number."""
        op = self.op(value)
        if not isinstance(op, Add):
            return None
        return op.x if self.is_number(op.y, number) else op.y if self.is_number(op.x, number) else None

    def scaled(self, value: Value, factor: float) -> Value | None:
        """v where the value is v * factor, or v / (1 / factor)."""
        op = self.op(value)
        if isinstance(op, Div) and self.is_number(op.y, 1 / factor):
            return op.x
        if not isinstance(op, Mul):
            return None
        return op.x if self.is_number(op.y, factor) else op.y if self.is_number(op.x, factor) else None

    def factors(self, op: Op | None, whole: Collection[Value], depth: int = 0) -> tuple[float, list[Value]] | None:
        """A product or quotient as a number times values; those in `whole` are not taken apart."""
        if isinstance(op, Div):
            number, parts = self.number(op.y), self._parts(op.x, whole, depth)
            return (parts[0] / number, parts[1]) if number else None
        if not isinstance(op, Mul):
            return None
        (a, left), (b, right) = self._parts(op.x, whole, depth), self._parts(op.y, whole, depth)
        return a * b, [*left, *right]

    def _parts(self, value: Value, whole: Collection[Value], depth: int) -> tuple[float, list[Value]]:
        if (number := self.number(value)) is not None:
            return number, []
        found = self.factors(self.op(value), whole, depth + 1) if value not in whole and depth < _DEPTH_MAX else None
        return found or (1.0, [value])

    def is_product(self, op: Op | None, number: float, *values: Value) -> bool:
        """Is it number * values, in any order and association?"""
        found = self.factors(op, values)
        if found is None or not near(found[0], number, values[0]):
            return False
        return sorted(v.name for v in found[1]) == sorted(v.name for v in values)


Composite: TypeAlias = Callable[[Any, Sources], "Op | None"]
"""The one op that a piece is the end of; None when it is not."""


def near(found: float, wanted: float, like: Value) -> bool:
    return isclose(found, wanted, rel_tol=1e-5 if like.dtype.bits >= 32 else 1e-3)


def product(op: Mul | Div, sources: Sources) -> Op | None:
    """What ends in a product or quotient."""
    for recognised in (_layer_norm, _scaled_norm, _gelu, _hard, _sigmoid):
        found = recognised(op, sources)
        if found is not None:
            return found
    return None


def shifted_norm(op: Add, sources: Sources) -> Op | None:
    """layer_norm(x) + bias, the bias of the shape of a row."""
    for norm, bias in ((op.x, op.y), (op.y, op.x)):
        plain = _open_norm(norm, bias, sources)
        if plain is not None:
            return replace(plain, bias=bias)
    return None


def _scaled_norm(op: Mul | Div, sources: Sources) -> Op | None:
    """layer_norm(x) * scale."""
    if not isinstance(op, Mul):
        return None
    for norm, scale in ((op.x, op.y), (op.y, op.x)):
        plain = _open_norm(norm, scale, sources)
        if plain is not None and plain.scale is None:
            return replace(plain, scale=scale)
    return None


def _open_norm(norm: Value, row: Value, sources: Sources) -> LayerNorm | None:
    """A layer norm that takes no bias yet and has no other use, if `row` has the shape of its rows."""
    op = sources.op(norm)
    if not isinstance(op, LayerNorm) or op.bias is not None or not sources.used_once(norm):
        return None
    return op if row.shape == op.x.shape[op.axis :] and row.dtype == op.x.dtype else None


def _layer_norm(op: Mul | Div, sources: Sources) -> Op | None:
    """(x - mean) / sqrt(mean of (x - mean)^2 + epsilon) over the last axes, or times 1 / that."""
    for centred, deviation in _quotients(op, sources):
        difference, root = sources.op(centred), sources.op(deviation)
        if not isinstance(difference, Sub) or not isinstance(root, Sqrt):
            continue
        mean, total = sources.op(difference.y), sources.op(root.x)
        if not isinstance(mean, ReduceMean) or mean.x != difference.x or not isinstance(total, Add):
            continue
        for variance, added in ((total.x, total.y), (total.y, total.x)):
            epsilon = sources.number(added)
            if epsilon is not None and _is_variance(sources.op(variance), difference, mean, sources):
                return LayerNorm(difference.x, None, None, min(_axes(mean)), epsilon)
    return None


def _quotients(op: Mul | Div, sources: Sources) -> list[tuple[Value, Value]]:
    """The (numerator, denominator) that it may be: x / y, or x * (1 / y)."""
    if isinstance(op, Div):
        return [(op.x, op.y)]
    found: list[tuple[Value, Value]] = []
    for x, inverse in ((op.x, op.y), (op.y, op.x)):
        division = sources.op(inverse)
        if isinstance(division, Div) and sources.is_number(division.x, 1.0):
            found.append((x, division.y))
    return found


def _is_variance(op: Op | None, difference: Sub, mean: ReduceMean, sources: Sources) -> bool:
    if not isinstance(op, ReduceMean) or not (op.keepdims and mean.keepdims):
        return False
    last = list(range(min(_axes(mean)), mean.x.type.rank))
    square = sources.op(op.x)
    if _axes(mean) != last or _axes(op) != last or not isinstance(square, Mul | Pow):
        return False
    twice = square.x == square.y if isinstance(square, Mul) else sources.is_number(square.y, 2.0)
    return twice and sources.op(square.x) == difference


def _axes(op: ReduceMean) -> list[int]:
    return sorted(a % op.x.type.rank for a in op.axes) or list(range(op.x.type.rank))


def _gelu(op: Mul | Div, sources: Sources) -> Op | None:
    """0.5 * x * (1 + erf(x / sqrt 2)), or with the tangent that comes close to it."""
    for gate in (sources.factors(op, ()) or (0.0, []))[1]:
        bend = sources.added(gate, 1.0)
        x = None if bend is None else _bent(sources.op(bend), sources)
        if x is not None and bend is not None and sources.is_product(op, 0.5, x, gate):
            return Gelu(x, isinstance(sources.op(bend), Tanh))
    return None


def _bent(op: Op | None, sources: Sources) -> Value | None:
    """x of erf(x / sqrt 2), or of tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))."""
    if isinstance(op, Erf):
        return sources.scaled(op.x, 1 / sqrt(2))
    total = sources.op(scaled) if isinstance(op, Tanh) and (scaled := sources.scaled(op.x, sqrt(2 / pi))) else None
    if not isinstance(total, Add):
        return None
    for x, cubic in ((total.x, total.y), (total.y, total.x)):
        cube = sources.scaled(cubic, 0.044715)
        power = None if cube is None else sources.op(cube)
        by_power = isinstance(power, Pow) and power.x == x and sources.is_number(power.y, 3.0)
        if by_power or sources.is_product(sources.op(cubic), 0.044715, x, x, x):
            return x
    return None


def _hard(op: Mul | Div, sources: Sources) -> Op | None:
    """clip(x + 3, 0, 6) / 6, and x times that."""
    number, values = sources.factors(op, ()) or (0.0, [])
    for clipped in values if near(number, 1 / 6, op.x) else ():
        clip = sources.op(clipped)
        x = sources.added(clip.x, 3.0) if isinstance(clip, Clip) and (clip.low, clip.high) == (0.0, 6.0) else None
        if x is not None and len(values) == 1:
            return HardSigmoid(x)
        if x is not None and sources.is_product(op, 1 / 6, x, clipped):
            return HardSwish(x)
    return None


def _sigmoid(op: Mul | Div, sources: Sources) -> Op | None:
    """1 / (1 + exp(-x))."""
    if not isinstance(op, Div) or not sources.is_number(op.x, 1.0):
        return None
    power = sources.added(op.y, 1.0)
    exponential = None if power is None else sources.op(power)
    if not isinstance(exponential, Exp):
        return None
    negative = sources.op(exponential.x)
    x = negative.x if isinstance(negative, Neg) else sources.scaled(exponential.x, -1.0)
    return None if x is None else Sigmoid(x)


COMPOSITES: dict[type[Op], Composite] = {Add: shifted_norm, Div: product, Mul: product}
