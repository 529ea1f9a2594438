"""Products of an input with weights, and what surrounds them: convolution, gemm, matmul, batch norm, channel shuffle.

Four-dimensional tensors are NCHW, weights OIHW, `pads` = (top, left, bottom, right). n batch, ic/oc input/output
channels, ih/iw/oh/ow input/output height and width, kh/kw kernel.

Quantised integers: x with one scale sx and zero point zx, the weight symmetric with one scale sw or one per oc, give
the accumulator acc = sum (x - zx) * w exactly, as i32 (i64 where i32 could overflow) of scale sx * sw and zero point 0.
Padding reads zx, the real 0. A bias has the accumulator's type and scale.
"""

from dataclasses import dataclass, replace

from gossamer.ir.errors import IRError
from gossamer.ir.nest import Axis, Const, Div, Expr, Index, Kernel, Load, Mod, Sum, apply, at
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import (
    broadcast,
    need_bias,
    need_float,
    need_groups,
    need_rank,
    need_same_dtype,
    need_vector,
    product_type,
)
from gossamer.ir.ops.convolution import convolution, convolved
from gossamer.ir.ops.nests import axes_of, load_broadcast, mapped, moved
from gossamer.ir.ops.products import centred, product
from gossamer.ir.types import TensorType, Value


@dataclass(frozen=True)
class Conv2d(Op, name="nn.conv2d"):
    """2-D convolution (cross-correlation) with groups; padding reads 0.

    out[n,oc,oh,ow] = bias[oc] + sum over ic,kh,kw of
        x[n, g*ICG + ic, oh*sh + kh*dh - top, ow*sw + kw*dw - left] * weight[oc,ic,kh,kw]
    with ICG = channels of x / groups and g = oc / (OC / groups). x [N, ICG*groups, IH, IW], weight [OC, ICG, KH, KW],
    bias [OC], out [N, OC, OH, OW], OH = (IH + top + bottom - (KH - 1)*dh - 1) / sh + 1.
    """

    x: Value
    weight: Value
    bias: Value | None = None
    strides: tuple[int, ...] = (1, 1)
    pads: tuple[int, ...] = (0, 0, 0, 0)
    dilations: tuple[int, ...] = (1, 1)
    groups: int = 1

    def infer(self) -> tuple[TensorType, ...]:
        return (convolved(self, 2),)

    def kernel(self) -> Kernel:
        return convolution(self, self.infer()[0])


@dataclass(frozen=True)
class Gemm(Op, name="nn.gemm"):
    """out[m,n] = bias[n] + sum over k of a[m,k] * b[k,n], or b[n,k] with transpose_b.

    a [M,K], b [K,N] or [N,K], bias [N]. The loops are called n (m here), oc (n here) and ic (k here).
    """

    a: Value
    b: Value
    bias: Value | None = None
    transpose_b: bool = False

    def infer(self) -> tuple[TensorType, ...]:
        need_rank("a", self.a, 2, "M, K")
        need_rank("b", self.b, 2, "N, K" if self.transpose_b else "K, N")
        columns, terms = self.b.shape if self.transpose_b else self.b.shape[::-1]
        if self.a.shape[1] != terms:
            raise IRError(f"a has {self.a.shape[1]} columns but b expects {terms}")
        oc_axis = 0 if self.transpose_b else 1
        out = product_type(self.a, self.b, (self.a.shape[0], columns), terms, oc_axis, axis=1)
        need_bias(self.bias, out, columns)
        return (out,)

    def kernel(self) -> Kernel:
        out = self.infer()[0]
        axes = (Axis("n", out.shape[0]), Axis("oc", out.shape[1]), Axis("ic", self.a.shape[1], reduce=True))
        weight = Load(1, (at("oc"), at("ic")) if self.transpose_b else (at("ic"), at("oc")))
        return product(axes, centred(Load(0, (at("n"), at("ic"))), self.a), weight, out, self.bias)


