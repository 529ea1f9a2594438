"""The walk over an exported program. Every call that cannot be imported is found before anything is reported."""

import operator as python_operator
import re
from typing import Any, cast

import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, InputSpec, OutputKind
from torch.fx import Node
from torch.fx.node import map_arg

from gossamer.frontends.problems import Problems, UnknownOperator, Unsupported
from gossamer.frontends.torch import operators  # noqa: F401  (fills the table)
from gossamer.frontends.torch.call import Call, Site
from gossamer.frontends.torch.constants import folded
from gossamer.frontends.torch.export import functional
from gossamer.frontends.torch.rewrite import in_known_operators
from gossamer.frontends.torch.scope import Known, Scope
from gossamer.frontends.torch.table import Result, handler_of
from gossamer.frontends.torch.targets import IGNORED, bound, full_name, name_and_overload
from gossamer.frontends.torch.tensors import dtype_of
from gossamer.ir.errors import FrontendError, IRError
from gossamer.ir.graph import Module
from gossamer.ir.ops import Reshape
from gossamer.ir.types import TensorType, Value


class _Lost(Exception):
    """An argument comes from a call that could not be imported."""


def import_program(program: ExportedProgram, name: str) -> Module:
    """An exported program as a module called `name`."""
    program = functional(program)
    _check_signature(program)
    program = in_known_operators(program)
    scope, values, problems = Scope(), dict[Node, Any](), Problems()
    specs = {spec.arg.name: spec for spec in program.graph_signature.input_specs}
    for node in program.graph.nodes:
        if node.op == "placeholder":
            values[node] = _placeholder(node, specs[node.name], program, scope)
        elif node.op == "call_function":
            values[node] = _tried(node, values, scope, problems)
        elif node.op != "output" and node.users:
            raise FrontendError(f"the exported program holds a {node.op} ('{node.name}'), which is not supported")
    problems.check()
    outputs = _outputs(program, values, scope)
    return Module(re.sub(r"\W", "_", name), scope.builder.finish(outputs), scope.params())


def _check_signature(program: ExportedProgram) -> None:
    changed = [s.target for s in program.graph_signature.output_specs if s.kind != OutputKind.USER_OUTPUT]
    if changed:
        raise FrontendError(f"the program updates '{changed[0]}' when it runs; call model.eval() before exporting it")
    dynamic = [
        f"{node.name} ({', '.join(str(i) for i, n in enumerate(value.shape) if not isinstance(n, int))})"
        for node in program.graph.find_nodes(op="placeholder")
        if isinstance(value := node.meta.get("val"), torch.Tensor) and not all(isinstance(n, int) for n in value.shape)
    ]
    if dynamic:
        raise FrontendError(
            f"inputs have dynamic axes: {', '.join(dynamic)}, and every shape has to be known; "
            "export the model without dynamic_shapes"
        )


def _placeholder(node: Node, spec: InputSpec, program: ExportedProgram, scope: Scope) -> Any:
    if spec.kind == InputKind.USER_INPUT:
        value = node.meta.get("val")
        if not isinstance(value, torch.Tensor):
            return value
        kind = TensorType(dtype_of(value.dtype, f"input '{node.name}'"), tuple(value.shape))
        return scope.builder.input(node.name, kind)
    target = str(spec.target)
    if not node.users:
        return None
    tensor = program.state_dict.get(target, program.constants.get(target))
    if not isinstance(tensor, torch.Tensor):
        raise FrontendError(f"the exported program does not hold the tensor '{target}'")
    return Known(target, tensor, folds=spec.kind == InputKind.CONSTANT_TENSOR)


def _tried(node: Node, values: dict[Node, Any], scope: Scope, problems: Problems) -> Any:
    """The result of a call, None when it cannot be imported."""
    name, overload = name_and_overload(node.target)
    if name in IGNORED or not node.users:
        return None
    try:
        return _import_call(node, values, scope)
    except UnknownOperator as unknown:
        problems.unknown(str(unknown), _label(node) or node.name)
    except (Unsupported, IRError) as reason:
        problems.refused(_label(node) or node.name, name, reason)
    except _Lost:
        if node.target is not python_operator.getitem and handler_of(name, overload) is None:
            problems.unknown(full_name(node.target), _label(node) or node.name)
    return None


def _import_call(node: Node, values: dict[Node, Any], scope: Scope) -> Any:
    def known(item: Node) -> Any:
        if values[item] is None:
            raise _Lost
        return values[item]

    number = node.meta.get("val")
    if isinstance(number, (int, float)):  # an extent, say, which torch knows
        return number
    args = map_arg(node.args, known)
    kwargs = map_arg(node.kwargs, known)
    if node.target is python_operator.getitem:
        return _item(args[0], cast(int, args[1]))
    constant = folded(node, args, kwargs)
    if constant is not None:
        return constant
    name, overload = name_and_overload(node.target)
    handler = handler_of(name, overload)
    if handler is None:
        raise UnknownOperator(full_name(node.target))
    result: Result = handler(Call(scope, name, bound(node.target, args, kwargs), _site(node)))
    return result


def _site(node: Node) -> Site:
    def example(item: Node) -> Any:
        return item.meta.get("val")

    value = node.meta.get("val")
    results = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    arguments = bound(node.target, map_arg(node.args, example), map_arg(node.kwargs, example))
    return Site(node.name, _label(node), arguments, results)


def _label(node: Node) -> str:
    """Path of the torch module that made the call; empty for the outermost one."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return str(stack[-1][0]) if stack else ""


def _item(result: Any, index: int) -> Any:
    """One result of a call. Operators whose further results inference does not need give the first one alone."""
    if isinstance(result, tuple):
        return cast(tuple[Any, ...], result)[index]
    if index:
        raise Unsupported(f"result {index} of its operand is not supported, only result 0")
    return result


def _outputs(program: ExportedProgram, values: dict[Node, Any], scope: Scope) -> list[Value]:
    """What the program returns, in order; a tensor that is returned twice gets a second name by an op."""
    found: list[Value] = []
    for item in cast(tuple[Any, ...], program.graph.output_node().args[0]):
        value = values.get(item) if isinstance(item, Node) else item
        value = scope.known(value) if isinstance(value, Known) else value
        if not isinstance(value, Value):
            raise FrontendError(f"the program returns {value!r}, which is not a tensor; return tensors only")
        found.append(scope.builder.add(Reshape(value, value.shape), value.name) if value in found else value)
    if not found:
        raise FrontendError("the program returns nothing; return at least one tensor")
    return found
