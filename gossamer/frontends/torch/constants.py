"""Calls whose result does not depend on the network's inputs, computed at import by torch itself: masks, positions,
zeros like another tensor.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind
from torch.fx import Node
from torch.fx.node import map_aggregate

from gossamer.frontends.problems import Unsupported
from gossamer.frontends.torch.scope import Known
from gossamer.frontends.torch.targets import name_and_overload
from gossamer.ir.types import Value

_RANDOM = (
    "rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "bernoulli", "multinomial",
    "normal",
)  # fmt: skip
_FILLED = ("zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full", "new_empty")
"""Calls that take no more than shape and type from their tensor."""


def constant_nodes(program: ExportedProgram) -> set[Node]:
    """Nodes that `folded` will compute (or refuse), so that they need no importing function."""
    kinds = {spec.arg.name: spec.kind for spec in program.graph_signature.input_specs}
    found: set[Node] = set()
    for node in program.graph.nodes:
        if node.op == "placeholder" and kinds[node.name] == InputKind.CONSTANT_TENSOR:
            found.add(node)
        elif node.op == "call_function":
            filled = name_and_overload(node.target)[0] in (*_FILLED, *_RANDOM)
            number = isinstance(node.meta.get("val"), (int, float))
            if filled or number or all(item in found for item in node.all_input_nodes):
                found.add(node)
    return found


def folded(node: Node, args: Any, kwargs: Mapping[str, Any]) -> Known | tuple[Known, ...] | None:
    """The result of the call as a constant, None when it has to be computed at run time."""
    name, _ = name_and_overload(node.target)
    if name in _RANDOM:
        raise Unsupported("it draws random numbers, and a network has to give the same result every time")
    if name in _FILLED:
        # Computed on an example of the tensor's shape; meant for the device that the user had, so that is left out.
        example = node.all_input_nodes[0].meta["val"]
        plain = {key: item for key, item in kwargs.items() if key != "device"}
        return _computed(node, (torch.zeros(example.shape, dtype=example.dtype), *args[1:]), plain)
    if not all(isinstance(item, Known) and item.folds for item in _tensors((args, kwargs))):
        return None
    return _computed(node, args, kwargs)


def _computed(node: Node, args: Any, kwargs: Mapping[str, Any]) -> Known | tuple[Known, ...]:
    def plain(item: Any) -> Any:
        return item.tensor if isinstance(item, Known) else item

    target: Any = node.target
    with torch.no_grad():
        value = target(*map_aggregate(tuple(args), plain), **map_aggregate(dict(kwargs), plain))
    if isinstance(value, (tuple, list)):
        return tuple(Known(f"{node.name}.{i}", item, folds=True) for i, item in enumerate(value))
    if not isinstance(value, torch.Tensor):
        raise Unsupported("it computes something other than a tensor")
    return Known(node.name, value, folds=True)


def _tensors(arguments: Any) -> list[Value | Known]:
    found: list[Value | Known] = []

    def look(item: Any) -> Any:
        if isinstance(item, (Value, Known)):
            found.append(item)
        return item

    map_aggregate(arguments, look)
    return found