@dataclass(frozen=True)
class MatMul(Op, name="nn.matmul"):
    """out[..., m, n] = sum over k of a[..., m, k] * b[..., k, n]; the leading dimensions broadcast; 2 or more each."""

    a: Value
    b: Value

    def infer(self) -> tuple[TensorType, ...]:
        for name, value in (("a", self.a), ("b", self.b)):
            if value.type.rank < 2:
                raise IRError(f"{name} has shape {value.shape}, needed at least 2 dimensions")
        if self.a.shape[-1] != self.b.shape[-2]:
            raise IRError(f"a has {self.a.shape[-1]} columns but b has {self.b.shape[-2]} rows")
        batch = broadcast(self.a.shape[:-2], self.b.shape[:-2], "the leading dimensions of a and b")
        shape = (*batch, self.a.shape[-2], self.b.shape[-1])
        return (product_type(self.a, self.b, shape, self.a.shape[-1], self.b.type.rank - 1, len(shape) - 1),)

    def kernel(self) -> Kernel:
        out = self.infer()[0]
        batch = tuple(Axis(f"b{i}", e) for i, e in enumerate(out.shape[:-2]))
        axes = (*batch, Axis("n", out.shape[-2]), Axis("oc", out.shape[-1]), Axis("ic", self.a.shape[-1], reduce=True))
        left = load_broadcast(0, self.a.shape[:-2], batch).index
        right = load_broadcast(1, self.b.shape[:-2], batch).index
        read = centred(Load(0, (*left, at("n"), at("ic"))), self.a)
        return product(axes, read, Load(1, (*right, at("ic"), at("oc"))), out, None)


@dataclass(frozen=True)
class BatchNorm(Op, name="nn.batch_norm"):
    """(x - mean[c]) / sqrt(variance[c] + epsilon) * scale[c] + bias[c]. x [N, C, ...], the others [C]. Floats only."""

    x: Value
    scale: Value
    bias: Value
    mean: Value
    variance: Value
    epsilon: float = 1e-5

    def infer(self) -> tuple[TensorType, ...]:
        need_float("x", self.x)
        if self.x.type.rank < 2:
            raise IRError(f"x has shape {self.x.shape}, needed at least 2 dimensions (N, C, ...)")
        for name in ("scale", "bias", "mean", "variance"):
            need_vector(name, getattr(self, name), self.x.shape[1], "channel of x")
        need_same_dtype("x, scale, bias, mean and variance", *self.operands)
        if not self.epsilon >= 0:
            raise IRError(f"epsilon is {self.epsilon}, needed a number >= 0")
        return (self.x.type,)

    def kernel(self) -> Kernel:
        channel = (at(axes_of(self.x.shape)[1].name),)
        scale, bias, mean, variance = (Load(k, channel) for k in range(1, 5))
        deviation = apply("sqrt", apply("add", variance, Const(self.epsilon)))

        def body(x: Expr) -> Expr:
            return apply("add", apply("mul", apply("div", apply("sub", x, mean), deviation), scale), bias)

        return replace(mapped(self.x, body), operands=5)


@dataclass(frozen=True)
class ChannelShuffle(Op, name="nn.channel_shuffle"):
    """out[n, c] = x[n, (c mod groups) * (C / groups) + c div groups]. x [N, C, ...] (Zhang et al. 2018, ShuffleNet)."""

    x: Value
    groups: int

    def infer(self) -> tuple[TensorType, ...]:
        if self.x.type.rank < 2:
            raise IRError(f"x has shape {self.x.shape}, needed at least 2 dimensions (N, C, ...)")
        need_groups(self.groups)
        if self.x.shape[1] % self.groups:
            raise IRError(f"x has {self.x.shape[1]} channels, needed a multiple of groups {self.groups}")
        if self.x.type.quant is not None and self.x.type.quant.axis == 1:
            raise IRError("x has one scale per channel, needed one scale: a shuffle would move the scales too")
        return (self.x.type,)

    def kernel(self) -> Kernel:
        names = [a.name for a in axes_of(self.x.shape)]
        index: list[Index] = [at(name) for name in names]
        channel = at(names[1])
        index[1] = Sum(((Mod(channel, self.groups), self.x.shape[1] // self.groups), (Div(channel, self.groups), 1)))
        return moved(self.x.type, index)
