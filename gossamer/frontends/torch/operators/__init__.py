"""The operators that are understood; importing this package fills the table."""

from gossamer.frontends.torch.operators import (  # noqa: F401
    activations,
    adaptive,
    arithmetic,
    attention,
    comparisons,
    convolutions,
    functions,
    indexing,
    moving,
    normalise,
    ordering,
    padding,
    pooling,
    products,
    recurrent,
    reductions,
    resize,
    scattering,
    shaping,
)
