"""Why a layer does not fit an array: what it needs, what there is, what would help."""

import numpy as np

from gossamer.backends.base import Infeasible
from gossamer.backends.systolic.columns import HardwareColumns, LayerColumns
from gossamer.backends.systolic.energy import Prices
from gossamer.backends.systolic.hardware import SystolicHardware
from gossamer.backends.systolic.tiled import sram_needs, work_of
from gossamer.ir.layer import Layer

SRAMS = ("ifmap_sram_bytes", "filter_sram_bytes", "ofmap_sram_bytes")


def why_not(where: str, layer: Layer, hardware: SystolicHardware) -> Infeasible:
    """For a layer that `price` says does not fit: multipliers too narrow, else SRAMs too small."""
    bits = max(layer.weight_bits, layer.activation_bits)
    if bits > hardware.pe_bits:
        wide = f"{layer.weight_bits}-bit weights by {layer.activation_bits}-bit activations"
        available = f"{hardware.pe_bits}-bit multipliers (pe_bits)"
        return Infeasible(where, f"multipliers for {wide}", available, _narrower(bits, hardware.pe_bits))
    needs = _least_needs(layer, hardware)
    sizes = [getattr(hardware, name) for name in SRAMS]
    short = [i for i in range(len(SRAMS)) if needs[i] > sizes[i]]
    return Infeasible(
        where,
        ", ".join(f"{SRAMS[i]} {needs[i]}" for i in short) + " for its smallest tile",
        ", ".join(f"{sizes[i]}" for i in short),
        "raise it, or make the array smaller",
    )


def _narrower(bits: int, pe_bits: int) -> str:
    quantise = f"quantize it (quantize{{bits={pe_bits}}})"
    widest = next(info.high for info in SystolicHardware.parameters() if info.name == "pe_bits")
    return f"{quantise} or raise pe_bits to {bits}" if widest is not None and bits <= widest else quantise


def _least_needs(layer: Layer, hardware: SystolicHardware) -> tuple[int, ...]:
    """Bytes in each SRAM of the candidate that overflows its SRAMs by the smallest factor."""
    layers, chips = LayerColumns.of([layer]), HardwareColumns.of([hardware])
    work = work_of(float(chips.dataflow[0]), layers, chips, Prices.of(chips), every=True)
    shape = (work.tm.shape[0], *work.tn.shape)
    found: list[np.ndarray] = []
    for depth in (work.p.k, *work.depths):
        parts = sram_needs(work, depth, np.ceil(work.p.k / depth))
        found.append(np.stack([np.broadcast_to(part, shape).reshape(-1) for part in parts], axis=1))
    needs = np.concatenate(found)
    over = (needs / [getattr(hardware, name) for name in SRAMS]).max(axis=1)
    return tuple(int(np.ceil(need)) for need in needs[over.argmin()])
