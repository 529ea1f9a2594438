"""The walk over the operators. Every one that cannot be imported is found before anything is reported."""

import re
from collections.abc import Mapping, Sequence

from gossamer.frontends.problems import Problems, UnknownOperator, Unsupported
from gossamer.frontends.tflite import operators  # noqa: F401  (fills the table)
from gossamer.frontends.tflite.call import Call
from gossamer.frontends.tflite.read import DAMAGE, Network, Operator
from gossamer.frontends.tflite.scope import Lost, Placed, Scope
from gossamer.frontends.tflite.table import HANDLERS
from gossamer.frontends.tflite.tensors import Tensor
from gossamer.ir.errors import FrontendError, IRError, nearest
from gossamer.ir.graph import Graph, Module
from gossamer.ir.ops import Reshape
from gossamer.ir.types import Value


def import_network(network: Network, name: str, shapes: Mapping[str, Sequence[int]]) -> Module:
    """A network as a module called `name`. FrontendError, without the file's path."""
    scope = Scope(network)
    for number, shape in _input_shapes(network, shapes).items():
        tensor = network.tensors[number]
        scope.define(number, Placed(scope.builder.input(tensor.name, tensor.type.with_shape(shape))))
    _import_operators(network, scope)
    return Module(re.sub(r"\W", "_", name) or "model", _finished(network, scope), scope.params())


def _input_shapes(network: Network, shapes: Mapping[str, Sequence[int]]) -> dict[int, tuple[int, ...]]:
    tensors = {number: network.tensors[number] for number in network.inputs}
    names = [tensor.name for tensor in tensors.values()]
    for name in shapes:
        if name not in names:
            raise FrontendError(f"there is no input '{name}' to give a shape to{nearest(name, names)}")
    return {number: _shape(tensor, shapes.get(tensor.name)) for number, tensor in tensors.items()}


def _shape(tensor: Tensor, given: Sequence[int] | None) -> tuple[int, ...]:
    """The file's shape, or one that differs from it only where the file says that it may."""
    shape = tensor.type.shape
    if given is None:
        return shape
    fits = len(given) == len(shape) and all(
        g == e or (i in tensor.open_axes and g >= 1) for i, (g, e) in enumerate(zip(given, shape))
    )
    if not fits:
        wanted = "x".join("?" if i in tensor.open_axes else str(e) for i, e in enumerate(shape))
        found = "x".join(map(str, given))
        raise FrontendError(f"input '{tensor.name}' has shape {wanted} in the file, and {found} does not fit it")
    return tuple(given)


def _import_operators(network: Network, scope: Scope) -> None:
    problems = Problems()
    for operator in network.operators:
        results: tuple[Placed | None, ...] = (None,) * len(operator.outputs)
        title = network.tensors[operator.outputs[0]].name
        try:
            results = _import_operator(operator, scope, title)
        except UnknownOperator:
            problems.unknown(operator.name, title)
        except Unsupported as reason:
            problems.refused(title, operator.name, reason)
        except Lost:
            if operator.name not in HANDLERS:
                problems.unknown(operator.name, title)
        for number, result in zip(operator.outputs, results, strict=True):
            scope.define(number, result)
    problems.check()


def _import_operator(operator: Operator, scope: Scope, title: str) -> tuple[Placed, ...]:
    if operator.name not in HANDLERS:
        raise UnknownOperator(operator.name)
    try:
        result = HANDLERS[operator.name](Call(scope, operator))
    except IRError as error:
        raise Unsupported(str(error)) from error
    except FrontendError as error:
        raise FrontendError(f"{title} ({operator.name}): {error}") from error
    except DAMAGE as error:  # options that lead nowhere, operands of a shape that no converter writes
        raise FrontendError(f"{title} ({operator.name}): it is malformed: {error}") from error
    results = result if isinstance(result, tuple) else (result,)
    if len(results) != len(operator.outputs):
        found = f"it has {len(operator.outputs)} results and makes {len(results)}"
        raise FrontendError(f"{title} ({operator.name}): it is malformed: {found}")
    return results


def _finished(network: Network, scope: Scope) -> Graph:
    """The graph, its outputs in the file's layout and called what the file calls them."""
    outputs: dict[str, Value] = {}
    taken = {value.name for value in scope.builder.inputs}
    for number in network.outputs:
        name, value = network.tensors[number].name, scope.value(number)
        if value.name in taken or value.name in scope.param_names:
            value = scope.builder.add(Reshape(value, value.shape), name, label=name)
        taken.add(value.name)
        outputs[value.name] = value
    return scope.builder.finish(tuple(outputs.values()))
