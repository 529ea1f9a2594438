"""Winograd convolution F(m x m, r x r): what its kernels compute and how their tensors lie.

    V[e, ic, t] = (B^T d B)[e]      U[e, oc, ic] = (G w G^T)[e]     M[e, oc, t] = sum over ic of U * V
    Y = A^T M A, then the epilogue of the fused node, stored in the layout the plan wants.

e = element of the n x n tile (n = m + r - 1, row-major), t = tile (batch, row, column). The transforms come from
`gossamer.ir.winograd` (Cook-Toom, exact); only the rounding differs from a direct convolution. U is packed ahead, but
in the last of three forms.

*Fused*: a task takes some tiles through all three steps, V and M in the thread's own memory, and reads all
weights. *Apart*: three kernels with V and M in buffers; a task of the products reads the weights of one element and
some output channels, so that every weight is read once however many threads there are. *Late*: as apart, but a task
takes all elements of some output channels and transforms their weights itself, some input channels at a time: of every
pair of channels r^2 numbers come from memory instead of n^2.
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from gossamer.codegen.tvm.forms import Form, Storage
from gossamer.codegen.tvm.layout import Dim, Layout
from gossamer.codegen.tvm.program import Array
from gossamer.ir.nest import Kernel
from gossamer.ir.ops.nn import Conv2d
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
    def size(self) -> int:
        """Rows of a tile of input."""
        return self.m + self.r - 1

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
        return self.size**2

    @property
    def reach(self) -> tuple[int, int]:
        """Rows and columns of input that the tiles read, from `top` and `left` before the first."""
        return self.rows * self.m + self.r - 1, self.columns * self.m + self.r - 1


BlockingForm: TypeAlias = Literal["fused", "apart", "late"]


@dataclass(frozen=True)
class Blocking:
    """How products are cut: register tiles of `vectors` (of `lanes` output channels) by `points` (tiles or pixels).

    A fused task takes `columns` points, others all; `depth`: input channels (im2col: weights of an output) whose
    weights stay in the first-level cache for all points of a task, or that a late task transforms at a time.
    """

    form: BlockingForm
    columns: int
    lanes: int
    vectors: int
    points: int
    depth: int


def tiling_of(conv: Conv2d, m: int) -> Tiling:
    """How a convolution is cut for F(m x m, r x r)."""
    batch, oc, oh, ow = conv.infer()[0].shape
    return Tiling(m, conv.weight.shape[2], batch, conv.x.shape[1], oc, oh, ow, conv.pads[0], conv.pads[1])


def transformed_weight(weight: Array, tiling: Tiling) -> Array:
    """U [elements, oc, ic] of a weight [oc, ic, r, r], in float64 and then rounded once."""
    _, g, _ = tiling.form.arrays(np.float64)
    rows = weight.astype(np.float64).reshape(-1, tiling.r**2)
    return (np.kron(g, g) @ rows.T).reshape(tiling.elements, *weight.shape[:2]).astype(np.float32)


def weight_layout(tiling: Tiling, blocking: Blocking, inner: int) -> Layout:
    """U as the products read it: (oc / wide, elements, ic, wide), wide = vectors * lanes; ic in whole blocks."""
    wide, depth = blocking.vectors * blocking.lanes, -(-tiling.ic // inner) * inner
    dims = (Dim(1, wide, -(-tiling.oc // wide)), Dim(0, 1, tiling.elements), Dim(2, 1, depth), Dim(1, 1, wide))
    return Layout((tiling.elements, tiling.oc, tiling.ic), dims, (0, 0, 0), (0, 0, 0))


def late_weight_layout(tiling: Tiling, blocking: Blocking, inner: int) -> Layout:
    """A weight [oc, ic, r, r] as late products read it: (oc / wide, ic, r, r, wide); ic in whole blocks."""
    wide, depth, r = blocking.vectors * blocking.lanes, -(-tiling.ic // inner) * inner, tiling.r
    dims = (Dim(0, wide, -(-tiling.oc // wide)), Dim(1, 1, depth), Dim(2, 1, r), Dim(3, 1, r), Dim(0, 1, wide))
    return Layout((tiling.oc, tiling.ic, r, r), dims, (0, 0, 0, 0), (0, 0, 0, 0))


def tile_layout(tiling: Tiling, channels: int, block: int) -> Layout:
    """Layout of V or M: (elements, channels / block, tiles, block).

    An odd number of tiles, so that elements do not all fall into the same lines of a cache.
    """
    shape = (tiling.elements, channels, tiling.tiles | 1)
    return Layout.blocked(shape, 1, block) if block > 1 else Layout.plain(shape)


@dataclass(frozen=True)
class Epilogue:
    """What becomes of the convolution: the node's own program, whose sum and store are `pair`."""

    program: Kernel
    form: Form
    pair: tuple[int, int]

    @property
    def result(self) -> Storage:
        return self.form.stages[self.pair[1]]

    def reads(self) -> tuple[list[int], list[int]]:
        """(operands, stored stages) that the store reads besides the sum, in order: the input too, if it is added."""
        from gossamer.codegen.tvm.lower import tensors_of

        total, store = self.pair
        return tensors_of(self.program, self.form, (store,), known=(total,))


@dataclass(frozen=True)
class InputTransform:
    """Kernel (x) -> (V)."""

    tiling: Tiling
    x: Storage
    v: Storage

    def function(self, name: str) -> Any:
        from gossamer.codegen.tvm.winograd_kernels import input_kernel

        return input_kernel(name, self)


@dataclass(frozen=True)
class Products:
    """Kernel (V, U) -> (M); late: (V, w) -> (M), where `u` is how w lies."""

    tiling: Tiling
    blocking: Blocking
    v: Storage
    u: Storage
    m: Storage

    def function(self, name: str) -> Any:
        if self.blocking.form == "late":
            from gossamer.codegen.tvm.winograd_late import late_product_kernel

            return late_product_kernel(name, self)
        from gossamer.codegen.tvm.winograd_kernels import product_kernel

        return product_kernel(name, self)


@dataclass(frozen=True)
class OutputTransform:
    """Kernel (M, what the epilogue reads) -> (result)."""

    tiling: Tiling
    epilogue: Epilogue
    m: Storage

    def function(self, name: str) -> Any:
        from gossamer.codegen.tvm.winograd_kernels import output_kernel

        return output_kernel(name, self)


@dataclass(frozen=True)
class FusedWinograd:
    """Kernel (x, U, what the epilogue reads) -> (result)."""

    tiling: Tiling
    blocking: Blocking
    epilogue: Epilogue
    x: Storage
    u: Storage

    def function(self, name: str) -> Any:
        from gossamer.codegen.tvm.winograd_kernels import fused_kernel

        return fused_kernel(name, self)
