"""What the CPU cannot run, and why."""

from gossamer.backends.base import Infeasible
from gossamer.backends.cpu.algorithms import schedule_obstacle
from gossamer.codegen.tvm.program import opaque_op
from gossamer.ir.graph import Node
from gossamer.ir.ops.structure import Param

_EMULATED = {"bf", "f8e4m3", "f8e5m2"}


def unsupported(node: Node) -> Infeasible | None:
    """None when the node compiles for a CPU."""
    if isinstance(node.op, Param):
        return None
    where = f"{node.title} ({node.op.name})"
    opaque = opaque_op(node)
    if opaque is not None:
        return Infeasible(
            where,
            f"a loop nest for '{opaque}'",
            "an opaque op (reference only)",
            "give the op a `kernel` or rewrite it before compiling",
        )
    for value in (*node.op.operands, *node.results):
        if 0 in value.shape:
            return Infeasible(where, f"%{value.name} without elements", "tensors with elements", "remove the node")
        if value.dtype.kind in _EMULATED:
            return Infeasible(
                where,
                f"arithmetic on {value.dtype} (%{value.name})",
                "f32, f64, f16, bool and integers",
                "cast it to f32 first",
            )
    return schedule_obstacle(node)
