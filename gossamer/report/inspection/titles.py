"""Ops and graphs in a line: `nn.conv2d+nn.clip`, `161 ops: 105 ir.param, 35 ir.fused, ...`."""

from collections import Counter
from typing import TYPE_CHECKING

from gossamer.ir.analysis import macs
from gossamer.ir.lexer import quoted
from gossamer.ir.ops.scan import Scan
from gossamer.ir.ops.structure import Fused, Param
from gossamer.report.units import quantity

if TYPE_CHECKING:
    from gossamer.ir.graph import Graph, Module, Node

MOST = 5
"""Ops of a body that are named in its summary."""


def summary_of(node: "Node") -> str:
    """The op's kind; for a body the kinds in it: `nn.conv2d+math.add+nn.relu`, `5 x (nn.gru_cell)`."""
    if isinstance(node.op, Fused):
        return joined(node.op.body)
    if isinstance(node.op, Scan):
        return f"{node.op.steps} x ({joined(node.op.body)})"
    return node.op.name


def joined(body: "Graph") -> str:
    kinds = [summary_of(node) for node in body.nodes]
    if len(kinds) <= MOST:
        return "+".join(kinds)
    return f"{'+'.join(kinds[: MOST - 1])}+... ({len(kinds)} ops)"


def visible(name: str) -> str:
    """A name from a model as it may be written to a terminal: control characters as IR text escapes them."""
    return name if name.isprintable() else quoted(name)[1:-1]


def short_name(name: str, most: int = 40) -> str:
    """A long path by its end: `.../block.0/Conv`."""
    if len(name) <= most:
        return name
    tail = name[-(most - 4) :]
    cut = tail.find("/")
    return f".../{tail[cut + 1 :]}" if 0 <= cut < len(tail) - 8 else f"...{tail}"


def kinds_in(module: "Module") -> dict[str, int]:
    """How many ops there are of each kind, most first."""
    found = Counter(node.op.name for node in module.graph.nodes)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def weights_of(module: "Module") -> tuple[int, int]:
    """Elements and bytes of all parameters, each once."""
    types = {node.op.ref: node.op.type for node in module.graph.nodes if isinstance(node.op, Param)}
    return sum(t.elements for t in types.values()), sum(-(-t.bits // 8) for t in types.values())


def work_of(node: "Node") -> int:
    """Multiply-accumulates of an op; a scan's body counts once a step."""
    if isinstance(node.op, Scan):
        return node.op.steps * sum(map(work_of, node.op.body.nodes))
    return macs(node)


def macs_of(module: "Module") -> int:
    return sum(map(work_of, module.graph.nodes))


def heading(module: "Module") -> str:
    """`65 ops: 35 ir.fused, ...; 301 M MACs; 3.5 M parameters, 14 MB`: parameters are not counted as ops."""
    kinds = {kind: count for kind, count in kinds_in(module).items() if kind != Param.name}
    shown = [f"{count} {kind}" for kind, count in list(kinds.items())[:MOST]]
    more = sum(list(kinds.values())[MOST:])
    listed = ", ".join([*shown, f"{more} more"] if more else shown)
    elements, size = weights_of(module)
    return (
        f"{sum(kinds.values())} ops: {listed or 'none'}; {quantity(macs_of(module), '')} MACs; "
        f"{quantity(elements, '')} parameters, {quantity(size, 'B')}"
    )
