"""Importing nodes one after the other. Every node that cannot be imported is found before anything is reported.

A node is folded where all of its operands are known, else imported by the function that the table has for its operator,
else by the body that the standard defines for it, whose nodes come back here.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from onnx import FunctionProto, GraphProto, NodeProto, TypeProto

from gossamer.frontends.onnx import operators  # noqa: F401  (fills the table)
from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.fold import FOLDED, foldable, folded
from gossamer.frontends.onnx.functions import Body, body_of, has_body, local_body
from gossamer.frontends.onnx.renaming import Renaming
from gossamer.frontends.onnx.scope import Lost, Scope
from gossamer.frontends.onnx.table import HANDLERS, Result
from gossamer.frontends.onnx.tensors import Constant, Item, constant_of, narrow, onnx_type, read_tensor
from gossamer.frontends.problems import Problems, UnknownOperator, Unsupported
from gossamer.ir.errors import FrontendError, IRError

_DEPTH_MAX = 24
_NODES_MAX = 20_000
"""Loops are unrolled and functions call functions, so a few bytes could ask for any number of nodes."""
_BYTES_MAX = 1 << 29
"""Of those nodes: every turn of a loop has a copy of the constants in its body."""


class Walk:
    """What importing a node needs to know, and what could not be imported so far."""

    def __init__(
        self, scope: Scope, opsets: Mapping[str, int], folder: Path, functions: Sequence[FunctionProto] = ()
    ) -> None:
        self.scope, self.folder, self.problems = scope, folder, Problems()
        self._functions = {(f.domain, f.name): f for f in functions}
        self._opsets, self._depth, self._count, self._bytes = dict(opsets), 0, 0, 0

    def nodes(self, nodes: Sequence[NodeProto]) -> None:
        """Import nodes and define their outputs; what fails is noted, and what needs it is left out."""
        for node in nodes:
            results = self._noted(node)
            for output, result in zip(node.output, results, strict=False):
                if output:
                    self.scope.define(output, result)

    def graph(self, graph: GraphProto, given: Sequence[Item], node: NodeProto) -> tuple[str, ...]:
        """Import an inner graph of `node` whose inputs are `given`: the names of its outputs."""
        renaming = self._renaming(node)
        if len(graph.input) > len(given) or graph.sparse_initializer:
            raise FrontendError(f"its inner graph is malformed: it has {len(graph.input)} inputs, needed {len(given)}")
        for info, item in zip(graph.input, given):
            self.scope.define(renaming.define(info.name), item)
        for tensor in graph.initializer:
            self.scope.define(renaming.define(tensor.name), read_tensor(tensor, self.folder))
        self._inside([renaming.node(inner, {}) for inner in graph.node], self._opsets)
        return tuple(renaming.look(info.name) for info in graph.output)

    def _renaming(self, node: NodeProto) -> Renaming:
        stem = next((name for name in node.output if name), node.op_type)
        return Renaming(self.scope.reserve, stem, title(node))

    def _inside(self, nodes: Sequence[NodeProto], opsets: Mapping[str, int]) -> None:
        self._count += len(nodes) + 1  # a loop may have an empty body
        self._bytes += sum(node.ByteSize() for node in nodes)
        if self._bytes > _BYTES_MAX:
            raise FrontendError(f"its inner nodes and their copies take more than {_BYTES_MAX} bytes")
        if self._depth >= _DEPTH_MAX or self._count > _NODES_MAX:
            found = f"{_DEPTH_MAX} functions and graphs deep, or {_NODES_MAX} nodes"
            raise FrontendError(f"it is nested more than {found}; export the model without its control flow")
        outer, self._opsets, self._depth = self._opsets, dict(opsets), self._depth + 1
        try:
            self.nodes(nodes)
        finally:
            self._opsets, self._depth = outer, self._depth - 1

    def _noted(self, node: NodeProto) -> tuple[Item | None, ...]:
        nothing: tuple[Item | None, ...] = (None,) * len(node.output)
        try:
            return self._imported(node)
        except UnknownOperator as operator:
            self.problems.unknown(str(operator), title(node))
        except Unsupported as reason:
            self.problems.refused(title(node), node.op_type, reason)
        except Lost:
            if self._unknown(node):
                self.problems.unknown(_operator(node), title(node))
        return nothing

    def _imported(self, node: NodeProto) -> tuple[Item | None, ...]:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            return (read_tensor(node.attribute[0].t, self.folder, node.output[0]),)
        try:
            found = self._folded(node)
            if found is not None:
                return found
            if (function := self._functions.get((node.domain, node.op_type))) is not None:
                return self._bodied(local_body(function, node, self._renaming(node)), node)
            handler = HANDLERS.get((domain_of(node), node.op_type))
            if handler is None:
                return self._through_body(node)
            result: Result = handler(Call(self.scope, node, self._opsets.get("", 1), self))
        except IRError as error:
            raise Unsupported(str(error)) from error
        except FrontendError as error:
            raise FrontendError(_placed(node, error)) from error
        except (ValueError, LookupError, TypeError, ArithmeticError) as error:  # operands of a shape no exporter writes
            raise FrontendError(f"{title(node)} ({node.op_type}): it is malformed: {error}") from error
        return result if isinstance(result, tuple) else (result,)

    def _folded(self, node: NodeProto) -> tuple[Constant, ...] | None:
        """The node's outputs when they follow from small constants; None when the table has to deal with it."""
        if domain_of(node) or not node.input or not all(self.scope.known(i) for i in node.input if i):
            return None
        items = [self.scope.look(i) if i else None for i in node.input]
        constants = [item if isinstance(item, Constant) else None for item in items]
        known = (domain_of(node), node.op_type) in HANDLERS
        if not foldable(node.op_type, sum(c.type.elements for c in constants if c), known):
            return None
        arrays = [c and narrow(c.numbers(), c.type.dtype) for c in constants]
        results = tuple(constant_of(array) for array in folded(node, self._opsets.get("", 1), arrays))
        self.scope.count_made(sum(c.type.elements for c in results))
        return results

    def _through_body(self, node: NodeProto) -> tuple[Item | None, ...]:
        """Import what the standard says the operator is made of."""
        if self._unknown(node):
            raise UnknownOperator(_operator(node))
        if not has_body(node, self._opsets):
            open_ones = [i for i in node.input if i and not self.scope.known(i)]
            raise Unsupported(self.scope.unknown(open_ones[0]) if open_ones else "its operands are too large")
        types = [onnx_type(self.scope.look(i).type) if i else TypeProto() for i in node.input]
        body = body_of(node, self._opsets, types, self._renaming(node))
        if body is None:
            raise Unsupported("the ONNX standard defines no body for this use of it")
        return self._bodied(body, node)

    def _bodied(self, body: Body, node: NodeProto) -> tuple[Item | None, ...]:
        self._inside(body.nodes, body.opsets)
        return tuple(self.scope.withdraw(name) if name else None for name in node.output)

    def _unknown(self, node: NodeProto) -> bool:
        if (node.domain, node.op_type) in self._functions:
            return False
        if (domain_of(node), node.op_type) in HANDLERS or has_body(node, self._opsets):
            return False
        return bool(domain_of(node)) or node.op_type not in FOLDED


def _placed(node: NodeProto, error: FrontendError) -> str:
    """The error with the node in front, once: the nodes of a body carry the name of the node it stands for."""
    where = f"{title(node)} ("
    return str(error) if str(error).startswith(where) else f"{where}{node.op_type}): {error}"


def domain_of(node: NodeProto) -> str:
    return "" if node.domain == "ai.onnx" else node.domain


def _operator(node: NodeProto) -> str:
    return f"{domain_of(node)}:{node.op_type}" if domain_of(node) else node.op_type


def title(node: NodeProto) -> str:
    """What messages call a node: its name, or its first output's."""
    return node.name or next((o for o in node.output if o), "unnamed")
