"""Rows of the per-layer table of a compiled module: what runs, how, and what the cost model expects."""

from collections.abc import Sequence

from gossamer.backends.cpu.cost import predicted_s
from gossamer.backends.cpu.manifest import LayerReport
from gossamer.backends.cpu.ranking import terms_of
from gossamer.backends.cpu.steps import Planner
from gossamer.ir.analysis import layer, macs, node_layers
from gossamer.ir.graph import Node
from gossamer.ir.ops.scan import Scan
from gossamer.ir.schedule import Schedule
from gossamer.ir.types import Value


def layer_reports(nodes: Sequence[Node], planner: Planner, params: set[Value]) -> tuple[LayerReport, ...]:
    """One row per node."""
    return tuple(_report(node, planner, params) for node in nodes)


def _report(node: Node, planner: Planner, params: set[Value]) -> LayerReport:
    if isinstance(node.op, Scan):
        steps = [predicted_s(signature, planner.hardware) for _, signature in node_layers(node, params)]
        return LayerReport(node.title, node.op.name, "loop", f"{node.op.steps} steps", macs(node), sum(steps))
    schedule, signature = planner.schedule(node), layer(node, params)
    expected = None if signature is None else terms_of(signature, schedule, planner.hardware).latency_s
    return LayerReport(node.title, node.op.name, algorithm_words(schedule), tile_words(schedule), macs(node), expected)


def algorithm_words(schedule: Schedule) -> str:
    """`direct`, `im2col`, `winograd(m=4)`."""
    return f"winograd(m={schedule.winograd_m})" if schedule.winograd_m else schedule.algorithm


def tile_words(schedule: Schedule) -> str:
    """`oc:64 oh:1 ow:6`."""
    return " ".join(f"{t.axis}:{':'.join(map(str, t.sizes))}" for t in schedule.tile)
