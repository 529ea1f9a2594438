"""What a case of `test_ops.py` is: an op on given arrays, and what torch computes for it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from gossamer.ir.op import Op
from gossamer.ir.types import BOOL, DType, TensorType, Value

RNG = np.random.default_rng(7)


def normal(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def positive(*shape):
    return RNG.uniform(0.1, 3, shape).astype(np.float32)


@dataclass(frozen=True)
class Case:
    """`make(*values)` builds the op on values of the arrays' types; `want(*tensors)` says what it must give."""

    name: str
    arrays: tuple[np.ndarray, ...]
    make: Callable[..., Op]
    want: Callable[..., object] = field(repr=False)
    tolerance: float = 1e-5


def case(name, arrays, make, want, tolerance=1e-5):
    return Case(name, tuple(arrays), make, want, tolerance)


def values_of(arrays):
    return [Value(f"v{i}", TensorType(_dtype(a), a.shape)) for i, a in enumerate(arrays)]


def _dtype(array):
    return BOOL if array.dtype.kind == "b" else DType(array.dtype.kind, array.dtype.itemsize * 8)
