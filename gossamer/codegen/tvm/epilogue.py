"""What becomes of sums that a hand-written kernel holds in registers: the epilogue of a node, stored at a pixel."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gossamer.codegen.tvm.adapter import Buffer, Loops, Tensor, tirx
from gossamer.codegen.tvm.layout import Layout
from gossamer.codegen.tvm.lower import stage_value
from gossamer.codegen.tvm.place import Coordinate
from gossamer.codegen.tvm.winograd import Epilogue


def epilogue_parameters(epilogue: Epilogue) -> list[Buffer]:
    """Buffers of what an epilogue reads, then of the result."""
    operands, stages = epilogue.reads()
    found = [(f"i{k}", epilogue.form.operands[k]) for k in operands]
    found += [(f"s{j}", epilogue.form.stages[j]) for j in (*stages, epilogue.pair[1])]
    return [Buffer(name, storage.layout.shape, storage.dtype) for name, storage in found]


@dataclass(frozen=True)
class Pixels:
    """Stores vectors of `lanes` channels at pixels of the result [batch, oc, oh, ow]."""

    epilogue: Epilogue
    buffers: Mapping[str, Any]
    lanes: int

    def store(self, loops: Loops, total: Tensor, group: Any, pixel: tuple[Any, Any, Any]) -> None:
        """Channels group * lanes .. of a pixel (image, row, column) inside the result."""
        layout = self.epilogue.result.layout
        if layout.block(1) == self.lanes:
            with loops.vectorized(self.lanes) as lane:
                self._lane(loops, total, group, lane, pixel)
            return
        with loops.serial(self.lanes) as lane, loops.when([group * self.lanes + lane < layout.logical[1]]):
            self._lane(loops, total, group, lane, pixel)

    def _lane(self, loops: Loops, total: Tensor, group: Any, lane: Any, pixel: tuple[Any, Any, Any]) -> None:
        storage, (image, row, column) = self.epilogue.result, pixel
        batch, oc, oh, ow = storage.layout.logical
        channels = {self.lanes: group, 1: lane} if self.lanes > 1 else {1: group}
        channel = group * self.lanes + lane
        high = -(-oc // self.lanes) * self.lanes - 1 if storage.layout.block(1) == self.lanes else oc - 1
        point = (
            Coordinate(image, {1: image}, batch - 1, batch),
            Coordinate(channel, channels, high, oc),
            Coordinate(row, {1: row}, oh - 1, oh),
            Coordinate(column, {1: column}, ow - 1, ow),
        )
        value = stage_value(self.epilogue.program, self.epilogue.form, self.buffers, point, total[lane])
        where = physical(storage.layout, (image, channel, row, column), {1: (self.lanes, group, lane)})
        loops.store(self.buffers[f"s{self.epilogue.pair[1]}"], value, where)


def physical(layout: Layout, logical: tuple[Any, ...], split: Mapping[int, tuple[int, Any, Any]]) -> list[Any]:
    """Indices in the buffer of a logical index. `split`: axis -> (block, outer, inner), where that is known."""
    found: list[Any] = []
    for dim in layout.dims:
        block, outer, inner = split.get(dim.axis, (0, None, None))
        parts = layout.parts(dim.axis)
        if len(parts) == 2 and block == layout.block(dim.axis):
            found.append(outer if dim is parts[0] else inner)
            continue
        value = logical[dim.axis] + layout.before[dim.axis]
        value = tirx.floordiv(value, dim.stride) if dim.stride > 1 else value
        found.append(value if dim == parts[0] else tirx.floormod(value, dim.extent))
    return found
