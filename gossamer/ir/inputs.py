"""What a network is given: arrays by name, checked against its inputs and brought to their types."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import DataError, nearest
from gossamer.ir.types import F32, DType, TensorType, Value

Array: TypeAlias = NDArray[Any]


def checked_inputs(inputs: Sequence[Value], given: Mapping[str, Array], *, exact: bool = False) -> dict[Value, Array]:
    """What was given, as arrays of the inputs' types. DataError: missing, unknown, of another shape or type."""
    known = {value: _input(value, given, exact) for value in inputs}
    names = [value.name for value in inputs]
    for name in given:
        if name not in names:
            raise DataError(f"there is no input '{name}'{nearest(name, names)}")
    return known


def _input(value: Value, values: Mapping[str, Array], exact: bool) -> Array:
    if value.name not in values:
        given = ", ".join(sorted(values)) or "nothing"
        raise DataError(f"input '{value.name}' of type {_text(value.type)} is missing; given: {given}")
    return fitted(f"input '{value.name}'", values[value.name], value.type, exact)


def fitted(what: str, given: Array, type: TensorType, exact: bool) -> Array:
    """The array in the type it is kept in, if its numbers can be; else DataError about `what`."""
    array = np.asarray(given)
    if array.shape != type.shape:
        raise DataError(f"{what} has shape {array.shape}, needed {type.shape}")
    if not np.can_cast(array.dtype, type.dtype.numpy, "same_kind"):
        raise DataError(f"{what} is {array.dtype}, needed {type.dtype} (numpy {type.dtype.numpy})")
    low_high = (int(array.min()), int(array.max())) if type.dtype.integer and array.size else None
    if low_high is not None and not (type.dtype.low <= low_high[0] and low_high[1] <= type.dtype.high):
        found = f"{low_high[0]}..{low_high[1]}"
        raise DataError(f"{what} holds {found}, needed {type.dtype.low}..{type.dtype.high} for {type.dtype}")
    return array.astype(held(type.dtype, exact), copy=False)


def _text(type: TensorType) -> str:
    return f"{type.dtype}[{','.join(map(str, type.shape))}]"


def held(dtype: DType, exact: bool) -> "np.dtype[np.generic]":
    """The numpy type that values of `dtype` are computed and kept in."""
    return np.dtype(np.float64) if exact and dtype == F32 else dtype.numpy
