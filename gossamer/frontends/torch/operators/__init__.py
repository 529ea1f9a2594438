"""The operators that are understood; importing this package fills the table."""

from gossamer.frontends.torch.operators import (  # noqa: F401
    activations,
    arithmetic,
    moving,
    pooling,
    products,
    shaping,
)
