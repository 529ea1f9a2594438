"""Normalisation over the last dimensions of a tensor."""

from dataclasses import dataclass
from math import prod

from gossamer.ir.errors import IRError
from gossamer.ir.nest import Acc, Affine, Axis, Const, Expr, Index, Kernel, Load, Nest, apply, at
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import need_axis, need_float, need_same_dtype
from gossamer.ir.ops.nests import axes_of, compute_type, reduced_name
from gossamer.ir.types import TensorType, Value


@dataclass(frozen=True)
class LayerNorm(Op, name="nn.layer_norm"):
    """(x - mean) / sqrt(variance + epsilon) * scale + bias over all axes from `axis` on (Ba et al. 2016). Floats only.

    mean and variance (of the population) are taken over x.shape[axis:], one pair for every index of the axes before.
    x: any shape; scale and bias: x.shape[axis:]; out as x.
    """

    x: Value
    scale: Value | None = None
    bias: Value | None = None
    axis: int = -1
    epsilon: float = 1e-5

    def infer(self) -> tuple[TensorType, ...]:
        need_float("x", self.x)
        axis = need_axis(self.axis, self.x.type.rank)
        for name, value in (("scale", self.scale), ("bias", self.bias)):
            if value is not None and value.shape != self.x.shape[axis:]:
                raise IRError(f"{name} has shape {value.shape}, needed {self.x.shape[axis:]}: x's from axis {axis} on")
        need_same_dtype("x, scale and bias", *self.operands)
        if not self.epsilon >= 0:
            raise IRError(f"epsilon is {self.epsilon}, needed a number >= 0")
        if 0 in self.x.shape[axis:]:
            raise IRError(f"x has shape {self.x.shape}, needed at least one element from axis {axis} on")
        return (self.x.type,)

    def kernel(self) -> Kernel:
        """Stages: mean, variance, the normalised values."""
        count = len(self.operands)
        full, kind = axes_of(self.x.shape), compute_type(self.x.dtype)
        first = self.axis % len(full)
        here = tuple(at(a.name) for a in full)
        loops = tuple(
            Axis(reduced_name(i, len(full)), a.extent, reduce=True) for i, a in enumerate(full) if i >= first
        )
        narrow = tuple(Axis(a.name, 1 if i >= first else a.extent) for i, a in enumerate(full))
        along = (*here[:first], *(at(loop.name) for loop in loops))
        row: tuple[Index, ...] = (*here[:first], *(Affine() for _ in loops))
        mean = apply("div", Acc(), Const(float(prod(self.x.shape[first:]))))
        shifted = apply("sub", Load(0, along), Load(count, row))
        stages = (
            Nest((*narrow, *loops), Load(0, along), kind, kind, "sum", mean),
            Nest((*narrow, *loops), apply("mul", shifted, shifted), kind, kind, "sum", mean),
            Nest(full, self._normalised(here, row), kind, self.x.dtype),
        )
        return Kernel(count, stages, (2,))

    def _normalised(self, here: tuple[Affine, ...], row: tuple[Index, ...]) -> Expr:
        count = len(self.operands)
        deviation = apply("sqrt", apply("add", Load(count + 1, row), Const(self.epsilon)))
        value = apply("div", apply("sub", Load(0, here), Load(count, row)), deviation)
        own = here[self.axis % len(here) :]
        if self.scale is not None:
            value = apply("mul", value, Load(1, own))
        return value if self.bias is None else apply("add", value, Load(count - 1, own))
