"""A network cut out of a supernet, run in the arithmetic of its quantised module, fast enough for a search.

The numbers are those of the IR's integers up to float32 rounding: a handful of images in a thousand may fall on the
other side of a tie. Returned designs are measured again on the integers themselves.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from gossamer.search.estimators.fakequant import (
    ActivationGrid,
    Bits,
    best_part,
    rounded_bias,
    rounded_weight,
    weight_scale,
)
from gossamer.search.estimators.supernet import Folded, Supernet, convolved, tail
from gossamer.search.spaces.plan import Plan, Step


class QuantizedRunner:
    """Remembers, for every slice of the shared weights, which part of its range each width of bits should cover."""

    def __init__(self, supernet: Supernet) -> None:
        self.supernet = supernet
        self._parts: dict[tuple[str, int, int, int, int], Tensor] = {}

    @torch.no_grad()
    def logits(self, folded: Folded, plan: Plan, images: Tensor, bits: Mapping[str, Bits]) -> Tensor:
        """[N, classes]. An empty `bits` runs the network in float."""
        outputs: dict[str, Tensor] = {}
        x, name = images, "input"
        for step in plan:
            if not step.weighted:
                x = _snapped(x, folded, name, 8 if bits else 0).mean((2, 3))
            else:
                x, weight, bias = self._operands(step, folded, name, x, bits)
                outputs[name] = x
                x = (
                    F.linear(x, weight, bias)
                    if step.kind == "gemm"
                    else tail(step, convolved(step, x, weight, bias), outputs)
                )
            name = step.slot
        return x

    def _operands(
        self, step: Step, folded: Folded, name: str, x: Tensor, bits: Mapping[str, Bits]
    ) -> tuple[Tensor, Tensor, Tensor]:
        weight, bias = folded.weights[step.slot], folded.biases[step.slot]
        if not bits:
            return x, weight, bias
        grid = ActivationGrid.over(folded.ranges[name], bits[step.slot].input_bits)
        count = bits[step.slot].weight_bits
        scale = weight_scale(weight, count) * self._part(step, count)
        return grid.snap(x), rounded_weight(weight, scale, count), rounded_bias(bias, scale * grid.scale)

    def _part(self, step: Step, bits: int) -> Tensor:
        key = (step.slot, step.oc, step.ic // step.groups, step.kernel, bits)
        if key not in self._parts:
            self._parts[key] = best_part(self.supernet.weight(step), bits)
        return self._parts[key]


def _snapped(x: Tensor, folded: Folded, name: str, bits: int) -> Tensor:
    return ActivationGrid.over(folded.ranges[name], bits).snap(x) if bits else x
