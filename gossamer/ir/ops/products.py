"""What sums of products share: the nest of a product, the channel a group reads, what stands for the real 0."""

from gossamer.ir.nest import Acc, Affine, Axis, Const, Div, Expr, Index, Kernel, Load, Nest, Sum, apply, at, single
from gossamer.ir.ops.nests import compute_type
from gossamer.ir.types import TensorType, Value


def grouped_channel(icg: int, ocg: int, groups: int) -> Index:
    """The input channel that output channel `oc` and loop `ic` of a convolution read: (oc div ocg) * icg + ic."""
    if groups == 1:
        return at("ic")
    # Depthwise: the loop over ic has one iteration, so the channel is affine and code generators see it.
    if icg == 1:
        return at("oc") if ocg == 1 else Div(at("oc"), ocg)
    return Sum(((Div(at("oc"), ocg), icg), (at("ic"), 1)))


def zero_point(x: Value) -> int:
    """What stands for the real 0 in a tensor with one zero point."""
    return x.type.quant.zero_point[0] if x.type.quant else 0


def centred(read: Load, x: Value) -> Expr:
    """What is read of a quantised tensor, less its zero point."""
    zero = zero_point(x)
    return apply("sub", read, Const(float(zero))) if zero else read


def product(axes: tuple[Axis, ...], x: Expr, weight: Load, out: TensorType, bias: Value | None) -> Kernel:
    """sum of x * weight over the reduction axes, then the bias of axis `oc` (operand 2)."""
    channel: tuple[Affine, ...] = (at("oc"),)
    epilogue = apply("add", Acc(), Load(2, channel)) if bias is not None else None
    nest = Nest(axes, apply("mul", x, weight), compute_type(out.dtype), out.dtype, "sum", epilogue)
    return single(3 if bias is not None else 2, nest)
