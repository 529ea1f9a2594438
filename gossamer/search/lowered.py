"""A chosen design through the full path: IR, passes, the backend's own compile, the integer meaning of its ops."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from gossamer.backends.base import Artifact, Infeasible
from gossamer.ir.analysis import layers as layers_of
from gossamer.ir.errors import SearchError
from gossamer.ir.graph import Array, Module
from gossamer.ir.reference import evaluate
from gossamer.passes.calibrate import calibrate
from gossamer.passes.pipeline import parse_pipeline, run_pipeline
from gossamer.passes.quantize import Quantize
from gossamer.search.choices import Genomes
from gossamer.search.datasets.base import Dataset, Images
from gossamer.search.lower import INPUT, OUTPUT, build_module
from gossamer.search.result import LayerCost
from gossamer.search.space import CoDesignSpace

BEFORE_QUANTIZE = "fold-constants,simplify,fold-bn,dce,fuse"
HELD_OUT_IMAGES = 2000
"""At most so many held-out images are run through the reference per design."""
BATCH = 128


@dataclass(frozen=True)
class Lowered:
    """`module` carries the target's schedules, `plain` none (any target can take it); `artifact` is what the target
    made.
    """

    module: Module
    plain: Module
    artifact: Artifact
    layers: tuple[LayerCost, ...]
    metrics: dict[str, float]


def lower(
    space: CoDesignSpace, genome: Genomes, weights: Mapping[str, Array], data: Dataset, name: str
) -> "Lowered | Infeasible":
    """Build, quantise, compile and measure one design."""
    hardware = space.hardware(genome)
    if hardware is None:
        raise SearchError(f"{name}: its hardware values exclude each other")
    quantize = _quantize(space, genome, weights, data, name)
    plain = _quantized(space, genome, weights, data, name, 1, quantize)
    module = run_pipeline(plain.with_hardware(hardware), f"tile{{target={space.backend.name}}}")
    artifact = space.backend.compile(module)
    if isinstance(artifact, Infeasible):
        return artifact
    layers = _layer_costs(space, module)
    metrics = _metrics(space, genome, artifact, layers)
    metrics["accuracy"] = measured_accuracy(
        lambda batch: _quantized(space, genome, weights, data, name, batch, quantize), data.held_out
    )
    return Lowered(module, plain, artifact, layers, metrics)


def _float_module(
    space: CoDesignSpace, genome: Genomes, weights: Mapping[str, Array], data: Dataset, name: str, batch: int
) -> Module:
    plan = space.plan(genome)
    return run_pipeline(build_module(name, plan, weights, data.input_shape, batch), parse_pipeline(BEFORE_QUANTIZE))


def _quantize(
    space: CoDesignSpace, genome: Genomes, weights: Mapping[str, Array], data: Dataset, name: str
) -> Quantize | None:
    """The pass with this design's bits and with ranges observed on the calibration images; None in a float space."""
    bits = space.bits(genome)
    if not bits:
        return None
    images = data.calibration
    ranges = calibrate(_float_module(space, genome, weights, data, name, len(images)), {INPUT: images})
    layers = tuple((slot, f"w{found.weight_bits}a{found.input_bits}") for slot, found in bits.items())
    return Quantize(bits=8, layers=layers, method="minmax").calibrated(ranges)


def _quantized(
    space: CoDesignSpace,
    genome: Genomes,
    weights: Mapping[str, Array],
    data: Dataset,
    name: str,
    batch: int,
    quantize: Quantize | None,
) -> Module:
    module = _float_module(space, genome, weights, data, name, batch)
    return module if quantize is None else run_pipeline(module, (quantize,))


def measured_accuracy(build: Callable[[int], Module], images: Images) -> float:
    """Fraction of images that the module classifies right, by the reference. `build` gives the module for a batch
    size.
    """
    images = images.first(HELD_OUT_IMAGES)
    modules: dict[int, Module] = {}
    right = 0
    for start in range(0, len(images), BATCH):
        part = images.take(np.arange(start, min(start + BATCH, len(images))))
        if len(part) not in modules:
            modules[len(part)] = build(len(part))
        logits = evaluate(modules[len(part)], {INPUT: part.floats()})[OUTPUT]
        right += int((logits.argmax(axis=1) == part.labels).sum())
    return right / len(images)


def _layer_costs(space: CoDesignSpace, module: Module) -> tuple[LayerCost, ...]:
    pairs = layers_of(module)
    assert module.hardware is not None
    costs = space.backend.cost([layer for _, layer in pairs], [module.hardware])
    return tuple(
        LayerCost(
            node.title,
            layer,
            float(costs.latency_s[i]),
            float(costs.energy_j[i]),
            int(costs.compute_cycles[i]),
            int(costs.stall_cycles[i]),
            float(costs.sram_bytes[i]),
            float(costs.dram_bytes[i]),
            float(costs.utilization[i]),
            costs.mappings[int(costs.mapping[i])],
        )
        for i, (node, layer) in enumerate(pairs)
    )


def _metrics(
    space: CoDesignSpace, genome: Genomes, artifact: Artifact, layers: tuple[LayerCost, ...]
) -> dict[str, float]:
    """An artifact that prices itself is believed; for any other its layers' costs are added up."""
    latency = float(getattr(artifact, "latency_s", None) or sum(layer.latency_s for layer in layers))
    energy = float(getattr(artifact, "energy_j", None) or sum(layer.energy_j for layer in layers))
    hardware = space.hardware(genome)
    area = None if hardware is None else space.backend.area_mm2(hardware)
    bits = sum(layer.layer.weight_elements * layer.layer.weight_bits for layer in layers)
    return {
        "latency_s": latency,
        "energy_j": energy,
        "area_mm2": float("nan") if area is None else area,
        "edp_js": latency * energy,
        "macs": float(sum(layer.layer.macs for layer in layers)),
        "weight_bytes": bits / 8,
    }
