"""The invariant of joined networks: shapes and bits give the layers of the quantised module, whatever the genome."""

import numpy as np

from gossamer.ir.analysis import layers as layers_of
from gossamer.search.batches import with_batch
from gossamer.search.choices import Genomes
from gossamer.search.costs.columns import to_layers
from gossamer.search.lowered import _quantize, _quantized
from gossamer.search.precision import Precision
from gossamer.search.space import CoDesignSpace
from gossamer.search.spaces.base import NetworkSpace


def check_quantised_layers(
    network: NetworkSpace, count: int, precision: Precision, seed: int = 0, design: Genomes | None = None
) -> None:
    """`design`: the network's own genes in all of them."""
    space = CoDesignSpace(network, precision, None)
    genomes = space.sample(count, np.random.default_rng(seed))
    if design is not None:
        genomes[:, : len(design)] = design
        genomes = space.repair(genomes)
    population = space.layers(genomes)
    for place, genome in enumerate(genomes):
        expected = to_layers(population.rows[place][population.active[place]])
        assert sorted(map(str, expected)) == sorted(map(str, quantised_layers(space, genome))), space.text(genome)


def quantised_layers(space: CoDesignSpace, genome: Genomes):
    module = space.architecture.module(genome[: len(space.architecture.choices)])

    def network(batch: int):
        return module if batch == 1 else with_batch(module, batch)

    quantize = _quantize(space, genome, network, None, 0)
    return [layer for _, layer in layers_of(_quantized(network, 1, quantize))]
