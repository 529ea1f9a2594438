"""The operators that are understood; importing this package fills the table."""

from gossamer.frontends.onnx.operators import (  # noqa: F401
    activations,
    arithmetic,
    convolutions,
    gates,
    lrn,
    moving,
    normalise,
    pooling,
    products,
    quant,
    recurrent,
    resize,
    shaping,
)
