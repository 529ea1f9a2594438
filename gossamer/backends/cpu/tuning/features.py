"""What a learned model may know of a scheduled layer: numbers by name, the same from every network and machine.

Counts, bytes and seconds are given as their base-2 logarithm (of one more, so that nothing is 0), the rest as it is.
"""

from collections.abc import Mapping
from math import ceil, log2

from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.ranking import plane, register_tile, terms_of
from gossamer.backends.cpu.schedules import step_cycles
from gossamer.backends.cpu.terms import PARTS
from gossamer.ir.analysis import bytes_read, bytes_written, layer
from gossamer.ir.graph import Node
from gossamer.ir.layer import Layer
from gossamer.ir.schedule import Schedule
from gossamer.ir.types import Value

Features = Mapping[str, float]

PREDICTED = "predicted_s"
"""The analytical model's seconds, as they are: a learned model corrects these."""

KINDS = ("conv", "gemm", "pool", "eltwise", "reduce", "move", "other")
COUNTS = ("n", "ic", "oc", "oh", "ow", "groups", "macs", "weight_elements", "input_elements", "output_elements")
PLAIN = ("kh", "kw", "stride_h", "stride_w", "weight_bits", "activation_bits", "output_bits", "operands")
MACHINE = ("cores", "lanes", "fma_units", "loads_per_cycle", "vector_registers", "int8_dot")
RATES = ("clock_hz", "l1_bytes", "l2_bytes", "l3_bytes", "l3_bytes_per_s", "dram_bytes_per_s")


def features_of(
    node: Node, schedule: Schedule, hardware: CpuHardware, params: set[Value] | frozenset[Value]
) -> Features:
    """Of one node in one schedule; {} where it has no signature. `params`: the operands that are weights."""
    signature = layer(node, params)
    if signature is None:
        return {}
    moved = {"bytes_read": _log(bytes_read(node)), "bytes_written": _log(bytes_written(node))}
    return {**_layer(signature), **moved, **_schedule(signature, schedule, hardware), **_hardware(hardware)}


def _layer(signature: Layer) -> dict[str, float]:
    counts = {name: _log(getattr(signature, name)) for name in COUNTS}
    plain = {name: float(getattr(signature, name)) for name in PLAIN}
    kind = {"kind": float(KINDS.index(signature.kind)), "depthwise": float(signature.depthwise)}
    return {**counts, **plain, **kind}


def _schedule(signature: Layer, schedule: Schedule, hardware: CpuHardware) -> dict[str, float]:
    terms = terms_of(signature, schedule, hardware)
    parts = {name: _log(1e9 * getattr(terms, name)) for name in PARTS}
    return {
        PREDICTED: terms.latency_s,
        **parts,
        "latency_ns": _log(1e9 * terms.latency_s),
        "winograd_m": float(schedule.winograd_m or 0),
        "im2col": float(schedule.algorithm == "im2col"),
        "chunked": float(any(len(t.sizes) > 1 for t in schedule.tile)),
        "unrolled": float(len(schedule.unroll)),
        **_tile(signature, schedule, hardware),
    }


def _tile(signature: Layer, schedule: Schedule, hardware: CpuHardware) -> dict[str, float]:
    """The register tile and what follows from it; of a schedule without one (Winograd's plan is the target's): of the
    smallest."""
    tile, (rows, pixels) = register_tile(signature, schedule, hardware), plane(signature)
    blocks = ceil(max(1, signature.oc // signature.groups) / hardware.lanes)
    steps = signature.ic // signature.groups * signature.kh * signature.kw
    slab = steps * tile.vectors * hardware.lanes * signature.weight_bits // 8
    cycles = step_cycles(blocks, max(1, rows), max(1, pixels), tile, slab, hardware)
    batch = signature.n * signature.groups if signature.kind == "conv" else signature.groups
    tasks = batch * ceil(blocks / tile.vectors) * ceil(rows / tile.rows)
    return {
        "vectors": float(tile.vectors),
        "rows": float(tile.rows),
        "pixels": float(tile.pixels),
        "steps_per_product": cycles.total,
        "tile_kinds": float(cycles.kinds),
        "slab_bytes": _log(slab),
        "tasks_per_core": _log(tasks / hardware.cores),
        "rounds_filled": tasks / hardware.cores / ceil(tasks / hardware.cores) if tasks else 0.0,
    }


def _hardware(hardware: CpuHardware) -> dict[str, float]:
    plain = {f"machine_{name}": float(getattr(hardware, name)) for name in MACHINE}
    return {**plain, **{f"machine_{name}": _log(getattr(hardware, name)) for name in RATES}}


def _log(number: float) -> float:
    return log2(1 + number)
