"""Builders of the loop nests that many ops share: pointwise nests with broadcasting, windows, reductions.

Axes of a result are called n oc oh ow when it has four dimensions, d0 d1 ... otherwise.
"""

from collections.abc import Callable, Sequence

from gossamer.ir.nest import Affine, Axis, Const, Expr, Index, Kernel, Load, Nest, apply, at, single
from gossamer.ir.types import F32, F64, I32, I64, U64, DType, TensorType, Value

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
    """What arithmetic on these types is done in: f64 and i64 where one of them is, else f32 or i32; u64 in itself."""
    if any(d.floating for d in dtypes):
        return F64 if F64 in dtypes else F32
    if all(d == U64 for d in dtypes):
        return U64
    return I64 if any(d.bits > 32 or (d.kind == "u" and d.bits == 32) for d in dtypes) else I32


def load_broadcast(operand: int, shape: tuple[int, ...], axes: Sequence[Axis]) -> Load:
    """Read an operand of `shape` for a point of `axes` under numpy's broadcasting (its last axes are aligned)."""
    own = axes[len(axes) - len(shape) :]
    return Load(operand, tuple(at(a.name) if extent == a.extent else Affine() for extent, a in zip(shape, own)))


def mapped(x: Value, body: Callable[[Expr], Expr]) -> Kernel:
    """out[p] = body(x[p]), of x's type."""
    axes = axes_of(x.shape)
    load = load_broadcast(0, x.shape, axes)
    return single(1, Nest(axes, body(load), compute_type(x.dtype), x.dtype))


def combined(
    shape: tuple[int, ...], x: Value, y: Value, body: Callable[[Expr, Expr], Expr], dtype: DType | None = None
) -> Kernel:
    """out[p] = body(x[p], y[p]), of x's element type (or of `dtype`), both broadcast to `shape`."""
    axes = axes_of(shape)
    loads = load_broadcast(0, x.shape, axes), load_broadcast(1, y.shape, axes)
    return single(2, Nest(axes, body(*loads), compute_type(x.dtype, y.dtype), dtype or x.dtype))


def moved(out: TensorType, index: Sequence[Index], fill: float | None = None) -> Kernel:
    """out[p] = x[index(p)]: data movement without arithmetic, so it computes in the element type itself."""
    return single(1, Nest(axes_of(out.shape), Load(0, tuple(index), fill), out.dtype, out.dtype))


def clipped(x: Expr, low: float, high: float) -> Expr:
    return apply("minimum", apply("maximum", x, Const(low)), Const(high))


def window(stride: int, pad: int, dilation: int, out: str, kernel: str) -> Affine:
    """The input row (or column) that tap `kernel` of the window at `out` reads."""
    return at(out) * stride + at(kernel) * dilation - pad
