"""The graph being built, its parameters, and tensors whose numbers are known when the network is imported."""

from dataclasses import dataclass

import torch

from gossamer.frontends.torch.tensors import array_of, dtype_of
from gossamer.ir.build import GraphBuilder
from gossamer.ir.graph import Array, Params
from gossamer.ir.ops import Param
from gossamer.ir.types import DType, TensorType, Value


@dataclass(frozen=True, eq=False)
class Known:
    """A parameter, or what was computed from nothing but constants; it becomes an `ir.param` when an op reads it."""

    name: str
    tensor: torch.Tensor
    folds: bool
    """Are calls on it computed at import? Not for weights, which keep the names that the user gave them."""


class Scope:
    """What importing functions add to."""

    def __init__(self) -> None:
        self.builder = GraphBuilder()
        self._arrays: dict[str, Array] = {}
        self._read: dict[Known, Value] = {}

    def known(self, item: Known) -> Value:
        """The parameter that holds a known tensor."""
        if item not in self._read:
            dtype = dtype_of(item.tensor.dtype, f"'{item.name}'")
            self._read[item] = self.param(item.name, array_of(item.tensor), dtype)
        return self._read[item]

    def param(self, name: str, array: Array, dtype: DType) -> Value:
        unique, serial = name, 1
        while unique in self._arrays:
            serial += 1
            unique = f"{name}.{serial}"
        self._arrays[unique] = array
        return self.builder.add(Param(unique, TensorType(dtype, array.shape)), unique, label=unique)

    def params(self) -> Params:
        return Params(self._arrays)
