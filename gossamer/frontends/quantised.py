"""What importers of integer layers share: weights made symmetric, biases in the accumulator's type."""

from collections.abc import Callable

import numpy as np

from gossamer.ir.errors import FrontendError
from gossamer.ir.graph import Array
from gossamer.ir.types import DType, Quant, TensorType


def bias_type(product: TensorType, shape: tuple[int, ...]) -> TensorType:
    """The type of the bias that is added to a product of quantised integers: its integers and its scale."""
    assert product.quant is not None
    scales = product.quant.scale
    return TensorType(product.dtype, shape, Quant(scales, (0,), None if len(scales) == 1 else 0))


def centred(kind: TensorType, load: Callable[[], Array]) -> tuple[TensorType, Callable[[], Array]]:
    """A constant with its zero points subtracted, exactly, in integers one bit wider; itself when it has none."""
    quant = kind.quant
    if quant is None or quant.symmetric:
        return kind, load
    reach = max(max(kind.dtype.high - z, z - kind.dtype.low) for z in quant.zero_point)
    bits = next((b for b in range(2, 17) if reach < 1 << (b - 1)), 0)
    if not bits:
        raise FrontendError(f"a constant of type {kind.dtype} has a zero point that 16 bits cannot take away")
    zeros = quant.zero_point
    shape = [1] * kind.rank
    if quant.axis is not None and len(zeros) > 1:
        shape[quant.axis] = len(zeros)
    wide = TensorType(DType("i", bits), kind.shape, Quant(quant.scale, (0,), quant.axis))
    return wide, lambda: (load().astype(np.int32) - np.reshape(zeros, shape)).astype(wide.dtype.numpy)
