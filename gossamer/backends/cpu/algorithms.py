"""Which nodes run as Winograd convolutions or as products of gathered pixels, and which could."""

from collections.abc import Collection, Sequence

from gossamer.backends.base import Infeasible
from gossamer.codegen.tvm.program import program_of
from gossamer.codegen.tvm.structure import anchored
from gossamer.codegen.tvm.winograd import Tiling, tiling_of
from gossamer.ir.graph import Node
from gossamer.ir.ops.nn import Conv2d
from gossamer.ir.ops.structure import Fused
from gossamer.ir.types import F32, Value
from gossamer.ir.winograd import LARGEST_TILE


def convolution(node: Node) -> Conv2d | None:
    """The convolution a node is or is anchored on."""
    op = node.op.anchor.op if isinstance(node.op, Fused) else node.op
    return op if isinstance(op, Conv2d) else None


def tilings_of(nodes: Sequence[Node]) -> dict[Value, Tiling]:
    """First result -> tiling, of the nodes whose schedule says winograd."""
    found: dict[Value, Tiling] = {}
    for node in nodes:
        conv, m = convolution(node), node.schedule.winograd_m if node.schedule else None
        if conv is not None and m is not None:
            found[node.result] = tiling_of(conv, m)
    return found


def winograd_obstacle(node: Node, m: int) -> str | None:
    """Why F(m x m) cannot compute the node; None when it can."""
    conv = convolution(node)
    if conv is None:
        return "it is no convolution"
    kh, kw = conv.weight.shape[2:]
    if kh != kw or kh == 1 or conv.strides != (1, 1) or conv.dilations != (1, 1) or conv.groups != 1:
        return "it needs a square kernel larger than 1x1, stride 1, no dilation and one group"
    reason = _form_obstacle(node, conv)
    if reason is not None:
        return reason
    return f"tiles of {m + kh - 1} exceed {LARGEST_TILE}" if m + kh - 1 > LARGEST_TILE else None


def im2col_obstacle(node: Node) -> str | None:
    """Why the node cannot be a product of gathered pixels; None when it can."""
    conv = convolution(node)
    if conv is None:
        return "it is no convolution"
    if conv.groups != 1:
        return f"it has {conv.groups} groups, needed one"
    return _form_obstacle(node, conv)


def _form_obstacle(node: Node, conv: Conv2d) -> str | None:
    """Why hand-written kernels, which take floats and give one result, cannot compute the node."""
    if conv.x.dtype != F32 or conv.weight.dtype != F32:
        return f"it computes on {conv.x.dtype} and {conv.weight.dtype}, needed f32"
    if isinstance(node.op, Fused) and not {conv.x, conv.weight} <= set(node.op.body.inputs):
        return "its input is changed on the way in"
    if anchored(program_of(node).kernel) is None:
        return "it has several results, or one of another shape than the convolution's"
    return None


def schedule_obstacle(node: Node) -> Infeasible | None:
    """Why the algorithm of the node's schedule cannot run; None when it can."""
    schedule = node.schedule
    if schedule is None or schedule.algorithm == "direct":
        return None
    im2col = schedule.algorithm == "im2col"
    reason = im2col_obstacle(node) if im2col else winograd_obstacle(node, schedule.winograd_m or 0)
    return None if reason is None else _refused(node, reason)


def operand_obstacle(node: Node, params: Collection[Value]) -> Infeasible | None:
    """Why an algorithm that packs weights ahead cannot take these operands; None when it can or is not asked for."""
    conv = convolution(node)
    if conv is None or node.schedule is None or node.schedule.algorithm == "direct":
        return None
    if outer(node, conv.weight) not in params or outer(node, conv.x) in params:
        return _refused(node, "its weight must be a parameter and its input must not")
    return None


def outer(node: Node, value: Value) -> Value:
    """The value outside a node that its convolution reads as `value`."""
    return node.op.inputs[node.op.body.inputs.index(value)] if isinstance(node.op, Fused) else value


def _refused(node: Node, reason: str) -> Infeasible:
    m = node.schedule.winograd_m if node.schedule else None
    wanted = "algorithm=im2col" if m is None else f"algorithm=winograd(m={m})"
    where = f"{node.title} ({node.op.name})"
    return Infeasible(where, wanted, f"a node it does not fit: {reason}", "schedule it as direct")
