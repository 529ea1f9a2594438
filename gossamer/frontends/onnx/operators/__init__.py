"""The operators that are understood; importing this package fills the table."""

from gossamer.frontends.onnx.operators import (  # noqa: F401
    activations,
    arithmetic,
    attention,
    casting,
    comparing,
    control,
    convolutions,
    gates,
    indexing,
    lrn,
    moving,
    normalise,
    pooling,
    products,
    quant,
    recurrent,
    reducing,
    resize,
    shaping,
    trigonometry,
)
