"""Latency of MobileNetV2's 53 layers by bits, from the simulator of HAQ (Wang et al., CVPR 2019).

    table = haq.read()             # [53, 8, 8]: layer, bits of weights - 1, bits of activations - 1

The order of the axes is not written down; it follows from the numbers: the first layer, with few weights and many
activations, grows with the last axis, the classifier with the one before. The unit is not written down either, so the
metric has none.
"""

import io

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import DataError
from gossamer.search.published.files import find, read_bytes

PLACE = "lut_haq/qmobilenetv2_imagenet100_batch16_latency_table.npy"
LAYERS, BITS = 53, 8


def read() -> NDArray[np.float64]:
    """f64 [53, 8, 8]. DataError: not there, not such an array, or a pickle in disguise."""
    path = find(PLACE, "HAQ's latency table")
    try:
        table = np.load(io.BytesIO(read_bytes(path)), allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path}: is no array of numbers ({error})") from None
    if not isinstance(table, np.ndarray) or table.shape != (LAYERS, BITS, BITS) or table.dtype.kind not in "if":
        raise DataError(f"{path}: needs {LAYERS} layers x {BITS} x {BITS} numbers")
    return table.astype(np.float64)
