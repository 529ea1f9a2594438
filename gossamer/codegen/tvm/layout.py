"""Where the elements of a tensor lie in memory: physical dimensions as digits of logical indices, plus a halo.

Notation: NCHW16c is `Layout.blocked((n, c, h, w), axis=1, block=16)`; its physical shape is (n, ceil(c/16), h, w, 16).
A halo is a frame of constant elements around an axis, written once when the buffer is made; a convolution then reads
its padding instead of testing for it. Invariant: producers write every physical element except the halo.

    layout = Layout.blocked((1, 20, 8, 8), axis=1, block=16, before=(0, 0, 1, 1), after=(0, 0, 1, 1))
    layout.shape                                    # (1, 2, 10, 10, 16)
    assert (layout.unpack(layout.pack(x)) == x).all()
"""

from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Dim:
    """One physical dimension: (logical index of `axis` + halo) // stride % extent."""

    axis: int
    stride: int
    extent: int


@dataclass(frozen=True)
class Layout:
    """`logical` shape; physical `dims`, outermost first; halo elements `before` and `after` each logical axis."""

    logical: tuple[int, ...]
    dims: tuple[Dim, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    fill: float = 0.0

    @staticmethod
    def plain(shape: tuple[int, ...]) -> "Layout":
        """Row-major, no halo. A tensor without elements has room for one: tvm takes no buffers of extent 0."""
        zeros = (0,) * len(shape)
        return Layout(shape, tuple(Dim(a, 1, max(1, e)) for a, e in enumerate(shape)), zeros, zeros)

    @staticmethod
    def split(shape: tuple[int, ...], blocks: dict[int, int], order: tuple[tuple[int, bool], ...]) -> "Layout":
        """Split axes by `blocks` (axis -> inner extent); `order` lists (axis, inner?) from the outermost dimension."""
        dims = tuple(_digit(shape, blocks, axis, inner) for axis, inner in order)
        zeros = (0,) * len(shape)
        return Layout(shape, dims, zeros, zeros)

    @staticmethod
    def blocked(shape: tuple[int, ...], axis: int, block: int) -> "Layout":
        """Row-major with `axis` split by `block`, the inner part last (NCHW16c)."""
        order = tuple((a, False) for a in range(len(shape))) + ((axis, True),)
        return Layout.split(shape, {axis: block}, order)

    def with_halo(self, before: tuple[int, ...], after: tuple[int, ...], fill: float) -> "Layout":
        """The same layout inside a frame; only axes that are not split can have one."""
        grown = tuple(
            Dim(d.axis, d.stride, d.extent + before[d.axis] + after[d.axis]) if before[d.axis] + after[d.axis] else d
            for d in self.dims
        )
        return Layout(self.logical, grown, before, after, fill)

    @property
    def shape(self) -> tuple[int, ...]:
        """Physical shape."""
        return tuple(d.extent for d in self.dims)

    @property
    def elements(self) -> int:
        return prod(self.shape)

    @property
    def has_halo(self) -> bool:
        return any(self.before) or any(self.after)

    def parts(self, axis: int) -> tuple[Dim, ...]:
        """The physical dimensions of a logical axis, outermost first."""
        return tuple(sorted((d for d in self.dims if d.axis == axis), key=lambda d: -d.stride))

    def capacity(self, axis: int) -> int:
        """Indices 0 .. capacity-1 of the axis have storage (without the halo before)."""
        return prod(d.extent for d in self.dims if d.axis == axis) - self.before[axis]

    def block(self, axis: int) -> int:
        """Inner extent of a split axis; 1 when it is not split."""
        inner = [d for d in self.dims if d.axis == axis and d.stride == 1]
        return inner[0].extent if len(self.parts(axis)) > 1 else 1

    def pack(self, array: Array) -> Array:
        """Logical array -> physical array (C-contiguous), halo and surplus lanes filled."""
        sizes = [prod(d.extent for d in self.parts(a)) for a in range(len(self.logical))]
        widths = [(b, size - b - e) for b, e, size in zip(self.before, self.logical, sizes, strict=True)]
        padded = (
            np.pad(array, widths, constant_values=np.asarray(self.fill).astype(array.dtype))
            if any(map(any, widths))
            else array
        )
        places = self._places()
        split = padded.reshape([self.dims[i].extent for i in places])
        return np.ascontiguousarray(split.transpose([places.index(i) for i in range(len(self.dims))]))

    def _places(self) -> list[int]:
        """Positions of the physical dimensions in logical order. Two of one element may be equal: positions are not."""
        return sorted(range(len(self.dims)), key=lambda i: (self.dims[i].axis, -self.dims[i].stride))

    def unpack(self, physical: Array) -> Array:
        """Physical array -> logical array: a C-contiguous copy, also where nothing has to move."""
        sizes = [prod(d.extent for d in self.parts(a)) for a in range(len(self.logical))]
        whole = physical.transpose(self._places()).reshape(sizes)
        inner = tuple(slice(b, b + e) for b, e in zip(self.before, self.logical, strict=True))
        return np.array(whole[inner], order="C")


def _digit(shape: tuple[int, ...], blocks: dict[int, int], axis: int, inner: bool) -> Dim:
    block = blocks.get(axis, 1)
    return Dim(axis, 1, block) if inner else Dim(axis, block, -(-shape[axis] // block))
