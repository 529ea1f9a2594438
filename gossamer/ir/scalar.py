"""What the scalar functions of loop nests compute, on numpy arrays: the one place that defines them."""

from collections.abc import Callable
from math import erf
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.nest import Function

Numbers: TypeAlias = NDArray[Any]


def _sigmoid(x: Numbers) -> Numbers:
    # exp of a negative number only: exp(-x) of a very negative x would overflow.
    small = np.exp(-np.abs(x))
    return cast(Numbers, np.where(x >= 0, 1, small) / (1 + small))


def _erf(x: Numbers) -> Numbers:
    # numpy has no erf, and scipy is too large a dependency for the one function.
    flat = np.fromiter(map(erf, x.ravel().tolist()), dtype=x.dtype, count=x.size)
    return flat.reshape(x.shape)


def _div(x: Numbers, y: Numbers) -> Numbers:
    if x.dtype.kind == "f":
        return x / y
    return np.sign(x) * np.sign(y) * (np.abs(x) // np.abs(y))


def _where(condition: Numbers, x: Numbers, y: Numbers) -> Numbers:
    return np.where(np.asarray(condition, dtype=bool), x, y)


FUNCTIONS: dict[Function, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": _div,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "pow": np.power,
    "neg": np.negative,
    "abs": np.abs,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "erf": _erf,
    "sigmoid": _sigmoid,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "sign": np.sign,
    "sin": np.sin,
    "cos": np.cos,
    "atan": np.arctan,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "where": _where,
    "bit_and": np.bitwise_and,
    "bit_or": np.bitwise_or,
    "bit_xor": np.bitwise_xor,
    "shl": np.left_shift,
    "shr": np.right_shift,
}
"""Comparisons give booleans, which arithmetic reads as 0 and 1."""
