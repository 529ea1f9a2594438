"""Tiles, loop order, unrolling, vectors and threads, as the target would have them."""

from dataclasses import dataclass, replace
from typing import Any

from gossamer.ir.errors import PassError
from gossamer.ir.graph import Module, Node
from gossamer.ir.hardware import Hardware
from gossamer.ir.ops.structure import Param
from gossamer.ir.schedule import Schedule
from gossamer.passes.base import Pass, placed_on


@dataclass(frozen=True)
class ChooseSchedules(Pass, name="tile"):
    """Give every statement the first schedule that the target lists for it and that keeps an algorithm chosen before.

        %1 = nn.conv2d %x, %w      ->      %1 = nn.conv2d %x, %w
                                              @schedule tile=(oc:64:16, ow:14) vectorize=(oc:16) parallel=(oc)

    The module's hardware is used, or the target's default one, which the module then carries. Statements for which
    the target lists nothing are left alone, and layouts that were written before stay. Refuses a module made for
    another target, and a chosen algorithm that the target cannot run.
    """

    target: str = "cpu"

    def run(self, module: Module) -> Module:
        backend, hardware = placed_on(self.name, module, self.target)
        graph = module.graph
        nodes = tuple(self._scheduled(node, backend, hardware) for node in graph.nodes)
        changed = any(new is not old for new, old in zip(nodes, graph.nodes))
        scheduled = module.with_graph(replace(graph, nodes=nodes)) if changed else module
        return scheduled if module.hardware == hardware else scheduled.with_hardware(hardware)

    def _scheduled(self, node: Node, backend: Any, hardware: Hardware) -> Node:
        legal: tuple[Schedule, ...] = () if isinstance(node.op, Param) else tuple(backend.schedules(node, hardware))
        chosen = next((s for s in legal if _keeps(s, node.schedule)), None)
        if chosen is None and node.schedule is not None and node.schedule.algorithm != "direct":
            raise PassError(
                f"tile: {node.title} is to run as {_algorithm(node.schedule)}, which target '{self.target}' lists no "
                f"schedule for (it lists {', '.join(sorted({_algorithm(s) for s in legal})) or 'none'}); "
                "leave that choice out of the pipeline, or make another"
            )
        if chosen is not None and node.schedule is not None and node.schedule.layout:
            chosen = replace(chosen, layout=node.schedule.layout)
        return node if chosen is None or chosen == node.schedule else replace(node, schedule=chosen)


def _keeps(schedule: Schedule, earlier: Schedule | None) -> bool:
    """Whether a schedule has the algorithm that was chosen on purpose; `direct` is what an unset one says."""
    if earlier is None or earlier.algorithm == "direct":
        return True
    return (schedule.algorithm, schedule.winograd_m) == (earlier.algorithm, earlier.winograd_m)


def _algorithm(schedule: Schedule) -> str:
    return schedule.algorithm if schedule.winograd_m is None else f"winograd(m={schedule.winograd_m})"
