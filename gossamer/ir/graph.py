"""Graphs, nodes, parameters and modules: frozen values; a pass returns new ones and shares what it did not change.

Invariants (checked by `verify`): names are unique in a graph; every operand is defined before it is used; a node's
result types are what its op infers; every `ir.param` names a parameter of the module with that type.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.hardware import Hardware
from gossamer.ir.op import Op
from gossamer.ir.schedule import Schedule
from gossamer.ir.types import Value

Array: TypeAlias = NDArray[np.generic]
Source: TypeAlias = Array | Callable[[], Array]
"""An array, or what loads it."""


@dataclass(frozen=True)
class Node:
    """One statement: `results = op @schedule`. `label`: the name its source gave it (an ONNX node's, a module path)."""

    op: Op
    results: tuple[Value, ...]
    schedule: Schedule | None = None
    label: str = ""

    @property
    def result(self) -> Value:
        """The first result."""
        return self.results[0]

    @property
    def title(self) -> str:
        """How messages and tables call it."""
        return self.label or self.results[0].name


@dataclass(frozen=True)
class Graph:
    """Inputs, nodes in order of execution, outputs."""

    inputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Value, ...]

    @cached_property
    def producers(self) -> dict[Value, Node]:
        """Value -> the node that computes it (inputs are in no entry)."""
        return {value: node for node in self.nodes for value in node.results}

    @cached_property
    def users(self) -> dict[Value, tuple[Node, ...]]:
        """Value -> the nodes that read it, in order."""
        found: dict[Value, list[Node]] = {}
        for node in self.nodes:
            for value in dict.fromkeys(node.op.operands):
                found.setdefault(value, []).append(node)
        return {value: tuple(nodes) for value, nodes in found.items()}


class Params(Mapping[str, Array]):
    """Named arrays beside a graph, each loaded when first asked for. Immutable; `updated` gives one that shares."""

    def __init__(self, sources: Mapping[str, Source] = {}) -> None:
        self._sources = dict(sources)

    def __getitem__(self, name: str) -> Array:
        source = self._sources[name]
        if callable(source):
            source = self._sources[name] = source()
        return source

    def __contains__(self, name: object) -> bool:
        return name in self._sources  # Mapping's own would load the array

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    def loaded(self, name: str) -> Array | None:
        """The array, when it has been loaded already."""
        source = self._sources[name]
        return None if callable(source) else source

    def updated(self, changes: Mapping[str, Source]) -> "Params":
        return Params(self._sources | dict(changes))

    def only(self, names: set[str]) -> "Params":
        """Just these; unloaded ones stay unloaded."""
        return Params({name: source for name, source in self._sources.items() if name in names})


@dataclass(frozen=True)
class Module:
    """A network, its parameters and the hardware it is meant for.

    Equality compares name, graph and hardware; parameter contents are left out (the text form holds no weights).
    """

    name: str
    graph: Graph
    params: Params = field(default_factory=Params, compare=False, repr=False)
    hardware: Hardware | None = None

    def with_graph(self, graph: Graph, params: Params | None = None) -> "Module":
        return replace(self, graph=graph, params=self.params if params is None else params)

    def with_hardware(self, hardware: Hardware | None) -> "Module":
        return replace(self, hardware=hardware)

    def __str__(self) -> str:
        from gossamer.ir.text import print_module  # text imports this module

        return print_module(self)
