"""A chosen design through the full path: IR, passes, the backend's own compile, the integer meaning of its ops."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.base import Artifact, Infeasible, LayerCosts
from gossamer.ir.analysis import layers as layers_of
from gossamer.ir.errors import SearchError
from gossamer.ir.graph import Module
from gossamer.ir.reference import evaluate
from gossamer.ir.schedule import Schedule
from gossamer.passes.calibrate import calibrate
from gossamer.passes.pipeline import parse_pipeline, run_pipeline
from gossamer.passes.quantize import Quantize
from gossamer.search.choices import Genomes
from gossamer.search.datasets.base import Dataset, Images
from gossamer.search.result import LayerCost
from gossamer.search.space import CoDesignSpace

BEFORE_QUANTIZE = "fold-constants,simplify,fold-bn,dce,fuse"
HELD_OUT_IMAGES = 2000
"""At most so many held-out images are run through the reference per design."""
BATCH = 128
NOISE_IMAGES = 8

Network: TypeAlias = Callable[[int], Module]
"""The network of a design, in float, for so many images at once."""


@dataclass(frozen=True)
class Lowered:
    """`module` carries the target's schedules, `plain` none (any target can take it); `artifact` is what the target
    made: None, and no costs, in a search over tables alone.
    """

    module: Module
    plain: Module
    artifact: Artifact | None
    layers: tuple[LayerCost, ...]
    metrics: dict[str, float]


def lower(
    space: CoDesignSpace, genome: Genomes, network: Network, data: Dataset | None, seed: int, measure: bool
) -> "Lowered | Infeasible":
    """Quantise, compile and price one design. `measure`: its accuracy on the held-out images of `data` too."""
    quantize = _quantize(space, genome, network, data, seed)
    plain = _quantized(network, 1, quantize)
    found = Lowered(plain, plain, None, (), {}) if space.target is None else _compiled(space, genome, plain)
    if measure and data is not None and isinstance(found, Lowered):
        found.metrics["accuracy"] = measured_accuracy(
            lambda batch: _quantized(network, batch, quantize), data.held_out
        )
    return found


def _compiled(space: CoDesignSpace, genome: Genomes, plain: Module) -> "Lowered | Infeasible":
    hardware = space.hardware(genome)
    if hardware is None:
        raise SearchError(f"{plain.name}: its hardware values exclude each other")
    asked = with_schedules(plain.with_hardware(hardware), space.schedules(genome))
    module = run_pipeline(asked, f"tile{{target={space.backend.name}}}")
    artifact = space.backend.compile(module)
    if isinstance(artifact, Infeasible):
        return artifact
    layers = _layer_costs(space, genome, module)
    return Lowered(module, plain, artifact, layers, _metrics(space, genome, artifact, layers))


def with_schedules(module: Module, schedules: Mapping[str, Schedule]) -> Module:
    """Statements by label are to run as these schedules say."""
    if not schedules:
        return module
    found = (replace(n, schedule=schedules[n.label]) if n.label in schedules else n for n in module.graph.nodes)
    return module.with_graph(replace(module.graph, nodes=tuple(found)))


def _float_module(network: Network, batch: int) -> Module:
    return run_pipeline(network(batch), parse_pipeline(BEFORE_QUANTIZE))


def _quantize(
    space: CoDesignSpace, genome: Genomes, network: Network, data: Dataset | None, seed: int
) -> Quantize | None:
    """The pass with this design's bits and with ranges observed on the calibration images (where there are none, on
    noise); None in a float space.
    """
    bits = space.bits(genome)
    if not bits:
        return None
    _, c, h, w = network(1).graph.inputs[0].shape  # of this design: its resolution may be one of its choices
    images = noise((c, h, w), seed) if data is None else data.calibration
    module = _float_module(network, len(images))
    ranges = calibrate(module, {module.graph.inputs[0].name: images})
    layers = tuple((slot, f"w{found.weight_bits}a{found.input_bits}") for slot, found in bits.items())
    return Quantize(bits=8, layers=layers, method="minmax").calibrated(ranges)


def noise(shape: tuple[int, int, int], seed: int) -> NDArray[np.float32]:
    """Images that stand in for data where a search has none: uniform in 0 .. 1."""
    return np.random.default_rng(seed).random((NOISE_IMAGES, *shape), np.float32)


def quantized(
    space: CoDesignSpace, genome: Genomes, network: Network, data: Dataset | None, seed: int, batch: int
) -> Module:
    """The network of one design in its bits, for `batch` images, as returned designs are quantised."""
    return _quantized(network, batch, _quantize(space, genome, network, data, seed))


def _quantized(network: Network, batch: int, quantize: Quantize | None) -> Module:
    module = _float_module(network, batch)
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
        module = modules[len(part)]
        logits = evaluate(module, {module.graph.inputs[0].name: part.floats()})[module.graph.outputs[0].name]
        right += int((logits.argmax(axis=1) == part.labels).sum())
    return right / len(images)


def _layer_costs(space: CoDesignSpace, genome: Genomes, module: Module) -> tuple[LayerCost, ...]:
    pairs = layers_of(module)
    costs = _prices(space, genome, module)
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


def _prices(space: CoDesignSpace, genome: Genomes, module: Module) -> LayerCosts:
    assert module.hardware is not None
    pairs = layers_of(module)
    layers = [layer for _, layer in pairs]
    if space.algorithms is None:
        return space.backend.cost(layers, [module.hardware])
    asked = space.schedules(genome)
    return space.algorithms.backend.cost_as(layers, [asked.get(node.label) for node, _ in pairs], [module.hardware])


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
