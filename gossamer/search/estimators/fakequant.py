"""Rounding as the quantised network rounds, on float tensors with straight-through gradients.

Weights: symmetric, one scale per output channel, q in -(2^(b-1)-1) .. 2^(b-1)-1; below 8 bits the scale of least
squared error (in training: that of the largest weight, which costs nothing to find). Activations: unsigned with a zero
point, one scale per tensor, the range widened to hold 0. Biases: i32 in units of activation scale x weight scale. The
IR's `quantize` pass does the same with integers; a test holds the two together.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

SMALLEST_SCALE = 1e-12


class Bits(Protocol):
    """Bits of one layer."""

    @property
    def weight_bits(self) -> int: ...

    @property
    def input_bits(self) -> int: ...


@dataclass(frozen=True)
class ActivationGrid:
    """The values a quantised tensor can take: (q - zero_point) * scale for q in 0 .. levels."""

    scale: float
    zero_point: int
    levels: int

    @staticmethod
    def over(limits: tuple[float, float], bits: int) -> "ActivationGrid":
        """The grid for a range."""
        low, high = min(limits[0], 0.0), max(limits[1], 0.0)
        levels = (1 << bits) - 1
        scale = max((high - low) / levels, SMALLEST_SCALE)
        return ActivationGrid(scale, min(max(round(-low / scale), 0), levels), levels)

    def snap(self, x: Tensor) -> Tensor:
        """Every element at its nearest grid value; the gradient passes straight through inside the range."""
        return torch.fake_quantize_per_tensor_affine(x, self.scale, self.zero_point, 0, self.levels)


def weight_scale(weight: Tensor, bits: int) -> Tensor:
    """One scale per output channel (axis 0), its largest weight on the last step: f32 [oc]."""
    peak = weight.detach().flatten(1).abs().amax(1)
    return (peak / ((1 << (bits - 1)) - 1)).clamp_min(SMALLEST_SCALE)


def best_part(weight: Tensor, bits: int) -> Tensor:
    """By what to multiply `weight_scale` for the least squared error: f32 [oc]. It does not change when a channel is
    multiplied by a number, so it is found once for a shared weight. 1 at 8 bits and more, as in the `quantize` pass."""
    if bits >= 8:
        return torch.ones(len(weight))
    rows, limit = weight.detach().flatten(1).double(), (1 << (bits - 1)) - 1
    parts = torch.tensor([1 - k / 40 for k in range(25)], dtype=torch.float64)
    scale = (rows.abs().amax(1) / limit).clamp_min(SMALLEST_SCALE)[None, :, None] * parts[:, None, None]
    error = (torch.clamp(torch.round(rows / scale), -limit, limit) * scale - rows).square().sum(2)
    return parts[torch.from_numpy(error.numpy().argmin(0))].float()


def rounded_weight(weight: Tensor, scale: Tensor, bits: int) -> Tensor:
    """`weight` on the grid of one scale per output channel; the gradient passes straight through inside the range."""
    most = (1 << (bits - 1)) - 1
    zeros = torch.zeros(len(weight), dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zeros, 0, -most, most)


def quantized_activations(x: Tensor, bits: int) -> Tensor:
    """`x` rounded to the grid of its own range; the gradient passes straight through."""
    low, high = torch.aminmax(x.detach())
    return ActivationGrid.over((float(low), float(high)), bits).snap(x)


def rounded_bias(bias: Tensor, unit: Tensor) -> Tensor:
    """`bias` in whole units of weight scale x activation scale."""
    return torch.round(bias / unit) * unit
