import ast
import json
import os
from pathlib import Path

import numpy as np
import pytest

from gossamer.ir.analysis import layers as layers_of
from gossamer.ir.errors import SearchError
from gossamer.ir.ops.nn import Conv2d
from gossamer.ir.reference import evaluate
from gossamer.passes.pipeline import run_pipeline
from gossamer.search.costs.columns import to_layers
from gossamer.search.lower import INPUT, OUTPUT
from gossamer.search.lowered import BEFORE_QUANTIZE
from gossamer.search.spaces import nasbench201_cell as cell
from gossamer.search.spaces.nasbench201 import NasBench201

DATA = Path(os.environ.get("GOSSAMER_DATA", Path(__file__).parents[4] / "shared" / "data")) / "naslib_zero_cost"
BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
SMALL = NasBench201((1, 8, 8), 10, cells=2, width=4)


def test_arch_strings_are_read_back():
    space = NasBench201()
    assert space.size == 15625
    assert space.text(space.parse(BEST)) == BEST
    for genome in space.sample(50, np.random.default_rng(0)):
        assert (space.parse(space.text(genome)) == genome).all()


@pytest.mark.parametrize(
    "text, said",
    [
        ("|nor_conv_3x3~0|", "no arch string of NAS-Bench-201; needed"),
        (BEST.replace("skip_connect~0", "skip_connect~1"), "found 'skip_connect~1' where an operation and ~0 belong"),
        (BEST.replace("skip_connect", "skip_conect"), "no operation 'skip_conect'; did you mean 'skip_connect'?"),
    ],
)
def test_a_broken_arch_string_says_where(text, said):
    with pytest.raises(SearchError) as error:
        NasBench201().parse(text)
    assert said in str(error.value)


def test_sizes_of_images_are_checked():
    with pytest.raises(SearchError, match="images of 30x30; its two residual blocks need multiples of 4"):
        NasBench201((3, 30, 30))


@pytest.mark.parametrize(
    "data, side, classes", [("cifar10", 32, 10), ("cifar100", 32, 100), ("ImageNet16-120", 16, 120)]
)
def test_flops_and_parameters_are_the_published_ones(data, side, classes):
    if not DATA.is_dir():
        pytest.skip(f"the published tables are not at {DATA}")
    table = json.loads((DATA / "zc_nasbench201.json").read_text())[data]
    space = NasBench201((3, side, side), classes)
    theirs = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
    order = [theirs.index(edge) for edge in cell.EDGES]
    code = np.array([cell.SKIP, cell.NONE, cell.CONV3, cell.CONV1, cell.POOL])
    genomes = code[np.array([ast.literal_eval(arch) for arch in table])[:, order]]
    for counted, column in ((space.flops(genomes), "flops"), (space.parameters(genomes), "params")):
        assert (counted == [round(row[column]["score"] * 1e6) for row in table.values()]).all()


def test_flops_and_parameters_of_known_cells():
    """Numbers of NASLib's tables, for who has not got them."""
    space = NasBench201()
    none, conv = np.zeros((1, 6), np.int64), np.full((1, 6), cell.CONV3)
    assert space.parameters(none).tolist() == [73306] and space.parameters(conv).tolist() == [73306 + 6 * 243040]
    assert space.flops(none).tolist() == [7943872] and space.flops(conv).tolist() == [7943872 + 6 * 35819520]


def test_the_module_has_the_parameters_that_are_counted():
    space = NasBench201((3, 16, 16), 7, cells=1, width=4)
    for text in (BEST, BEST.replace("nor_conv_3x3", "nor_conv_1x1")):
        module = space.module(space.parse(text))
        counted = sum(a.size for name, a in module.params.items() if not name.endswith((".mean", ".variance")))
        assert space.parameters(space.parse(text)[None])[0] == counted


def test_dead_edges_are_pruned():
    genome = SMALL.parse("|none~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_1x1~0|nor_conv_3x3~1|none~2|")
    left = cell.pruned(genome[None])[0]
    assert SMALL.text(left) == "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"
    assert sum(isinstance(node.op, Conv2d) for node in SMALL.sketch(genome).graph.nodes) == 1


def test_a_cell_without_a_path_gives_a_constant():
    module = SMALL.module(np.zeros(6, np.int64))
    rng = np.random.default_rng(0)
    first, second = (evaluate(module, {INPUT: rng.random((1, 1, 8, 8), np.float32)})[OUTPUT] for _ in range(2))
    assert (first == second).all()


def test_layers_are_those_of_the_lowered_module():
    same = np.repeat([[cell.NONE], [cell.SKIP], [cell.CONV3]], 6, 1)
    genomes = np.concatenate([same, SMALL.sample(25, np.random.default_rng(1))])
    population = SMALL.shapes(SMALL.choices, genomes)
    present = population.active & ~np.array([slot.cast for slot in SMALL.slots])
    for place, genome in enumerate(genomes):
        pairs = layers_of(run_pipeline(SMALL.module(genome), BEFORE_QUANTIZE))
        lowered = {node.label: layer for node, layer in pairs}
        assert len(lowered) == len(pairs)
        names = [slot.name for slot, here in zip(SMALL.slots, present[place]) if here]
        shapes = to_layers(population.rows[place][present[place]])
        assert dict(zip(names, shapes)) == lowered, SMALL.text(genome)


def test_features_say_what_the_pruned_cell_is():
    space = NasBench201()
    rows = space.features(space.sample(300, np.random.default_rng(0)))
    assert rows.shape[1] == sum(space.groups) == 130 and np.isfinite(rows).all()
    one, other = (space.parse(text) for text in (
        "|none~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|none~1|none~2|",
        "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
    ))  # fmt: skip
    left, right = space.features(np.stack([one, other]))
    assert (left[30:65] == right[30:65]).all() and (left[:30] != right[:30]).any()
    assert left[70 + 4] == 1 and left[70 + 9] == 0  # the direct path is open, the one over node 1 is not
