"""Which stages of a program one kernel can compute row by row, each row's intermediate results in the thread's memory.

All stages must read each other at the same place along some axes, the *common* ones: softmax and layer norms along all
but the last. A task then is one step of the common axes, and no stage waits for another task's.
"""

from collections.abc import Mapping

from gossamer.codegen.tvm.forms import Form
from gossamer.codegen.tvm.indices import bare_axis
from gossamer.codegen.tvm.program import loads
from gossamer.ir.nest import Kernel, Nest

ALONE = 1 << 15
"""Points up to which stages without any common axis are one kernel of one task."""

Common = Mapping[int, Mapping[str, str]]
"""Stage -> its axis -> the axis of the result that it is one with."""


def common_axes(program: Kernel, form: Form) -> Common | None:
    """How the stages of a program follow its result along common axes; None where one kernel does not pay."""
    kept = sorted(form.stages)
    if len(program.results) != 1 or len(kept) < 2 or kept[-1] != program.results[0]:
        return None
    result = program.stages[program.results[0]]
    found: dict[int, dict[str, str]] = {program.results[0]: {a.name: a.name for a in result.parallel if a.extent > 1}}
    for stage in range(program.results[0], -1, -1):
        if stage in found:
            _follow(program, stage, found)
    if any(stage not in found for stage in kept):
        return None
    shared = set.intersection(*(set(found[stage].values()) for stage in found))
    points = sum(program.stages[stage].points for stage in kept)
    if not shared and points > ALONE:
        return None
    return {stage: {own: name for own, name in axes.items() if name in shared} for stage, axes in found.items()}


def _follow(program: Kernel, stage: int, found: dict[int, dict[str, str]]) -> None:
    nest, axes = program.stages[stage], found[stage]
    for load in loads(nest.body):
        source = load.operand - program.operands
        if source < 0:
            continue
        reached = _reached(program.stages[source], load.index, axes, nest) if load.fill is None else {}
        known = found.get(source)
        found[source] = reached if known is None else {a: n for a, n in known.items() if reached.get(a) == n}


def _reached(source: Nest, index: tuple[object, ...], axes: Mapping[str, str], nest: Nest) -> dict[str, str]:
    extents = {a.name: a.extent for a in nest.parallel}
    reached: dict[str, str] = {}
    for axis, where in zip(source.parallel, index, strict=True):
        name = bare_axis(where)  # type: ignore[arg-type]
        if name in axes and extents.get(name) == axis.extent:
            reached[axis.name] = axes[name]
    return reached
