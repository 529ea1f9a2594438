"""Winograd convolution F(m x m, r x r) in three kernels: input transform, products per tile element, output transform.

    V[e, ic, t] = (B^T d B)[e]      U[e, oc, ic] = (G w G^T)[e] (packed ahead)      M[e, oc, t] = sum over ic of U * V
    Y = A^T M A, then the epilogue of the fused node, stored in the layout the plan wants.

e = element of the n x n tile (n = m + r - 1, row-major), t = tile (batch, row, column). The transforms come from
`gossamer.ir.winograd` (Cook-Toom, exact); only the products' rounding differs from a direct convolution. The transforms
are straight-line code over channel vectors; their many common subexpressions are left to LLVM, which removes them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gossamer.codegen.tvm.forms import Storage
from gossamer.codegen.tvm.layout import Layout
from gossamer.codegen.tvm.program import Array
from gossamer.ir.nest import Axis, Kernel, Load, Nest, apply, at
from gossamer.ir.ops.nn import Conv2d
from gossamer.ir.types import F32
from gossamer.ir.winograd import Transforms, transforms


@dataclass(frozen=True)
class Tiling:
    """A convolution cut into tiles: F(m, r), channels, output extents, padding before, and tiles per column and row."""

    m: int
    r: int
    batch: int
    ic: int
    oc: int
    oh: int
    ow: int
    top: int
    left: int

    @property
    def form(self) -> Transforms:
        return transforms(self.m, self.r)

    @property
    def rows(self) -> int:
        return -(-self.oh // self.m)

    @property
    def columns(self) -> int:
        return -(-self.ow // self.m)

    @property
    def tiles(self) -> int:
        return self.batch * self.rows * self.columns

    @property
    def elements(self) -> int:
        """Elements of a tile: products per output tile and channel pair."""
        return (self.m + self.r - 1) ** 2

    @property
    def reach(self) -> tuple[int, int]:
        """Rows and columns of input that the tiles read, from `top` and `left` before the first."""
        return self.rows * self.m + self.r - 1, self.columns * self.m + self.r - 1


def tiling_of(conv: Conv2d, m: int) -> Tiling:
    """How a convolution is cut for F(m x m, r x r)."""
    batch, oc, oh, ow = conv.infer()[0].shape
    return Tiling(m, conv.weight.shape[2], batch, conv.x.shape[1], oc, oh, ow, conv.pads[0], conv.pads[1])


def transformed_weight(weight: Array, tiling: Tiling) -> Array:
    """U [elements, oc, ic] of a weight [oc, ic, r, r], in float64 and then rounded once."""
    _, g, _ = tiling.form.arrays(np.float64)
    u = np.einsum("ai,ocij,bj->aboc", g, weight.astype(np.float64), g)
    return u.reshape(tiling.elements, *weight.shape[:2]).astype(np.float32)


def product_program(tiling: Tiling) -> Kernel:
    """M[e, oc, t] = sum over ic of V[e, ic, t] * U[e, oc, ic]; operands V, U."""
    axes = (Axis("e", tiling.elements), Axis("oc", tiling.oc), Axis("t", tiling.tiles))
    point = (at("e"), at("oc"), at("t"))
    body = apply("mul", Load(0, (at("e"), at("ic"), at("t"))), Load(1, (at("e"), at("oc"), at("ic"))))
    total = Nest((*axes, Axis("ic", tiling.ic, reduce=True)), body, F32, F32, "sum")
    return Kernel(2, (total, Nest(axes, Load(2, point), F32, F32)), (1,))


def tile_layout(tiling: Tiling, channels: int, block: int) -> Layout:
    """Layout of V or M: (elements, channels / block, tiles, block)."""
    shape = (tiling.elements, channels, tiling.tiles)
    return Layout.blocked(shape, 1, block) if block > 1 else Layout.plain(shape)


@dataclass(frozen=True)
class InputTransform:
    """Kernel (x) -> (V)."""

    tiling: Tiling
    x: Storage
    v: Storage

    def function(self, name: str) -> Any:
        from gossamer.codegen.tvm.winograd_kernels import input_transform

        return input_transform(name, self)


@dataclass(frozen=True)
class OutputTransform:
    """Kernel (operands and constants of the node, M) -> (results). `program` is the node's own."""

    tiling: Tiling
    program: Kernel
    operands: tuple[Storage, ...]
    tiles: Storage
    result: Storage
    skipped: tuple[int, int]
    """The convolution's input and weight among the operands: not passed."""

    def function(self, name: str) -> Any:
        from gossamer.codegen.tvm.winograd_kernels import output_transform

        return output_transform(name, self)


def combination(
    matrix: Sequence[Sequence[float]],
    values: Mapping[tuple[int, int], Any],
    row: int,
    column: int,
    times: Any,
    zero: Any,
) -> Any:
    """(T X T^T)[row, column], columns first so that partial sums are equal expressions; zeros and ones are free."""
    total = None
    for i, outer in enumerate(matrix[row]):
        if outer:
            inner = None
            for j, factor in enumerate(matrix[column]):
                inner = _plus(inner, factor, values[i, j], times) if factor else inner
            total = _plus(total, outer, inner, times) if inner is not None else total
    return zero if total is None else total


def _plus(total: Any, factor: float, value: Any, times: Any) -> Any:
    if total is None:
        return value if factor == 1 else times(value, factor)
    if factor == -1:
        return total - value
    return total + (value if factor == 1 else times(value, factor))
