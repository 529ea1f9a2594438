"""What a search returns: frozen records."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gossamer.ir.hardware import Hardware, Number
from gossamer.ir.layer import Layer
from gossamer.search.objectives import Objective


@dataclass(frozen=True)
class LayerCost:
    """One layer of a returned design on its hardware."""

    title: str
    layer: Layer
    latency_s: float
    energy_j: float
    compute_cycles: int
    stall_cycles: int
    sram_bytes: float
    dram_bytes: float
    utilization: float
    mapping: str


@dataclass(frozen=True)
class Design:
    """One returned design.

    `metrics`: measured on the lowered design, through the full path: costs by `backend.compile`, accuracy by the IR's
    integer meaning on the held-out images. `searched`: what the search believed (accuracy on validation images).
    `files` are relative to `folder`; `notes` say what could not be written.
    """

    name: str
    metrics: Mapping[str, float]
    searched: Mapping[str, float]
    network: Mapping[str, Number]
    hardware: Hardware
    layers: tuple[LayerCost, ...]
    ir: str
    folder: Path
    files: tuple[str, ...]
    notes: tuple[str, ...] = ()
    genome: tuple[int, ...] = ()


@dataclass(frozen=True)
class Run:
    """A finished (or interrupted) search. `front`: the returned designs, best accuracy first.

    `explored`: the objectives of every evaluation in order (infinite where it does not fit). `hypervolume` is the part
    of the box between the front's best values and `reference` that the front found by the search covers.
    """

    folder: Path
    settings: Mapping[str, str]
    facts: Mapping[str, str]
    objectives: tuple[Objective, ...]
    front: tuple[Design, ...]
    explored: tuple[tuple[float, ...], ...]
    evaluations: int
    front_size: int
    hypervolume: float
    reference: Mapping[str, float]
    seconds: float
    interrupted: bool = False
    notes: tuple[str, ...] = ()
