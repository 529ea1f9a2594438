"""The operators that are understood; importing this package fills the table."""

from gossamer.frontends.tflite.operators import (  # noqa: F401
    images,
    moving,
    picking,
    pointwise,
    pooling,
    precision,
    products,
    reductions,
    shaping,
)
