"""What a report is made of: plain frozen data, so that pages and tables need to know nothing of how a search works.

Units live in the names (`latency_s`); a page picks the prefix (ms, uJ) it shows them with. Invariant: every design has
a value for every objective.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gossamer.ir.hardware import Number
from gossamer.search.objectives import Objective


@dataclass(frozen=True)
class LayerRow:
    """One layer of a design on its hardware."""

    label: str
    kind: str
    shape: str
    weight_bits: int
    activation_bits: int
    macs: int
    latency_s: float
    energy_j: float
    stall_cycles: int
    dram_bytes: float
    utilization: float
    mapping: str


@dataclass(frozen=True)
class Design:
    """One returned design: its objectives re-costed through the full path, its layers and its IR.

    `chip` is its hardware in a few words.
    """

    name: str
    objectives: Mapping[str, float]
    network: Mapping[str, str]
    hardware: Mapping[str, Number]
    chip: str = ""
    layers: tuple[LayerRow, ...] = ()
    ir: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class SearchReport:
    """A whole search. `explored` holds a tuple of objective values per evaluated candidate, in order of evaluation."""

    title: str
    settings: Mapping[str, str]
    facts: Mapping[str, str]
    objectives: tuple[Objective, ...]
    designs: tuple[Design, ...]
    explored: tuple[tuple[float, ...], ...] = ()
    notes: tuple[str, ...] = field(default=())
