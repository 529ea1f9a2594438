"""The scalar expression of a nest, in the body of a generic."""

from collections.abc import Mapping, Sequence

from gossamer.codegen.mlir.indices import IndexArithmetic
from gossamer.codegen.mlir.scalar import Arithmetic, Scalar
from gossamer.codegen.mlir.writer import Tensor
from gossamer.ir.index import bounds
from gossamer.ir.nest import Acc, Apply, Axis, Computed, Const, Convert, Expr, Index, IndexValue, Load, Table, computed
from gossamer.ir.types import BOOL, I64, DType


class Body:
    """Lowers expressions; `given` are the block's arguments by what they read, `sources` tensors read in the body."""

    def __init__(
        self,
        arithmetic: Arithmetic,
        axes: Sequence[Axis],
        given: Mapping[Load | Table | Acc, Scalar],
        sources: Mapping[Load | Table, Tensor],
    ) -> None:
        self.arithmetic = arithmetic
        self._given, self._sources = given, sources
        self._indices = IndexArithmetic(arithmetic.writer, axes)
        self._extents = {a.name: a.extent for a in axes}
        self._known: dict[tuple[Expr, DType], Scalar] = {}
        self._computed: dict[Computed, str] = {}

    def converted(self, expr: Expr, compute: DType, to: DType) -> Scalar:
        """The expression computed in `compute`, then stored as `to`."""
        value = self.value(expr, compute)
        if value.dtype == to == BOOL:  # a comparison, stored as one
            return value
        return self.arithmetic.convert(self.arithmetic.convert(value, compute), to)

    def value(self, expr: Expr, compute: DType) -> Scalar:
        """The expression computed in `compute`; comparisons stay bools until they are used as numbers."""
        key = (expr, compute)
        if key not in self._known:
            self._known[key] = self._value(expr, compute)
        return self._known[key]

    def _value(self, expr: Expr, compute: DType) -> Scalar:
        if isinstance(expr, Const):
            return self.arithmetic.constant(expr.value, compute)
        if isinstance(expr, Apply):
            return self.arithmetic.call(expr.function, [self.value(a, compute) for a in expr.args], compute)
        if isinstance(expr, Convert):
            return self.arithmetic.convert(self.converted(expr.value, expr.compute, expr.dtype), compute)
        if isinstance(expr, IndexValue):
            return self.arithmetic.convert(self._number(self.index(expr.index)), compute)
        read = self._given[expr] if expr in self._given else self._extracted(expr)
        return self.arithmetic.convert(read, compute)

    def index(self, index: Index) -> str:
        """The name of an index at this point."""
        for part in computed(index):
            if part not in self._computed:
                self._computed[part] = self._at_run_time(part)
        return self._indices.value(index, self._computed)

    def _number(self, index: str) -> Scalar:
        return Scalar(self.arithmetic.writer.set("t", f"arith.index_cast {index} : index to i64"), I64)

    def _at_run_time(self, part: Computed) -> str:
        number = self.converted(part.value, I64, I64)
        index = self.arithmetic.writer.set("i", f"arith.index_cast {number.name} : i64 to index")
        return self._clipped(index, part.extent)

    def _clipped(self, index: str, extent: int) -> str:
        above = self._indices.binary("maxsi", index, self._indices.constant(0))
        return self._indices.binary("minsi", above, self._indices.constant(max(0, extent - 1)))

    def _extracted(self, read: Load | Table | Acc) -> Scalar:
        """A read that no affine map says, with its test for being inside where it may leave the tensor."""
        assert not isinstance(read, Acc)
        source = self._sources[read]
        index = (read.index,) if isinstance(read, Table) else read.index
        names, tests = list[str](), list[str]()
        for part, extent in zip(index, source.shape):
            names.append(self._inside(part, extent, tests))
        text = f"tensor.extract {source.name}[{', '.join(names)}] : {source.type}"
        value = Scalar(self.arithmetic.writer.set("t", text), source.dtype)
        if isinstance(read, Table) or read.fill is None or not tests:
            return value
        fill = self.arithmetic.constant(read.fill, source.dtype)
        return self.arithmetic.select(self._all(tests), value, fill)

    def _inside(self, index: Index, extent: int, tests: list[str]) -> str:
        """The index, clipped where it may leave the extent; then its tests are added."""
        name, (low, high) = self.index(index), bounds(index, self._extents)
        if low >= 0 and high < extent:
            return name
        for how, bound in (("sge", 0), ("slt", extent)):
            limit = self._indices.constant(bound)
            tests.append(self.arithmetic.writer.set("t", f"arith.cmpi {how}, {name}, {limit} : index"))
        return self._clipped(name, extent)

    def _all(self, tests: Sequence[str]) -> Scalar:
        total = Scalar(tests[0], BOOL)
        for test in tests[1:]:
            total = self.arithmetic.set(BOOL, "arith.andi", total, Scalar(test, BOOL))
        return total
