"""The walk over a module: one function, parameters as constants or arguments, fused nodes opened."""

import re
from collections.abc import Sequence

from gossamer.codegen.mlir.generic import lower_kernel
from gossamer.codegen.mlir.loop import scan
from gossamer.codegen.mlir.opaque import opaque
from gossamer.codegen.mlir.shapes import concatenated, reshaped
from gossamer.codegen.mlir.types import tensor_of
from gossamer.codegen.mlir.winograd import winograd
from gossamer.codegen.mlir.writer import Tensor, Writer
from gossamer.ir.errors import BackendError
from gossamer.ir.graph import Module, Node
from gossamer.ir.ops import Concat, Conv2d, Fused, Param, Reshape, Scan
from gossamer.ir.schedule import Schedule
from gossamer.ir.types import F32, Value

Known = dict[Value, Tensor]


def module_text(module: Module, weights_as_arguments: bool) -> str:
    """See `export_mlir`."""
    params = [n for n in module.graph.nodes if isinstance(n.op, Param)]
    missing = [n.op.ref for n in params if isinstance(n.op, Param) and n.op.ref not in module.params]
    if missing and not weights_as_arguments:
        raise BackendError(f"{module.name}: the module holds no weights for '{missing[0]}'; export them as arguments")
    given = [*module.graph.inputs, *(n.result for n in params if weights_as_arguments)]
    walk = _Walk(module)
    known = {v: Tensor(walk.writer.fresh(v.name), v.shape, v.dtype) for v in given}
    arguments = ", ".join(f"{known[v].name}: {_labelled(v)}" for v in given)
    walk.nodes(module.graph.nodes, known)
    outputs = [known[v] for v in module.graph.outputs]
    types = ", ".join(t.type for t in outputs)
    named = ", ".join(_labelled(v) for v in module.graph.outputs)
    walk.writer.line(f"return {', '.join(t.name for t in outputs)} : {types}")
    lines = [f"module @{_symbol(module.name)} {{", f"  func.func @main({arguments}) -> ({named}) {{"]
    return "\n".join([*lines, *walk.writer.lines, "  }", "}", *_resources(walk.writer)]) + "\n"


class _Walk:
    def __init__(self, module: Module) -> None:
        self.writer = Writer()
        self._params = module.params

    def nodes(self, nodes: Sequence[Node], known: Known) -> None:
        """Write nodes; `known` holds what is defined so far."""
        for node in nodes:
            if node.result in known:  # a parameter that is an argument
                continue
            operands = [known[v] for v in node.op.operands]
            found = self._node(node, operands, node.schedule)
            known.update(zip(node.results, found, strict=True))

    def _node(self, node: Node, operands: list[Tensor], schedule: Schedule | None) -> list[Tensor]:
        op, writer, name = node.op, self.writer, node.result.name
        if isinstance(op, Param):
            return [writer.constant(name, self._params[op.ref], op.type.dtype)]
        if isinstance(op, Fused):
            return self._fused(op, operands, schedule)
        if isinstance(op, Reshape) and op.shape and op.x.shape:  # xDSL knows no reshape of a scalar
            return [reshaped(writer, operands[0], op.shape, name)]
        if isinstance(op, Concat):
            return [concatenated(writer, operands, op.axis % len(node.result.shape), node.result.shape, name)]
        if isinstance(op, Scan):
            return scan(writer, op, operands, node.results, self.nodes)
        kernel = op.kernel()
        if isinstance(op, Conv2d) and schedule is not None and schedule.winograd_m is not None and op.x.dtype == F32:
            return [winograd(writer, op, schedule.winograd_m, operands, name)]
        if kernel is None:
            return opaque(writer, node, operands)
        return lower_kernel(writer, kernel, operands, [v.name for v in node.results])

    def _fused(self, op: Fused, operands: list[Tensor], schedule: Schedule | None) -> list[Tensor]:
        inner = dict(zip(op.body.inputs, operands, strict=True))
        anchor = op.anchor
        for node in op.body.nodes:
            found = self._node(node, [inner[v] for v in node.op.operands], schedule if node is anchor else None)
            inner.update(zip(node.results, found, strict=True))
        return [inner[v] for v in op.body.outputs]


def _symbol(name: str) -> str:
    clean = re.sub(r"[^A-Za-z0-9_$.]", "_", name)
    return clean if clean and not clean[0].isdigit() else f"net_{clean}"


def _labelled(value: Value) -> str:
    """Its type, and how the network calls it."""
    return f'{tensor_of(value.type)} {{gossamer.name = "{_quoted(value.name)}"}}'


def _quoted(text: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in text)


def _resources(writer: Writer) -> list[str]:
    """The contents of the constants, behind the module."""
    if not writer.resources:
        return []
    entries = ",\n".join(f'      {name}: "{data}"' for name, data in writer.resources.items())
    return ["", "{-#", "  dialect_resources: {", "    builtin: {", entries, "    }", "  }", "#-}"]
