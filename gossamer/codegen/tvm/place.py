"""Where in memory a load reads, at a point of a block: index expressions as tvm expressions, and the tests they need.

An index that is a bare axis, split as its operand is, uses the split loop variables; any other uses division and
remainder, so a tensor in any layout can be read by any stage. A computed index is 32 bits wide once it is clipped.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gossamer.codegen.tvm.adapter import tirx
from gossamer.codegen.tvm.indices import bare_axis
from gossamer.codegen.tvm.layout import Dim, Layout
from gossamer.codegen.tvm.numbers import Scalar, kind, number
from gossamer.codegen.tvm.scalar import cast
from gossamer.ir.index import bounds
from gossamer.ir.interval import reach
from gossamer.ir.nest import Affine, Computed, Expr, Index, Load, Mod, Sum


@dataclass(frozen=True)
class Coordinate:
    """A nest axis in a block: its value, its parts by stride, the largest value it can take, and the axis's extent.

    The value exceeds the extent in surplus lanes.
    """

    value: Scalar
    parts: Mapping[int, Scalar]
    high: int
    extent: int

    @staticmethod
    def joined(parts: list[tuple[int, Scalar, int]], extent: int) -> "Coordinate":
        """From (stride, loop variable, loop extent) of each part."""
        value: Scalar = 0
        for stride, variable, _ in parts:
            value = variable * stride + value
        return Coordinate(value, {s: v for s, v, _ in parts}, sum(s * (e - 1) for s, _, e in parts), extent)


@dataclass(frozen=True)
class Point:
    """The axes of a stage at a point of its block. `whole` lowers the expression of a computed index."""

    where: Mapping[str, Coordinate]
    whole: Callable[[Expr], Scalar]

    def place(self, load: Load, layout: Layout) -> tuple[list[Scalar], list[Scalar]]:
        """The physical indices of what is read, and the tests that must hold for it to be in the tensor."""
        guards = [test for axis, index in enumerate(load.index) for test in self._guards(load, layout, axis, index)]
        return [self._digit(dim, layout, load.index[dim.axis]) for dim in layout.dims], guards

    def index(self, index: Index) -> Scalar:
        """An index as a 32-bit number."""
        if isinstance(index, Affine):
            value: Scalar = tirx.const(index.constant, "int32") if not index.terms else index.constant
            for name, factor in index.terms:
                value = self.where[name].value * factor + value
            return value
        if isinstance(index, Computed):
            return self._clipped(index)
        if isinstance(index, Sum):
            value = 0
            for inner, factor in index.terms:
                value = self.index(inner) * factor + value
            return value
        inner = self.index(index.index)
        return tirx.floormod(inner, index.divisor) if isinstance(index, Mod) else tirx.floordiv(inner, index.divisor)

    def range(self, index: Index) -> tuple[int, int]:
        """Smallest and largest value, surplus lanes included."""
        return bounds(index, {name: c.high + 1 for name, c in self.where.items()})

    def _clipped(self, index: Computed) -> Scalar:
        value, known = self.whole(index.value), reach(index.value, self.range)
        if known is None or known[0] < 0:
            value = tirx.max(value, number(0, kind(value)))
        if known is None or known[1] >= index.extent:
            value = tirx.min(value, number(index.extent - 1, kind(value)))
        return cast(value, "int32")

    def _guards(self, load: Load, layout: Layout, axis: int, index: Index) -> list[Scalar]:
        """Tests an index needs to stay in the tensor, or in its halo when that holds the value wanted there."""
        low, high = self.range(index)
        framed = layout.has_halo and layout.fill == load.fill
        if framed and layout.fill != 0 and len(layout.parts(axis)) > 1:
            # beyond the channels lie surplus lanes, which hold 0 whatever the halo holds: only surplus steps may read
            # them
            framed = bounds(index, {name: c.extent for name, c in self.where.items()})[1] < layout.logical[axis]
        before = layout.before[axis] if framed else 0
        extent = layout.logical[axis]
        room = layout.capacity(axis) if framed or load.fill is None else extent
        value = self.index(index)
        tests = [value >= 0] if low < -before else []
        return tests + ([value < extent] if high >= room else [])

    def _digit(self, dim: Dim, layout: Layout, index: Index) -> Scalar:
        parts = layout.parts(dim.axis)
        if len(parts) == 1:
            return self.index(index) + layout.before[dim.axis]
        bare = bare_axis(index)
        if bare and {p.stride for p in parts} <= set(self.where[bare].parts):
            top = max(p.stride for p in parts)
            limit = dim.stride * dim.extent if dim.stride < top else 1 << 62
            own = self.where[bare].parts
            return sum((v * (s // dim.stride) for s, v in own.items() if dim.stride <= s < limit), start=0)
        value = self.index(index)
        if dim.stride > 1:
            value = tirx.floordiv(value, dim.stride)
        return value if dim is parts[0] else tirx.floormod(value, dim.extent)
