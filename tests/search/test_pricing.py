import numpy as np

from gossamer.backends.systolic import backend
from gossamer.search.costs.columns import to_layers
from gossamer.search.costs.pricing import CostTable
from gossamer.search.space import CoDesignSpace


class Plain:
    """The same target through the seam every backend has."""

    name = "plain"
    hardware = backend.hardware
    cost = staticmethod(backend.cost)
    area_mm2 = staticmethod(backend.area_mm2)


def test_costs_are_sums_of_the_backends_own(space):
    genomes = space.sample(20, np.random.default_rng(0))
    costs = CostTable(space).costs(genomes)
    for place, genome in enumerate(genomes):
        own = backend.cost(space.layers_of(genome), [space.hardware(genome)])
        assert costs.latency_s[place] == sum(own.latency_s) and costs.energy_j[place] == sum(own.energy_j)
        assert costs.area_mm2[place] == backend.area_mm2(space.hardware(genome))
        assert costs.macs[place] == sum(layer.macs for layer in space.layers_of(genome))


def test_any_backend_can_be_priced(space):
    other = CoDesignSpace(space.architecture, space.precision, Plain())
    genomes = space.sample(20, np.random.default_rng(0))
    objects, columns = CostTable(other).costs(genomes), CostTable(space).costs(genomes)
    for name in ("latency_s", "energy_j", "area_mm2", "macs", "weight_bytes"):
        assert np.array_equal(getattr(objects, name), getattr(columns, name)), name


def test_what_was_priced_before_changes_no_number(space):
    """One design at a time, in another order, and all at once: the same costs."""
    genomes = space.sample(40, np.random.default_rng(1))
    once = CostTable(space).costs(genomes)
    table = CostTable(space)
    for place in (*range(39, -1, -1), 7):
        alone = table.costs(genomes[place : place + 1])
        assert alone.latency_s[0] == once.latency_s[place] and alone.energy_j[0] == once.energy_j[place]
        assert alone.area_mm2[0] == once.area_mm2[place]


def test_a_pair_is_priced_once(space):
    table = CostTable(space)
    genomes = space.sample(30, np.random.default_rng(0))
    first = table.costs(genomes)
    pairs, hits = table.pairs, table.hits
    again = table.costs(genomes[::-1])
    assert table.pairs == pairs and table.hits - hits == len(space.layers(genomes).flat()[0])
    assert (again.latency_s == first.latency_s[::-1]).all()


def test_the_table_outgrows_its_first_size(full_space):
    table = CostTable(full_space)
    for seed in range(3):
        table.costs(full_space.sample(120, np.random.default_rng(seed)))
    assert table.pairs > 4096
    genome = full_space.sample(1, np.random.default_rng(0))
    assert table.costs(genome).latency_s[0] == sum(
        backend.cost(to_layers(full_space.layers(genome).flat()[0]), [full_space.hardware(genome[0])]).latency_s
    )
