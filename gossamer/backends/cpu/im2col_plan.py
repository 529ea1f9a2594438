"""How a convolution that gathers its pixels is cut for a machine: the register tile that wastes least."""

from dataclasses import dataclass
from functools import cache

from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.winograd_plan import register_tiles, step_cycles
from gossamer.codegen.tvm.winograd import Blocking

TASK_PIXELS = 96
"""Pixels of a task, about: its gathered matrix should stay in a core's own cache."""


@dataclass(frozen=True)
class GatherPlan:
    """A blocking, and how many rows of the result a task computes."""

    blocking: Blocking
    rows: int


@cache
def im2col_plan(oc: int, plane: tuple[int, int], inner: int, hardware: CpuHardware) -> GatherPlan:
    """The blocking of fewest cycles. `plane`: rows and columns of the result; `inner`: channels in a block of x."""
    rows = min(plane[0], max(1, TASK_PIXELS // plane[1]))
    found = [Blocking("fused", rows * plane[1], *tile) for tile in register_tiles(oc, inner, hardware)]

    def cycles(blocking: Blocking) -> float:
        return step_cycles(blocking, hardware) * -(-oc // (blocking.lanes * blocking.vectors))

    return GatherPlan(min(found, key=cycles), rows)
