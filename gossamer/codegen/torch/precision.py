"""Fake quantisation: real numbers on the grid of a quantised type, with straight-through gradients."""

from collections.abc import Callable

import numpy as np
import torch

from gossamer.codegen.torch.library import Tensor, torch_type
from gossamer.ir.types import Quant, TensorType

Constant = Callable[[torch.Tensor], Tensor]


def on_grid(x: Tensor, type: TensorType, constant: Constant) -> Tensor:
    """x rounded and clipped to what `type` can stand for; the gradient is 1 inside its range and 0 outside.

    forward: (clip(round(x / scale) + zero, low, high) - zero) * scale;  the gradient is that of clip(x, ...).
    """
    assert type.quant is not None
    scale, zero = _factors(type, type.quant, constant)
    low, high = (type.dtype.low - zero) * scale, (type.dtype.high - zero) * scale
    near = _clipped(x, low, high)
    steps = torch.clamp(torch.round(x / scale) + zero, type.dtype.low, type.dtype.high)
    exact = (steps - zero) * scale
    # `near - near.detach()` is exactly 0, so that the forward pass is on the grid to the last bit.
    return exact.detach() + (near - near.detach())


def integers(x: Tensor, type: TensorType, constant: Constant) -> Tensor:
    """The integers that stand for the real numbers x."""
    assert type.quant is not None
    scale, zero = _factors(type, type.quant, constant)
    steps = torch.clamp(torch.round(x / scale) + zero, type.dtype.low, type.dtype.high)
    return steps.to(torch_type(type.dtype))


def reals(x: Tensor, type: TensorType, constant: Constant) -> Tensor:
    """The real numbers that the integers x stand for."""
    assert type.quant is not None
    scale, zero = _factors(type, type.quant, constant)
    return (x.to(torch.float32) - zero) * scale


def _clipped(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    return torch.clamp(x, low, high) if isinstance(low, float) else torch.minimum(torch.maximum(x, low), high)


def _factors(type: TensorType, quant: Quant, constant: Constant) -> tuple[Tensor, Tensor]:
    """Scale and zero point: numbers, or tensors that broadcast along the quantised axis."""
    return _factor(quant.scale, type, constant), _factor(tuple(float(z) for z in quant.zero_point), type, constant)


def _factor(values: tuple[float, ...], type: TensorType, constant: Constant) -> Tensor:
    if len(set(values)) == 1:
        return float(np.float32(values[0]))
    assert type.quant is not None and type.quant.axis is not None
    shape = (-1, *(1,) * (type.rank - type.quant.axis - 1))
    return constant(torch.tensor(values, dtype=torch.float32).reshape(shape))
