"""A weight-sharing supernet: one set of weights from which every network of a space takes its slice (Yu et al. 2020,
"BigNAS"; Cai et al. 2020, "Once-for-all").

Every weighted slot owns weights for the widest layer it can hold and a batch-norm scale and shift; a layer takes the
leading channels and the middle of the kernel. Batch norm keeps no running statistics: they differ from network to
network, so `fold` measures them on the calibration images for the one network that is asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gossamer.ir.errors import SearchError
from gossamer.search.spaces.plan import Plan, Step

try:
    import torch
    from torch import Tensor
    from torch.nn import functional as F

    from gossamer.search.estimators.depthwise import depthwise
    from gossamer.search.estimators.fakequant import Bits, quantized_activations, rounded_weight, weight_scale
except ImportError:
    raise SearchError("training needs torch: pip install 'gossamer[search]'") from None

EPSILON = 1e-5


@dataclass(frozen=True)
class Folded:
    """One network cut out of the supernet: weight and bias per slot (batch norm folded in), and the range of every
    tensor: `ranges[slot]` of a layer's output, `ranges["input"]` of the image."""

    weights: dict[str, Tensor]
    biases: dict[str, Tensor]
    ranges: dict[str, tuple[float, float]]

    def arrays(self) -> dict[str, np.ndarray]:
        """`slot.weight` and `slot.bias` as f32 arrays."""
        named = {f"{slot}.weight": w for slot, w in self.weights.items()} | {
            f"{slot}.bias": b for slot, b in self.biases.items()
        }
        return {name: np.ascontiguousarray(tensor.numpy()) for name, tensor in named.items()}


class Supernet:
    """Shared weights for every network that fits into the `widest`."""

    def __init__(self, widest: Plan, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.parameters: dict[str, Tensor] = {}
        for name, shape in sorted(_shapes(widest).items()):
            self.parameters[name] = _initial(name, shape, generator)
        for step in (step for step in widest if step.adds):
            # A block that adds its input starts as the identity, so that depth can be cut from the first step on.
            self.parameters[f"{step.slot}.scale"].zero_()
        for parameter in self.parameters.values():
            parameter.requires_grad_()

    def forward(self, plan: Plan, images: Tensor, bits: Mapping[str, Bits] | None = None) -> Tensor:
        """Logits in training: batch-norm statistics of this batch; with `bits`, rounded as quantisation would round."""
        outputs: dict[str, Tensor] = {}
        x = _rounded(images, bits, plan, 0)
        for place, step in enumerate(plan):
            x = self._step(step, x, outputs, bits)
            if place + 1 < len(plan):
                x = _rounded(x, bits, plan, place + 1)
            outputs[step.slot] = x
        return x

    def _step(self, step: Step, x: Tensor, outputs: Mapping[str, Tensor], bits: Mapping[str, Bits] | None) -> Tensor:
        if step.kind == "mean":
            return x.mean((2, 3))
        weight = self.weight(step)
        if bits:
            count = bits[step.slot].weight_bits
            weight = rounded_weight(weight, weight_scale(weight, count), count)
        if step.kind == "gemm":
            return F.linear(x, weight, self.parameters[f"{step.slot}.shift"][: step.oc])
        x = F.batch_norm(convolved(step, x, weight), None, None, *self._scale_shift(step), training=True, eps=EPSILON)
        return tail(step, x, outputs)

    def weight(self, step: Step) -> Tensor:
        """The slice of the shared weights that a layer uses, not folded."""
        full = self.parameters[f"{step.slot}.weight"][: step.oc, : step.ic // step.groups]
        if step.kind != "conv":
            return full
        margin = (full.shape[-1] - step.kernel) // 2
        return full[..., margin : margin + step.kernel, margin : margin + step.kernel]

    def _scale_shift(self, step: Step) -> tuple[Tensor, Tensor]:
        return self.parameters[f"{step.slot}.scale"][: step.oc], self.parameters[f"{step.slot}.shift"][: step.oc]

    @torch.no_grad()
    def fold(self, plan: Plan, calibration: Tensor) -> Folded:
        """Batch-norm statistics and tensor ranges of one network, measured on the calibration images in float."""
        found = Folded({}, {}, {"input": _range(calibration)})
        outputs: dict[str, Tensor] = {}
        x = calibration
        for step in plan:
            if step.kind == "mean":
                x = x.mean((2, 3))
            elif step.kind == "gemm":
                found.weights[step.slot] = self.weight(step).detach().contiguous()
                found.biases[step.slot] = self.parameters[f"{step.slot}.shift"].detach()[: step.oc]
                continue  # nothing reads the logits
            else:
                x = self._fold_conv(step, x, outputs, found)
            outputs[step.slot] = x
            found.ranges[step.slot] = _range(x)
        return found

    def _fold_conv(self, step: Step, x: Tensor, outputs: Mapping[str, Tensor], found: Folded) -> Tensor:
        weight = self.weight(step).detach()
        scale, shift = (parameter.detach() for parameter in self._scale_shift(step))
        x, mean, inverse = torch.native_batch_norm(
            convolved(step, x, weight), scale, shift, None, None, True, 0.0, EPSILON
        )
        gain = scale * inverse
        found.weights[step.slot] = weight * gain[:, None, None, None]
        found.biases[step.slot] = shift - mean * gain
        return tail(step, x, outputs)


def convolved(step: Step, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The convolution of a step."""
    if step.groups == 1:
        return F.conv2d(x, weight, bias, step.stride, step.kernel // 2)
    x = depthwise(x, weight, step.stride)
    return x if bias is None else x + bias[:, None, None]


def tail(step: Step, x: Tensor, outputs: Mapping[str, Tensor]) -> Tensor:
    """What follows a convolution: the addition, then relu."""
    if step.adds:
        x = x + outputs[step.adds]
    return torch.relu(x) if step.relu else x


def _rounded(x: Tensor, bits: Mapping[str, Bits] | None, plan: Plan, reader: int) -> Tensor:
    """A tensor as the step that reads it next will see it."""
    if not bits or not plan[reader].weighted:
        return x
    return quantized_activations(x, bits[plan[reader].slot].input_bits)


def _range(x: Tensor) -> tuple[float, float]:
    low, high = torch.aminmax(x)
    return float(low), float(high)


def _shapes(widest: Plan) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for step in widest:
        if step.weighted:
            shapes |= {f"{step.slot}.weight": step.weight_shape, f"{step.slot}.shift": (step.oc,)}
        if step.kind == "conv":
            shapes[f"{step.slot}.scale"] = (step.oc,)
    return shapes


def _initial(name: str, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    if name.endswith(".scale"):
        return torch.ones(shape)
    if name.endswith(".shift"):
        return torch.zeros(shape)
    inputs = int(np.prod(shape[1:]))
    return torch.randn(shape, generator=generator) * (2.0 / inputs) ** 0.5
