"""Transposed convolution over 1, 2 or 3 spatial sides, as loops over the output alone.

Every input position i sends x[i] * weight[k] to the output position q = i*s + k*d (before `pads` are cut off). An
output position therefore gathers from just those k with k*d = q modulo s: with s' and d' the stride and dilation
less their common factor f, and inverse the number with inverse*d' = 1 modulo s',

    k = (q div f * inverse) mod s' + s'*t        i = (q div f - d' * ((q div f * inverse) mod s')) div s' - d'*t

for t = 0, 1, ... ceil(K / s') - 1: one tap of every s' is computed, none is multiplied by an inserted 0. Where s'
does not divide K the last tap of some positions falls outside the kernel and reads 0 (an infinite x times it is NaN,
where a plain implementation adds nothing). Positions q that f does not divide receive nothing.
"""

from dataclasses import dataclass
from math import gcd, prod

from gossamer.ir.errors import IRError
from gossamer.ir.index import added, bounds, divided, remainder
from gossamer.ir.nest import Affine, Axis, Div, Index, Kernel, Load, Mod, at
from gossamer.ir.op import Op
from gossamer.ir.ops.checks import need_bias, need_groups, need_positive, product_type
from gossamer.ir.ops.convolution import by, sides
from gossamer.ir.ops.products import centred, grouped_channel, product, zero_point
from gossamer.ir.types import TensorType, Value


