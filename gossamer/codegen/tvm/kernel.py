"""One program with its storage and its schedule -> one scheduled tvm function."""

from dataclasses import dataclass
from typing import Any

from gossamer.codegen.tvm.forms import Form
from gossamer.codegen.tvm.loops import apply_schedule
from gossamer.codegen.tvm.lower import lower
from gossamer.ir.nest import Kernel
from gossamer.ir.schedule import Schedule


@dataclass(frozen=True)
class KernelSpec:
    """What a kernel is made from; two nodes with equal specs share one kernel. `lanes`: 32-bit numbers in a vector."""

    program: Kernel
    form: Form
    schedule: Schedule
    lanes: int

    def function(self, name: str) -> Any:
        """The tvm function: operands, constants, results, in that order."""
        function, nestings = lower(name, self.program, self.form)
        return apply_schedule(function, nestings, self.program, self.schedule, self.lanes, self.form.dot)
