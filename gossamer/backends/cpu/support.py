"""What the CPU cannot run, and why."""

from gossamer.backends.base import Infeasible
from gossamer.backends.cpu.algorithms import schedule_obstacle
from gossamer.backends.cpu.layout_names import layout_obstacle
from gossamer.codegen.tvm.program import opaque_op
from gossamer.ir.graph import Node
from gossamer.ir.ops.scan import Scan
from gossamer.ir.ops.structure import Param


def unsupported(node: Node) -> Infeasible | None:
    """None when the node compiles for a CPU."""
    if isinstance(node.op, Param):
        return None
    where = f"{node.title} ({node.op.name})"
    if isinstance(node.op, Scan):
        inside = next(filter(None, map(unsupported, node.op.body.nodes)), None)
        return _without_elements(node, where) or layout_obstacle(node, False) or inside
    opaque = opaque_op(node)
    if opaque is not None:
        return Infeasible(
            where,
            f"a loop nest for '{opaque}'",
            "an opaque op (reference only)",
            "give the op a `kernel` or rewrite it before compiling",
        )
    return schedule_obstacle(node) or layout_obstacle(node, 0 not in node.result.shape)


def _without_elements(node: Node, where: str) -> Infeasible | None:
    empty = next((v for v in (*node.op.operands, *node.results) if 0 in v.shape), None)
    if empty is None:
        return None
    return Infeasible(where, f"%{empty.name} without elements", "tensors with elements", "remove the node")
