import numpy as np
import pytest

from gossamer.codegen.onnx import save_onnx
from gossamer.ir.analysis import layers as layers_of
from gossamer.ir.errors import FrontendError, SearchError
from gossamer.ir.ops.math import Mul
from gossamer.ir.ops.pooling import MaxPool2d
from gossamer.ir.ops.tensor import Concat
from gossamer.ir.reference import evaluate
from gossamer.passes.pipeline import run_pipeline
from gossamer.search.costs.columns import to_layers
from gossamer.search.lowered import BEFORE_QUANTIZE
from gossamer.search.precision import Precision
from gossamer.search.spaces.channels import Channels
from gossamer.search.spaces.cut import cut
from gossamer.search.spaces.drawn import DrawnNetwork
from gossamer.search.spaces.fixed import Fixed
from tests.search.joined import check_quantised_layers


def small_network():
    """Two residual branches (one depthwise), a gate, a concatenation that may not be cut, pooling, a classifier."""
    net = DrawnNetwork((2, 8, 8), seed=1)
    stem = net.relu(net.conv(net.image, "stem", 16, 3), "stem.relu")
    wide = net.relu(net.conv(stem, "expand", 32), "expand.relu")
    deep = net.conv(net.relu(net.conv(wide, "depthwise", 32, 3, groups=32), "depthwise.relu"), "project", 16)
    x = net.plus(stem, deep, "join")
    gate = net.conv(net.avg_pool(x, "gate.pool", 8, 1, 0), "gate", 16)
    x = net.add(MaxPool2d(net.add(Mul(x, gate), "gated"), (2, 2), (2, 2)), "pool")
    x = net.add(Concat((net.conv(x, "left", 8), net.conv(x, "right", 8)), 1), "both")
    x = net.mean(net.relu(net.conv(x, "head", 24), "head.relu"), "mean")
    return net.finish("small", net.linear(x, "classifier", 5))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("fixed") / "small.onnx"
    save_onnx(small_network(), path)
    return str(path)


def test_channels_that_are_added_go_together():
    groups = Channels(small_network().graph)
    makers = {name: [node.title for node in nodes] for name, nodes in groups.makers.items()}
    assert makers == {"stem": ["stem", "project", "gate"], "expand": ["expand"], "head": ["head"]}


def test_cutting_channels_that_are_nothing_changes_nothing():
    """Half of the channels of two groups are zero, here and there; the cut finds them."""
    module = small_network()
    groups = Channels(module.graph)
    changes = {}
    rng = np.random.default_rng(0)
    for makers in groups.makers.values():
        dead = rng.permutation(makers[0].result.shape[1])[::2]
        for node in makers:
            weight = module.params[f"{node.title}.weight"].copy()
            weight[dead] = 0
            changes[f"{node.title}.weight"] = lambda weight=weight: weight
    module = module.with_graph(module.graph, module.params.updated(changes))
    widths = {name: nodes[0].result.shape[1] // 2 for name, nodes in groups.makers.items()}
    smaller = cut(module, groups, widths)
    image = {"image": rng.random((1, 2, 8, 8), np.float32)}
    np.testing.assert_allclose(evaluate(smaller, image)["logits"], evaluate(module, image)["logits"], rtol=1e-4)
    shapes = [smaller.params[f"{name}.weight"].shape for name in ("stem", "project", "depthwise")]
    assert shapes == [(8, 2, 3, 3), (8, 16, 1, 1), (16, 1, 3, 3)]


def test_a_file_without_ratios_has_one_design(path):
    space = Fixed(path)
    assert (space.size, space.input_shape, space.classes) == (1, (2, 8, 8), 5)
    genome = space.sample(1, np.random.default_rng(0))[0]
    assert space.text(genome) == "" and len(space.parse("")) == 0
    assert space.features(genome[None]).shape == (1, 0)
    image = {"image": np.random.default_rng(0).random((1, 2, 8, 8), np.float32)}
    ours, original = evaluate(space.module(genome), image), evaluate(small_network(), image)
    np.testing.assert_allclose(ours["logits"], original["logits"], rtol=1e-4, atol=1e-5)


def test_layers_are_those_of_the_lowered_module(path):
    space = Fixed(path, ratios=(1.0, 0.6, 0.3), multiple=4)
    assert space.size == 3**3
    genomes = space.sample(8, np.random.default_rng(0))
    population = space.shapes(space.choices, genomes)
    for place, genome in enumerate(genomes):
        pairs = layers_of(run_pipeline(space.module(genome), BEFORE_QUANTIZE))
        assert [layer for _, layer in pairs] == list(to_layers(population.rows[place][1:]))
        assert [node.title for node, _ in pairs] == [slot.name for slot in space.slots[1:]]


@pytest.mark.parametrize("per", ["layer", "model"])
def test_layers_are_those_of_the_quantised_module(path, per):
    space = Fixed(path, ratios=(1.0, 0.5))
    check_quantised_layers(space, 4, Precision(space.slots, (3, 5), (4, 6, 9), per))


def test_widths_are_multiples_and_never_none(path):
    space = Fixed(path, ratios=(1.0, 0.01), multiple=4)
    module = space.module(np.ones(len(space.choices), np.int64))
    assert module.params["stem.weight"].shape[0] == 4


def test_mistakes_are_named(path, tmp_path):
    with pytest.raises(SearchError, match="has images of 2x8x8 and 5 classes, but 3x32x32 and 10 are asked for"):
        Fixed(path, input_shape=(3, 32, 32), classes=10)
    with pytest.raises(SearchError, match="ratios=1.5; a layer keeps more than 0 and at most 1"):
        Fixed(path, ratios=(1.5,))
    with pytest.raises(FrontendError, match="there is no such file"):
        Fixed(str(tmp_path / "none.onnx"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenet_v3", "shufflenet_v2", "squeezenet"])
def test_networks_of_the_zoo(name):
    pytest.importorskip("torch")
    space = Fixed(name, ratios=(1.0, 0.5), input_shape=(3, 64, 64))
    check_quantised_layers(space, 1, Precision(space.slots, (3, 5), (4, 6, 9)))


def test_ratios_that_round_to_one_width_are_one_choice(path):
    """16, 32 and 24 channels in steps of 16: nothing is left to cut of 16, and 24 are whole or 16."""
    space = Fixed(path, ratios=(1.0, 0.9, 0.75, 0.5), multiple=16)
    assert {item.name: item.values for item in space.choices.items} == {
        "expand.ratio": (1.0, 0.5), "head.ratio": (1.0, 0.9)
    }  # fmt: skip
    texts = {str(space.module(genome).graph) for genome in np.indices((2, 2)).reshape(2, -1).T}
    assert space.size == len(texts) == 4


def test_one_ratio_cuts_every_layer(path):
    space = Fixed(path, ratios=(0.5,))
    assert space.size == 1 and len(space.choices) == 3
    shapes = {node.label: node.result.shape for node in space.module(np.zeros(3, np.int64)).graph.nodes}
    assert shapes["stem"][1] == 8 and shapes["expand"][1] == 16
