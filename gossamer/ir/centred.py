"""Quantised constants without zero points: products of the IR take a symmetric weight."""

from collections.abc import Callable

import numpy as np

from gossamer.ir.errors import IRError
from gossamer.ir.graph import Array
from gossamer.ir.types import DType, Quant, TensorType


def centred(kind: TensorType, load: Callable[[], Array]) -> tuple[TensorType, Callable[[], Array]]:
    """A constant with its zero points subtracted, exactly, in integers wide enough; itself when it has none.

    u8 becomes i9. IRError when 16 bits are not enough.
    """
    quant = kind.quant
    if quant is None or quant.symmetric:
        return kind, load
    reach = max(max(kind.dtype.high - z, z - kind.dtype.low) for z in quant.zero_point)
    bits = next((b for b in range(2, 17) if reach < 1 << (b - 1)), 0)
    if not bits:
        raise IRError(f"a constant of type {kind.dtype} has a zero point that 16 bits cannot take away")
    shape = [1] * kind.rank
    if quant.axis is not None and len(quant.zero_point) > 1:
        shape[quant.axis] = len(quant.zero_point)
    zeros = np.reshape(quant.zero_point, shape).astype(np.int32)
    wide = TensorType(DType("i", bits), kind.shape, Quant(quant.scale, (0,), quant.axis))
    return wide, lambda: (np.asarray(load(), np.int32) - zeros).astype(wide.dtype.numpy)
