"""Stored stages of one program, with their storage and schedule -> one kernel.

A reduction and the stage that stores its result, the anchored pair, are one kernel, which keeps the sums in registers;
so are stages that can be computed row by row. Any other program is stored stage by stage, each a launch of its own.
"""

from dataclasses import dataclass

from gossamer.codegen.tvm.adapter import TaskFunction
from gossamer.codegen.tvm.forms import Form, Storage
from gossamer.codegen.tvm.lower import tensors_of
from gossamer.codegen.tvm.rows import common_axes
from gossamer.codegen.tvm.stages import stage_tasks
from gossamer.codegen.tvm.structure import anchored
from gossamer.codegen.tvm.tiles import tile_tasks
from gossamer.ir.nest import Kernel
from gossamer.ir.schedule import Schedule


@dataclass(frozen=True)
class KernelSpec:
    """What a kernel is made from; two nodes with equal specs share one kernel. `lanes`: 32-bit numbers in a vector.

    `stages`: a single stored stage, the anchored pair (reduction, storing stage), or all that are computed row by row.
    """

    program: Kernel
    form: Form
    stages: tuple[int, ...]
    schedule: Schedule
    lanes: int

    def reads(self) -> tuple[list[int], list[int]]:
        """(operands, stored stages) that are passed, in order, before the stage that is written."""
        return tensors_of(self.program, self.form, self.stages)

    @property
    def written(self) -> tuple[int, Storage]:
        """The stage whose buffer is passed last."""
        return self.stages[-1], self.form.stages[self.stages[-1]]

    def function(self, name: str) -> TaskFunction:
        """The kernel: operands, stored stages, the result."""
        if self.stages == anchored(self.program):
            return tile_tasks(name, self.program, self.form, self.stages, self.schedule, self.lanes)
        return stage_tasks(name, self.program, self.form, self.stages, self.lanes)


def launches_of(program: Kernel, form: Form) -> tuple[tuple[int, ...], ...]:
    """The stages of every kernel that a program takes, in order."""
    pair = anchored(program)
    if pair is None and common_axes(program, form) is not None:
        return (tuple(sorted(form.stages)),)
    if pair is None:
        return tuple((stage,) for stage in sorted(form.stages))
    before = tuple((stage,) for stage in sorted(form.stages) if stage not in pair)
    return (*before, pair)
