import ast
import json
import os
from math import prod
from pathlib import Path

import numpy as np
import pytest

from gossamer.ir.analysis import layers as layers_of
from gossamer.ir.errors import SearchError
from gossamer.ir.ops.structure import Param
from gossamer.passes.pipeline import run_pipeline
from gossamer.search.costs.columns import macs, to_layers
from gossamer.search.lowered import BEFORE_QUANTIZE
from gossamer.search.precision import Precision
from gossamer.search.spaces.darts import Darts
from gossamer.search.spaces.darts_text import NODES, pairs
from tests.search.joined import check_quantised_layers

DATA = Path(os.environ.get("GOSSAMER_DATA", Path(__file__).parents[4] / "shared" / "data")) / "naslib_zero_cost"
V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], "
    "normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), "
    "('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], "
    "reduce_concat=[2, 3, 4, 5])"
)
"""The authors' second-order result, as published in their code."""
SMALL = Darts((1, 8, 8), 10, cells=3, width=4)


def test_the_published_network_has_its_published_parameters():
    """3.3 M; the authors' test script prints 3.349342 MB for it."""
    space = Darts()
    genome = space.parse(V2)
    nodes = space.module(genome).graph.nodes
    trained = (n for n in nodes if isinstance(n.op, Param) and not n.result.name.endswith((".mean", ".variance")))
    assert sum(prod(node.result.shape) for node in trained) == 3_349_342
    population = space.shapes(space.choices, genome[None])
    assert macs(population.flat()[0]).sum() == 528_359_040


def test_parameters_of_nas_bench_301_are_the_published_ones():
    """8 cells of 32 channels, in NASLib's tables, where batch norms on edges have no scale and shift."""
    if not DATA.is_dir():
        pytest.skip(f"the published tables are not at {DATA}")
    table = json.loads((DATA / "zc_nasbench301.json").read_text())["cifar10"]
    space = Darts(cells=8, width=32)
    for arch, row in list(table.items())[::60]:
        cells = [_genes(cell) for cell in ast.literal_eval(arch)]
        nodes = space.module(np.concatenate(cells)).graph.nodes
        params = {n.result.name: prod(n.result.shape) for n in nodes if isinstance(n.op, Param)}
        counted = sum(size for name, size in params.items() if not name.endswith((".mean", ".variance")))
        edges = {name: size for name, size in params.items() if ".edge" in name}
        without = sum(size for name, size in edges.items() if name.endswith((".bn.scale", ".bn.bias")))
        assert counted - without == round(row["params"]["score"] * 1e6)


def _genes(cell):
    """From NASLib's (node, operation) pairs; its operations are in our order."""
    genes = []
    for node in range(NODES):
        (left, first), (right, second) = sorted(cell[2 * node : 2 * node + 2], key=lambda edge: edge[0])
        genes += [pairs(node).index((left, right)), first, second]
    return np.array(genes)


def test_size_is_the_published_one():
    """2.2 of the paper: about 10^9 cells, 10^18 networks."""
    assert SMALL.size == (1 * 3 * 6 * 10 * 7**8) ** 2


def test_genotypes_are_read_back():
    for genome in SMALL.sample(30, np.random.default_rng(0)):
        assert (SMALL.parse(SMALL.text(genome)) == genome).all()
    assert (SMALL.parse(V2) == SMALL.parse(SMALL.text(SMALL.parse(V2)))).all()


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("('dil_conv_3x3', 2)]", "]", "has 7 edges for 'normal', needed 8"),
        ("'skip_connect', 0", "'skip', 0", "normal cell, node 4: no operation 'skip'; did you mean 'skip_connect'?"),
        ("[('sep_conv_3x3', 0)", "[('sep_conv_3x3', 1)", "normal cell, node 2 reads nodes 1 and 1"),
        ("('skip_connect', 2), ('max_pool_3x3', 1), ", "('skip_connect', 3), ('max_pool_3x3', 1), ", "of 0 to 2"),
    ],
)
def test_a_broken_genotype_says_where(old, new, said):
    with pytest.raises(SearchError) as error:
        SMALL.parse(V2.replace(old, new, 1))
    assert said in str(error.value)


def test_impossible_networks_are_refused():
    with pytest.raises(SearchError, match="cells=2; two of them are reductions"):
        Darts(cells=2)
    with pytest.raises(SearchError, match="width must be even"):
        Darts(width=15)
    with pytest.raises(SearchError, match="images of 30x30; its two reductions need multiples of 4"):
        Darts((3, 30, 30))


@pytest.mark.parametrize("space", [SMALL, Darts((2, 8, 12), 5, cells=5, width=6)])
def test_layers_are_those_of_the_lowered_module(space):
    genomes = space.sample(4, np.random.default_rng(0))
    population = space.shapes(space.choices, genomes)
    present = population.active & ~np.array([slot.cast for slot in space.slots])
    for place, genome in enumerate(genomes):
        pairs = layers_of(run_pipeline(space.module(genome), BEFORE_QUANTIZE))
        names = [slot.name for slot, here in zip(space.slots, present[place]) if here]
        shapes = to_layers(population.rows[place][present[place]])
        assert dict(zip(names, shapes)) == {node.label: layer for node, layer in pairs}
        assert len(names) == len(pairs)


@pytest.mark.slow
def test_layers_are_those_of_the_quantised_module():
    check_quantised_layers(SMALL, 2, Precision(SMALL.slots, (3, 5), (4, 6, 9)))


def test_an_addition_to_a_max_pool_runs_inside_the_pool_on_integers_too():
    both = "('sep_conv_3x3', 0), ('sep_conv_3x3', 1)"
    design = SMALL.parse(V2.replace(both, both.replace("sep_conv_3x3', 1", "max_pool_3x3', 1"), 1))
    precision = Precision(SMALL.slots, (3, 5), (4, 6, 9))
    check_quantised_layers(SMALL, 1, precision, design=design)
    here = SMALL.shapes(SMALL.choices, design[None]).active[0]
    assert "cell1.node2.add" not in {slot.name for slot, active in zip(SMALL.slots, here) if active}


def test_the_sketch_has_both_cells():
    labels = {node.label for node in SMALL.sketch(SMALL.parse(V2)).graph.nodes}
    assert {"normal.node2.edge1.a", "normal.node5.edge2.b", "reduce.node2.edge1.pool", "reduce.join"} <= labels
