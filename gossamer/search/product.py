"""What is free besides the network, as options of a recipe: the sections `precision` and `hardware`.

    Product(Bits(weights=(4, 8)), hardware={"search": True}).build(MobileNet((1, 8, 8), 10), systolic)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from gossamer.backends.base import Backend
from gossamer.ir.errors import SearchError, nearest
from gossamer.search.algorithms import AlgorithmNames
from gossamer.search.choices import Choice, Choices
from gossamer.search.precision import BITS, Precision
from gossamer.search.space import CoDesignSpace, hardware_choices
from gossamer.search.spaces.base import NetworkSpace


@dataclass(frozen=True)
class Bits:
    """Bits to choose from, for the weights and for the inputs of every weighted layer, or once for the model."""

    per: Literal["layer", "model"] = "layer"
    weights: tuple[int, ...] = BITS
    activations: tuple[int, ...] = BITS

    def __post_init__(self) -> None:
        if not self.weights or not self.activations:
            raise SearchError("precision needs at least one number of bits for weights and for activations")
        Precision((), self.weights, self.activations)

    def of(self, network: NetworkSpace) -> Precision:
        """These bits for the layers of a network."""
        return Precision(network.slots, self.weights, self.activations, self.per)


@dataclass(frozen=True)
class Product:
    """`precision`: None for networks in float. `algorithm`: None where the target chooses for every layer; mappings
    (tiles, loop orders, dataflows) are always the best of each layer. `hardware`: `{search: true}` for everything the
    target lets be searched, or `{rows: [8, 16]}`; by default the target's own description, fixed.
    """

    precision: Bits | None = None
    hardware: Mapping[str, Any] = field(default_factory=dict[str, Any])
    algorithm: AlgorithmNames | None = None

    def build(self, network: NetworkSpace, backend: Backend | None) -> CoDesignSpace:
        """The product. SearchError: hardware without a backend, parameters it does not have."""
        chosen = self.precision
        bits = Precision(network.slots, ()) if chosen is None else chosen.of(network)
        algorithms = None if self.algorithm is None else self.algorithm.of(network, bits, backend)
        return CoDesignSpace(network, bits, backend, self._hardware(backend), algorithms)

    def _hardware(self, backend: Backend | None) -> Choices:
        if backend is None:
            if self.hardware:
                raise SearchError("hardware: published tables have none to search; name an installed target")
            return Choices(())
        every = {item.name: item for item in hardware_choices(backend.hardware).items}
        if self.hardware.get("search") is True:
            return Choices(tuple(every.values()))
        known = {info.name for info in backend.hardware.parameters()}
        for name in self.hardware:
            if name not in known and name != "search":
                raise SearchError(f"hardware: target '{backend.name}' has no parameter '{name}'{nearest(name, known)}")
        given = {name: value for name, value in self.hardware.items() if name != "search"}
        return Choices(tuple(Choice(f"hardware.{name}", _values(value)) for name, value in given.items()))


def _values(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else (given,)