@dataclass(frozen=True)
class ConvTranspose(Op, name="nn.conv_transpose"):
    """Transposed convolution: the gradient of a convolution with respect to its input.

    out[n, oc, q - pad] = bias[oc] + sum over ic and all i, k with i*stride + k*dilation = q (on every side) of
        x[n, g*ICG + ic, i] * weight[g*ICG + ic, oc mod OCG, k]
    with ICG = IC / groups, OCG = OC / groups, g = oc div OCG. x [N, IC, I...] with 1, 2 or 3 sides (W; H, W; D, H, W),
    weight [IC, OCG, K...], bias [OC], out [N, OC, O...],
    O = (I - 1)*stride - begin - end + (K - 1)*dilation + 1 + output_padding. `pads` = all begins, then all ends (what
    is cut off; a negative one adds zeros).
    """

    x: Value
    weight: Value
    bias: Value | None = None
    strides: tuple[int, ...] = (1, 1)
    pads: tuple[int, ...] = (0, 0, 0, 0)
    dilations: tuple[int, ...] = (1, 1)
    output_padding: tuple[int, ...] = (0, 0)
    groups: int = 1

    def infer(self) -> tuple[TensorType, ...]:
        self._check()
        extents, kernel, rank = self.x.shape[2:], self.weight.shape[2:], self.x.type.rank - 2
        parts = zip(extents, kernel, self.strides, self.dilations, self.pads, self.pads[rank:], self.output_padding)
        out = tuple((e - 1) * s - before - after + (k - 1) * d + 1 + more for e, k, s, d, before, after, more in parts)
        if min(out) < 1:
            raise IRError(f"pads {self.pads} cut {by(extents)} down to {by(out)}, needed at least one position")
        oc = self.weight.shape[1] * self.groups
        terms = self.weight.shape[0] // self.groups * prod(kernel)
        result = product_type(self.x, self.weight, (self.x.shape[0], oc, *out), terms, oc_axis=1, axis=1)
        need_bias(self.bias, result, oc)
        return (result,)

    def _check(self) -> None:
        rank = self.x.type.rank - 2
        if rank not in (1, 2, 3):
            raise IRError(f"x has shape {self.x.shape}, needed 3, 4 or 5 dimensions (N, C and 1 to 3 sides)")
        if self.weight.type.rank != rank + 2:
            raise IRError(f"weight has shape {self.weight.shape}, needed {rank + 2} dimensions like x")
        need_positive("strides", self.strides, rank)
        need_positive("dilations", self.dilations, rank)
        need_groups(self.groups)
        if len(self.pads) != 2 * rank:
            raise IRError(f"pads is {self.pads}, needed {2 * rank} numbers: the begins of all sides, then the ends")
        if len(self.output_padding) != rank or min(self.output_padding) < 0:
            raise IRError(f"output_padding is {self.output_padding}, needed {rank} numbers >= 0")
        self._check_channels()

    def _check_channels(self) -> None:
        ic = self.weight.shape[0]
        if self.x.shape[1] != ic:
            raise IRError(f"input has {self.x.shape[1]} channels but the weight expects {ic}")
        if ic % self.groups:
            raise IRError(f"the weight has {ic} input channels, needed a multiple of groups {self.groups}")
        quant = self.weight.type.quant
        if quant is not None and quant.axis is not None and self.groups > 1:
            raise IRError("the weight has one scale per channel of a group, needed one scale: groups share them")
        if min(self.weight.shape) < 1:
            raise IRError(f"weight has shape {self.weight.shape}, needed at least one element")

    def kernel(self) -> Kernel:
        out = self.infer()[0]
        names = sides(out.rank - 2)
        ic, ocg = self.weight.shape[:2]
        axes = [Axis(n, e) for n, e in zip(("n", "oc", *(f"o{s}" for s in names)), out.shape)]
        axes.append(Axis("ic", ic // self.groups, reduce=True))
        rows: list[Index] = []
        taps: list[Index] = []
        for place, side in enumerate(names):
            loop, row, tap = self._side(place, side, out.shape[2 + place])
            axes.append(loop)
            rows.append(row)
            taps.append(tap)
        channel = grouped_channel(ic // self.groups, ocg, self.groups)
        extents = {a.name: a.extent for a in axes}
        read = _load(0, (at("n"), channel, *rows), self.x.shape, extents, float(zero_point(self.x)))
        own = Mod(at("oc"), ocg) if self.groups > 1 and ocg > 1 else at("oc") if ocg > 1 else Affine()
        weight = _load(1, (channel, own, *taps), self.weight.shape, extents, 0.0)
        return product(tuple(axes), centred(read, self.x), weight, out, self.bias)

    def _side(self, place: int, side: str, extent: int) -> tuple[Axis, Index, Index]:
        """The loop over one side's taps, the input position they read, the kernel position they multiply with."""
        stride, dilation, size = self.strides[place], self.dilations[place], self.weight.shape[2 + place]
        factor = gcd(stride, dilation)
        stride, dilation = stride // factor, dilation // factor
        loop = Axis(f"k{side}", -(-size // stride), reduce=True)
        extents = {f"o{side}": extent, loop.name: loop.extent}
        whole: Index = at(f"o{side}") + self.pads[place]
        q = divided(whole, factor, extents)
        phase = remainder(added([(q, pow(dilation, -1, stride) if stride > 1 else 0)]), stride, extents)
        row = added([(divided(added([(q, 1), (phase, -dilation)]), stride, extents), 1), (at(loop.name), -dilation)])
        tap = added([(phase, 1), (at(loop.name), stride)])
        if factor > 1:  # where the common factor does not divide q the tap is moved outside the kernel
            tap = added([(tap, 1), (remainder(whole, factor, extents), size)])
        if stride > 1 and dilation == 1:  # q - q mod s, divided by s
            row = added([(Div(q, stride), 1), (at(loop.name), -1)])
        return loop, row, tap


def _load(
    operand: int, index: tuple[Index, ...], shape: tuple[int, ...], extents: dict[str, int], fill: float
) -> Load:
    """A read with a fill only where it may leave the tensor, so that code generators emit no needless checks."""
    ranges = [bounds(i, extents) for i in index]
    leaves = any(low < 0 or high >= extent for (low, high), extent in zip(ranges, shape))
    return Load(operand, index, fill if leaves else None)
