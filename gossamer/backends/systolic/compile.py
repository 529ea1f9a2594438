"""A module for an array: every layer priced with the mapping its schedule asks for, or the best one."""

from dataclasses import replace

import numpy as np

from gossamer.backends.base import Infeasible
from gossamer.backends.systolic.artifact import LayerReport, SystolicArtifact
from gossamer.backends.systolic.columns import HardwareColumns, LayerColumns
from gossamer.backends.systolic.hardware import SystolicHardware
from gossamer.backends.systolic.infeasible import why_not
from gossamer.backends.systolic.model import price
from gossamer.backends.systolic.schedules import chosen_mapping
from gossamer.ir.analysis import layers as layers_of
from gossamer.ir.errors import BackendError
from gossamer.ir.graph import Module, Node
from gossamer.ir.layer import Layer

FREE = -1


def compile_module(module: Module) -> SystolicArtifact | Infeasible:
    """The module on its hardware (the default array where it names none). Raises BackendError for another target's."""
    hardware = module.hardware or SystolicHardware()
    if not isinstance(hardware, SystolicHardware):
        raise BackendError(f"{module.name}: its hardware is for target '{hardware.target}', needed 'systolic'")
    pairs = layers_of(module)
    wanted = [_wanted(node, layer, hardware) for node, layer in pairs]
    refused = next((item for item in wanted if isinstance(item, Infeasible)), None)
    if refused is not None:
        return refused
    reports = _priced(pairs, hardware, np.array(wanted, dtype=np.int64))
    if isinstance(reports, Infeasible):
        return reports
    return SystolicArtifact(replace(module, hardware=hardware), hardware, reports)


def _wanted(node: Node, layer: Layer, hardware: SystolicHardware) -> int | Infeasible:
    if node.schedule is None or layer.kind not in ("conv", "gemm"):
        return FREE
    if max(layer.weight_bits, layer.activation_bits) > hardware.pe_bits:
        return why_not(node.title, layer, hardware)
    return chosen_mapping(layer, node.schedule, hardware, node.title)


def _priced(
    pairs: tuple[tuple[Node, Layer], ...], hardware: SystolicHardware, wanted: np.ndarray
) -> tuple[LayerReport, ...] | Infeasible:
    if not pairs:
        return ()
    costs = price(LayerColumns.of([layer for _, layer in pairs]), HardwareColumns.of([hardware]), wanted)
    for i, (node, layer) in enumerate(pairs):
        if not costs.fits[i]:
            return why_not(node.title, layer, hardware)
    return tuple(LayerReport.of(node, layer, costs, i) for i, (node, layer) in enumerate(pairs))
