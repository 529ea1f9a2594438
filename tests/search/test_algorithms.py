import numpy as np
import pytest

from gossamer.backends.cpu import backend as cpu
from gossamer.backends.systolic import backend as systolic
from gossamer.ir.errors import SearchError
from gossamer.passes.pipeline import run_pipeline
from gossamer.search.algorithms import AlgorithmNames
from gossamer.search.costs.pricing import CostTable
from gossamer.search.lowered import BEFORE_QUANTIZE, _prices, with_schedules
from gossamer.search.product import Bits, Product
from gossamer.search.space import CoDesignSpace
from gossamer.search.spaces.mobilenet import MobileNet
from gossamer.search.spaces.nasbench201 import NasBench201

SMALL = NasBench201((1, 8, 8), 10, cells=1, width=16)


@pytest.fixture(scope="module")
def space() -> CoDesignSpace:
    return Product(algorithm=AlgorithmNames()).build(SMALL, cpu)


def test_only_layers_that_can_run_something_else_have_a_gene(space):
    """The stem, two 3x3 of a residual block less the strided one, and edges; no 1x1 alone, no classifier."""
    names = {item.name for item in space.algorithms.items}
    assert {"stem.algorithm", "residual1.conv2.algorithm", "stage1.cell1.conv0-1.algorithm"} <= names
    assert not {"residual1.conv1.algorithm", "residual1.down.algorithm", "classifier.algorithm"} & names
    assert space.algorithms.items[0].values == ("default", *(f"winograd{m}" for m in range(2, 7)))


def test_genes_of_layers_that_cannot_are_default(space):
    genome = np.ones(len(space.choices), np.int64)
    genome[:6] = SMALL.parse("|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|none~0|none~1|nor_conv_3x3~2|")
    values = space.decode(space.repair(genome[None])[0])
    assert values["stage1.cell1.conv0-1.algorithm"] == "winograd2"
    assert values["stage1.cell1.conv1-2.algorithm"] == "default"
    assert "stage1.cell1.conv0-2.algorithm" not in values


def test_the_search_prices_what_is_compiled(space):
    """The table's price is that of the lowered module, and the target lists what was asked for."""
    table = CostTable(space)
    genomes = space.sample(6, np.random.default_rng(0))
    latency = table.costs(genomes).latency_s
    hardware = cpu.hardware()
    for place, genome in enumerate(genomes):
        module = run_pipeline(SMALL.module(genome[:6]), BEFORE_QUANTIZE).with_hardware(hardware)
        asked = space.schedules(genome)
        scheduled = run_pipeline(with_schedules(module, asked), "tile{target=cpu}")
        found = {node.label: node.schedule for node in scheduled.graph.nodes if node.label in asked}
        assert {label: (s.algorithm, s.winograd_m) for label, s in asked.items()} == {
            label: (s.algorithm, s.winograd_m) for label, s in found.items()
        }
        assert _prices(space, genome, scheduled).latency_s.sum() == pytest.approx(latency[place], rel=1e-12)


def test_an_algorithm_changes_the_price(space):
    genome = np.zeros(len(space.choices), np.int64)
    genome[:6] = 3
    other = genome.copy()
    other[space.choices.places["stem.algorithm"]] = 1
    latency = CostTable(space).costs(np.stack([genome, other])).latency_s
    assert latency[0] != latency[1]


def test_in_integers_there_is_nothing_to_choose():
    """The CPU runs Winograd's algorithm on floats."""
    assert Product(Bits(), algorithm=AlgorithmNames()).build(MobileNet((1, 8, 8), 10), cpu).algorithms.items == ()


def test_mistakes_are_named():
    with pytest.raises(SearchError, match="algorithm: target 'systolic' cannot price algorithms per layer"):
        Product(algorithm=AlgorithmNames()).build(SMALL, systolic)
    with pytest.raises(SearchError, match="published tables cannot price"):
        Product(algorithm=AlgorithmNames()).build(SMALL, None)
    with pytest.raises(SearchError, match="lists no 'winograd7'; did you mean"):
        Product(algorithm=AlgorithmNames(("winograd7",))).build(SMALL, cpu)
