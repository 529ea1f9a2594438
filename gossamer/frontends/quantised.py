"""What importers of integer layers share: biases in the accumulator's type."""

from gossamer.ir.types import Quant, TensorType


def bias_type(product: TensorType, shape: tuple[int, ...]) -> TensorType:
    """The type of the bias that is added to a product of quantised integers: its integers and its scale."""
    assert product.quant is not None
    scales = product.quant.scale
    return TensorType(product.dtype, shape, Quant(scales, (0,), None if len(scales) == 1 else 0))
