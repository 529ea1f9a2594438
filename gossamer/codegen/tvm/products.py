"""The factors of a sum of products as vectors, each made once per step however many sums of a tile it meets.

A factor that varies along the vector's axis must lie there lane by lane; any other is one number for all lanes.
Written with whole vectors, a step of b by t sums is b + t loads and b * t short statements, which compile fast.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gossamer.codegen.tvm.adapter import tirx
from gossamer.codegen.tvm.forms import storage_dtype
from gossamer.codegen.tvm.indices import bare_axis
from gossamer.codegen.tvm.lower import StageCode
from gossamer.codegen.tvm.numbers import number
from gossamer.codegen.tvm.place import Coordinate
from gossamer.codegen.tvm.structure import weighted_product
from gossamer.ir.index import axes_in
from gossamer.ir.nest import Apply, Load


@dataclass(frozen=True)
class Factors:
    """The two factors of a step. `axis`: the nest's axis along which the `width` lanes lie."""

    code: StageCode
    pair: tuple[Load, Load]
    axis: str
    width: int
    made: dict[object, Any] = field(default_factory=dict[object, Any])

    def product(self, offsets: Mapping[str, Sequence[int]], where: Mapping[str, Coordinate]) -> Any:
        """The product at the first lane of `where`; `offsets`: the place in the tile, by axis, which `where` is at."""
        left, right = (self._factor(load, offsets, where) for load in self.pair)
        return left * right

    def _factor(self, load: Load, offsets: Mapping[str, Sequence[int]], where: Mapping[str, Coordinate]) -> Any:
        used = set[str]().union(*map(axes_in, load.index))
        key = (load, tuple(tuple(offsets[name]) for name in sorted(used & offsets.keys())))
        if key not in self.made:
            self.made[key] = self._vector(load, where, self.axis in used)
        return self.made[key]

    def _vector(self, load: Load, where: Mapping[str, Coordinate], varies: bool) -> Any:
        tensor, place, tests = self.code.operand_at(load, where)
        if varies and self.width > 1 and not _roomy(self.code, load, self.axis, self.width):
            limit = next(a.extent for a in self.code.nest.parallel if a.name == self.axis)
            return tensor.masked_vector(place, self.width, where[self.axis].value, limit)
        fill = number(load.fill or 0.0, str(tensor.data.dtype))
        value = tensor.vector(place, self.width) if varies and self.width > 1 else tensor[tuple(place)]
        if varies and self.width > 1:
            return tirx.if_then_else(tirx.all(*tests), value, tirx.Broadcast(fill, self.width)) if tests else value
        value = tirx.if_then_else(tirx.all(*tests), value, fill) if tests else value
        return tirx.Broadcast(value, self.width) if self.width > 1 else value


def factors_of(code: StageCode, axis: str, width: int) -> Factors | None:
    """The factors of a stage that sums plain products of what it reads; None for any other stage."""
    nest, pair = code.nest, weighted_product(code.nest)
    if pair is None or nest.body != Apply("mul", pair) or nest.compute != nest.dtype:
        return None
    if all(_plain(code, load) and _laid_out(code, load, axis, width) for load in pair):
        return Factors(code, pair, axis, width)
    return None


def _plain(code: StageCode, load: Load) -> bool:
    """It reads a stored tensor of the type that the sum is computed in."""
    stage = load.operand - code.program.operands
    if stage >= 0 and (stage not in code.form.stages or stage in code.known):
        return False
    storage = code.form.operands[load.operand] if stage < 0 else code.form.stages[stage]
    return storage.dtype == storage_dtype(code.nest.compute)


def _laid_out(code: StageCode, load: Load, axis: str, width: int) -> bool:
    """The lanes read one number, or neighbours in the last dimension of the layout; no test differs between them."""
    if axis not in set[str]().union(*map(axes_in, load.index)):
        return True
    stage = load.operand - code.program.operands
    layout = (code.form.operands[load.operand] if stage < 0 else code.form.stages[stage]).layout
    last = layout.dims[-1]
    runs = [i for i, index in enumerate(load.index) if axis in axes_in(index)]
    alone = runs == [last.axis] and bare_axis(load.index[last.axis]) == axis
    whole = len(layout.parts(last.axis)) == 1 or last.extent == width
    return alone and last.stride == 1 and whole and (load.fill is None or _roomy(code, load, axis, width))


def _roomy(code: StageCode, load: Load, axis: str, width: int) -> bool:
    """The storage has room for surplus lanes, which may be read then."""
    stage = load.operand - code.program.operands
    layout = (code.form.operands[load.operand] if stage < 0 else code.form.stages[stage]).layout
    return layout.capacity(layout.dims[-1].axis) >= _extent(code, axis, width)


def _extent(code: StageCode, axis: str, width: int) -> int:
    """Steps of the axis, surplus lanes included."""
    extent = next(a.extent for a in code.nest.parallel if a.name == axis)
    return -(-extent // width) * width
