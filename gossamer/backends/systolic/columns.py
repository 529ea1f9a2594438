"""Layers and hardware as columns: converted once, priced many times.

    layers = LayerColumns.of(layers)            # one row a layer
    chips = HardwareColumns.of(candidates)      # one row a chip
    costs = price(layers.take(which_layer), chips.take(which_chip))

Every column is float64, in which the integers met here (< 2**52) are exact and division is several times faster.
A layer is seen as `groups` products of an M x K by a K x N matrix: M = n oh ow, N = oc / groups, K = ic / groups kh kw.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gossamer.backends.systolic.hardware import DATAFLOWS, TECHNOLOGIES, SystolicHardware
from gossamer.ir.errors import BackendError
from gossamer.ir.hardware import Hardware
from gossamer.ir.layer import Layer

Column = NDArray[np.float64]

KINDS: tuple[str, ...] = ("conv", "gemm", "pool", "eltwise", "reduce", "move", "other")
"""Layer kinds; the position is the code in the column `kind`."""

_KIND_CODE = {kind: float(code) for code, kind in enumerate(KINDS)}
_DATAFLOW_CODE = {word: float(code) for code, word in enumerate(DATAFLOWS)}
_TECHNOLOGY_CODE = {word: float(code) for code, word in enumerate(TECHNOLOGIES)}


def _coded(name: str, column: Sequence[int | float | str]) -> Column:
    codes = {"dataflow": _DATAFLOW_CODE, "technology": _TECHNOLOGY_CODE}.get(name)
    if codes is not None:
        return np.array([codes[v] if isinstance(v, str) else float(v) for v in column], dtype=np.float64)
    return np.asarray(column, dtype=np.float64)


@dataclass(frozen=True)
class _Columns:
    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def take(self, rows: ArrayLike | slice) -> Self:
        """The rows at these positions (repeats allowed), or of a slice or boolean mask."""
        where = rows if isinstance(rows, slice) else np.asarray(rows)
        return type(self)(**{f.name: getattr(self, f.name)[where] for f in fields(self)})

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """The rows of several, one after the other."""
        return cls(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)})


@dataclass(frozen=True)
class LayerColumns(_Columns):
    """One row a layer; the names are those of `gossamer.ir.layer.Layer`, `kind` is a code (`KINDS`)."""

    kind: Column
    n: Column
    ic: Column
    ih: Column
    iw: Column
    oc: Column
    oh: Column
    ow: Column
    kh: Column
    kw: Column
    stride_h: Column
    stride_w: Column
    dilation_h: Column
    dilation_w: Column
    groups: Column
    weight_bits: Column
    activation_bits: Column
    output_bits: Column
    operands: Column

    @classmethod
    def of(cls, layers: Sequence[Layer]) -> "LayerColumns":
        """Columns of some layers, in order."""
        names = [f.name for f in fields(cls) if f.name != "kind"]
        table = np.array(list(map(_numbers(names), layers)), dtype=np.float64).reshape(len(layers), len(names))
        kind = np.array([_KIND_CODE[layer.kind] for layer in layers], dtype=np.float64)
        return cls(kind=kind, **{name: np.ascontiguousarray(table[:, i]) for i, name in enumerate(names)})

    @property
    def on_array(self) -> NDArray[np.bool_]:
        """Rows that are matrix products (conv, gemm); the rest use the vector lanes."""
        return self.kind <= _KIND_CODE["gemm"]

    @property
    def macs(self) -> Column:
        """Multiply-accumulates of conv and gemm rows (meaningless for the rest)."""
        return self.n * self.oc * self.oh * self.ow * (self.ic / self.groups) * self.kh * self.kw


@dataclass(frozen=True)
class HardwareColumns(_Columns):
    """One row a chip; names and units of `SystolicHardware`, `dataflow` and `technology` as codes."""

    rows: Column
    cols: Column
    dataflow: Column
    ifmap_sram_bytes: Column
    filter_sram_bytes: Column
    ofmap_sram_bytes: Column
    dram_bytes_per_s: Column
    clock_hz: Column
    pe_bits: Column
    technology: Column

    @classmethod
    def of(cls, chips: Sequence[Hardware]) -> "HardwareColumns":
        """Columns of some chips, in order. BackendError for another target's hardware."""
        other = next((chip for chip in chips if not isinstance(chip, SystolicHardware)), None)
        if other is not None:
            raise BackendError(f"hardware is for target '{other.target}', needed 'systolic'")
        return cls.of_values({f.name: [getattr(chip, f.name) for chip in chips] for f in fields(cls)})

    @classmethod
    def of_values(cls, values: Mapping[str, Sequence[int | float | str]]) -> "HardwareColumns":
        """Columns from lists of field values, words or codes; fields left out have defaults. Bounds are not checked."""
        length = max((len(column) for column in values.values()), default=1)
        default = SystolicHardware().values()
        found = {f.name: values.get(f.name, [default[f.name]] * length) for f in fields(cls)}
        return cls(**{name: _coded(name, column) for name, column in found.items()})

    @classmethod
    def of_columns(cls, columns: Mapping[str, Column]) -> "HardwareColumns":
        """Columns as they come, words as codes; fields left out have defaults."""
        length = max((len(column) for column in columns.values()), default=1)
        found = {name: columns.get(name, np.full(length, value)) for name, value in _DEFAULTS.items()}
        return cls(**found)


_DEFAULTS = {name: float(_coded(name, [value])[0]) for name, value in SystolicHardware().values().items()}


def _numbers(names: list[str]) -> "attrgetter[tuple[int, ...]]":
    return attrgetter(*names)
