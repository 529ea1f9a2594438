"""What convolutions of every rank share: their checks, their result's type, their loop nest.

n batch, ic/oc channels; spatial sides are called d, h, w, as far as the rank goes: (w,), (h, w) or (d, h, w).
"""

from typing import Protocol

from gossamer.ir.errors import IRError
from gossamer.ir.nest import Axis, Kernel, Load, at
from gossamer.ir.ops.checks import need_bias, need_groups, need_pads, need_positive, need_rank, product_type
from gossamer.ir.ops.nests import window
from gossamer.ir.ops.products import centred, grouped_channel, product, zero_point
from gossamer.ir.types import TensorType, Value


class Convolution(Protocol):
    """The fields of nn.conv2d and nn.conv3d; `pads` are the begins of all sides, then their ends."""

    @property
    def x(self) -> Value: ...
    @property
    def weight(self) -> Value: ...
    @property
    def bias(self) -> Value | None: ...
    @property
    def strides(self) -> tuple[int, ...]: ...
    @property
    def pads(self) -> tuple[int, ...]: ...
    @property
    def dilations(self) -> tuple[int, ...]: ...
    @property
    def groups(self) -> int: ...


def sides(rank: int) -> str:
    """Letters of the spatial sides."""
    return "dhw"[3 - rank :]


def convolved(op: Convolution, rank: int) -> TensorType:
    """The result's type; IRError when the operands or attributes do not fit a convolution over `rank` sides."""
    _check(op, rank)
    extents, kernel = op.x.shape[2:], op.weight.shape[2:]
    windows = zip(extents, kernel, op.strides, op.dilations, op.pads, op.pads[rank:])
    out = tuple((e + before + after - (k - 1) * d - 1) // s + 1 for e, k, s, d, before, after in windows)
    if min(out) < 1:
        raise IRError(
            f"input of {by(extents)} with pads {op.pads} is smaller than the kernel of {by(kernel)} "
            f"with dilations {op.dilations}, needed at least one position"
        )
    oc, icg = op.weight.shape[:2]
    terms = icg
    for extent in kernel:
        terms *= extent
    result = product_type(op.x, op.weight, (op.x.shape[0], oc, *out), terms, oc_axis=0, axis=1)
    need_bias(op.bias, result, oc)
    return result


def convolution(op: Convolution, out: TensorType) -> Kernel:
    """out[n,oc,o...] = bias[oc] + sum over ic,k... of x[n, g*ICG + ic, o*s + k*d - pad ...] * weight[oc,ic,k...]."""
    names = sides(out.rank - 2)
    (oc, icg), kernel = op.weight.shape[:2], op.weight.shape[2:]
    axes = tuple(Axis(n, e) for n, e in zip(("n", "oc", *(f"o{s}" for s in names)), out.shape))
    loops = (Axis("ic", icg, reduce=True), *(Axis(f"k{s}", e, reduce=True) for s, e in zip(names, kernel)))
    places = (
        window(stride, pad, dilation, f"o{s}", f"k{s}")
        for s, stride, pad, dilation in zip(names, op.strides, op.pads, op.dilations)
    )
    # A read that never leaves the tensor carries no fill, so that code generators emit no bounds check.
    fill = float(zero_point(op.x)) if any(op.pads) else None
    read = Load(0, (at("n"), grouped_channel(icg, oc // op.groups, op.groups), *places), fill)
    weight = Load(1, (at("oc"), at("ic"), *(at(f"k{s}") for s in names)))
    return product((*axes, *loops), centred(read, op.x), weight, out, op.bias)


def by(extents: tuple[int, ...]) -> str:
    """Extents in words: 3x3."""
    return "x".join(map(str, extents))


def _check(op: Convolution, rank: int) -> None:
    letters = sides(rank).upper()
    need_rank("x", op.x, rank + 2, f"NC{letters}")
    need_rank("weight", op.weight, rank + 2, f"OI{letters}")
    need_positive("strides", op.strides, rank)
    need_positive("dilations", op.dilations, rank)
    need_groups(op.groups)
    need_pads(op.pads, rank)
    oc, icg = op.weight.shape[:2]
    if op.x.shape[1] != icg * op.groups:
        raise IRError(f"input has {op.x.shape[1]} channels but the weight expects {icg} x groups {op.groups}")
    if oc % op.groups:
        raise IRError(f"the weight has {oc} output channels, needed a multiple of groups {op.groups}")
