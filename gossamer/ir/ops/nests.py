"""Builders of the loop nests that many ops share: pointwise nests with broadcasting, windows, reductions.

Axes of a result are called n oc oh ow when it has four dimensions, d0 d1 ... otherwise.
"""

from collections.abc import Callable, Sequence

from gossamer.ir.nest import Affine, Axis, Const, Expr, Index, Kernel, Load, Nest, apply, at, single
from gossamer.ir.types import F32, F64, I32, I64, DType, TensorType, Value

NCHW = ("n", "oc", "oh", "ow")
REDUCED_NCHW = ("kn", "ic", "kh", "kw")


def axes_of(shape: tuple[int, ...]) -> tuple[Axis, ...]:
    """The parallel axes of a result of that shape."""
    names = NCHW if len(shape) == 4 else tuple(f"d{i}" for i in range(len(shape)))
    return tuple(Axis(name, extent) for name, extent in zip(names, shape))


def reduced_name(axis: int, rank: int) -> str:
    """What the loop over a dimension that is reduced away is called."""
    return REDUCED_NCHW[axis] if rank == 4 else f"k{axis}"


def compute_type(*dtypes: DType) -> DType:
    """What arithmetic on these types is done in: f64 and i64 where one of them is, else f32 or i32."""
    if any(d.floating for d in dtypes):
        return F64 if F64 in dtypes else F32
    return I64 if any(d.bits > 32 or (d.kind == "u" and d.bits == 32) for d in dtypes) else I32


def load_broadcast(operand: int, shape: tuple[int, ...], axes: Sequence[Axis]) -> Load:
    """Read an operand of `shape` for a point of `axes` under numpy's broadcasting (its last axes are aligned)."""
    own = axes[len(axes) - len(shape) :]
    return Load(operand, tuple(at(a.name) if extent == a.extent else Affine() for extent, a in zip(shape, own)))


def pointwise(out: TensorType, inputs: Sequence[Value], body: Callable[..., Expr], compute: DType | None = None) -> Kernel:
    """out[p] = body(inputs[0][p], inputs[1][p], ...), the inputs broadcast to `out`'s shape."""
    axes = axes_of(out.shape)
    loads = [load_broadcast(k, value.shape, axes) for k, value in enumerate(inputs)]
    kind = compute or compute_type(*(v.dtype for v in inputs), out.dtype)
    return single(len(inputs), Nest(axes, body(*loads), kind, out.dtype))


def moved(out: TensorType, operand: int, operands: int, index: Sequence[Index], fill: float | None = None) -> Kernel:
    """out[p] = operand[index(p)]: data movement without arithmetic."""
    nest = Nest(axes_of(out.shape), Load(operand, tuple(index), fill), compute_type(out.dtype), out.dtype)
    return single(operands, nest)


def clipped(x: Expr, low: float, high: float) -> Expr:
    return apply("minimum", apply("maximum", x, Const(low)), Const(high))


def window(stride: int, pad: int, dilation: int, out: str, kernel: str) -> Affine:
    """The input row (or column) that tap `kernel` of the window at `out` reads: out * stride + kernel * dilation - pad."""
    return at(out) * stride + at(kernel) * dilation - pad
