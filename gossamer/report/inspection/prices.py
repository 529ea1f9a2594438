"""What one op is predicted to cost on every installed target, and why not where it does not fit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gossamer.ir.errors import GossamerError

if TYPE_CHECKING:
    from gossamer.backends.base import Backend, Infeasible
    from gossamer.ir.graph import Module, Node
    from gossamer.ir.hardware import Hardware
    from gossamer.ir.layer import Layer


@dataclass(frozen=True)
class Price:
    """One op on one target. `problem` says why it does not run there; None where the target cannot say a number."""

    latency_s: float | None = None
    energy_j: float | None = None
    utilization: float | None = None
    dram_bytes: float | None = None
    mapping: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Target:
    """An installed target with the hardware that prices are for: the module's own, else the default."""

    name: str
    backend: "Backend"
    hardware: "Hardware"


def targets_for(module: "Module") -> tuple[Target, ...]:
    """Every installed target that can be loaded."""
    from gossamer.ir.registry import BACKENDS

    found: list[Target] = []
    for name in BACKENDS.names():
        try:
            backend: Backend = BACKENDS.load(name)
            found.append(Target(name, backend, _hardware(backend, module)))
        except GossamerError:
            continue  # `gossamer targets` says what is wrong with it
    return tuple(found)


def _hardware(backend: "Backend", module: "Module") -> "Hardware":
    if isinstance(module.hardware, backend.hardware):
        return module.hardware
    # a target that is a machine at hand has a default_hardware of its own
    return getattr(backend, "default_hardware", backend.hardware)()


class Pricer:
    """Prices the ops of one target; equal layers once."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._known: dict[Layer, Price] = {}

    def prices(self, pairs: "Sequence[tuple[Node, Layer | None]]") -> tuple[Price | None, ...]:
        """One price an op, None for what costs nothing (a parameter, a view)."""
        self._learn([(node, layer) for node, layer in pairs if layer is not None and layer not in self._known])
        return tuple(None if layer is None else self._price(node, layer) for node, layer in pairs)

    def _price(self, node: "Node", layer: "Layer") -> Price:
        refused = self.target.backend.supports(node)
        return self._known[layer] if refused is None else Price(problem=reason(refused))

    def _learn(self, pairs: "list[tuple[Node, Layer]]") -> None:
        nodes = {layer: node for node, layer in pairs}
        if not nodes:
            return
        costs = self.target.backend.cost(list(nodes), [self.target.hardware])
        for i, (layer, node) in enumerate(nodes.items()):
            self._known[layer] = (
                Price(
                    _known(costs.latency_s[i]), _known(costs.energy_j[i]), _known(costs.utilization[i]),
                    _known(costs.dram_bytes[i]), costs.mappings[int(costs.mapping[i])],
                )
                if costs.fits[i]
                else Price(problem=self._why_not(node))
            )  # fmt: skip

    def _why_not(self, node: "Node") -> str:
        """Asks the target to build the op alone, which says what is missing."""
        from gossamer.backends.base import Infeasible

        try:
            answer = self.target.backend.compile(alone(node, self.target.hardware))
        except GossamerError as error:
            return str(error)
        return reason(answer) if isinstance(answer, Infeasible) else "does not fit"


def alone(node: "Node", hardware: "Hardware") -> "Module":
    """A module of one op, without its schedule; every operand is an input."""
    from dataclasses import replace

    from gossamer.ir.graph import Graph, Module

    inputs = tuple(dict.fromkeys(node.op.operands))
    return Module("alone", Graph(inputs, (replace(node, schedule=None),), node.results), hardware=hardware)


def reason(refused: "Infeasible") -> str:
    """What is missing, without saying again where."""
    return f"needs {refused.needed}, has {refused.available}; {refused.remedy}"


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
