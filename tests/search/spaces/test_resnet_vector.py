"""The space `resnet-vector`: its size, its layers as lowered, branches that are what they stand for."""

import numpy as np
import pytest

from gossamer.ir.analysis import layers
from gossamer.ir.errors import SearchError
from gossamer.ir.reference import evaluate
from gossamer.passes.pipeline import run_pipeline
from gossamer.search.costs.columns import to_layers
from gossamer.search.lowered import BEFORE_QUANTIZE
from gossamer.search.spaces.blocks import BlockNetwork
from gossamer.search.spaces.blocks_residual import Residual
from gossamer.search.spaces.resnet_vector import ResNetVector

SMALL = ResNetVector(
    (1, 8, 8), 10, out_channels=(4, 8), kernels=(3, 4), main_blocks=(1, 2), residual_blocks=(1, 2), branches=(1, 3),
    widenings=(1, 1.5),
)  # fmt: skip


def test_size_of_the_table():
    assert ResNetVector().size == 121 * 5 * sum(3072**count for count in range(1, 6))
    assert SMALL.size == 2 * 2 * (32 + 32**2)


@pytest.mark.slow
def test_layers_are_those_of_the_module():
    genomes = SMALL.sample(30, np.random.default_rng(0))
    found = SMALL.shapes(SMALL.choices, genomes)
    for place, genome in enumerate(genomes):
        active = found.active[place] & [not slot.cast for slot in SMALL.slots]
        lowered = layers(run_pipeline(SMALL.module(genome), BEFORE_QUANTIZE))
        names = [slot.name for slot, there in zip(SMALL.slots, active) if there]
        assert names == [node.label for node, _ in lowered], SMALL.text(genome)
        assert to_layers(found.rows[place][active]) == tuple(layer for _, layer in lowered), SMALL.text(genome)


def test_texts_are_read_back():
    for genome in SMALL.sample(10, np.random.default_rng(1)):
        assert (SMALL.parse(SMALL.text(genome)) == genome).all()
    assert SMALL.text(SMALL.parse("out_channel0=4 kernel_size0=4 M=1 R1=2 B1=3 ConvBlock1=C widening1=1.5")) == (
        "out_channel0=4 kernel_size0=4 M=1 R1=2 B1=3 ConvBlock1=C widening1=1.5"
    )


def run(block, params, images):
    net = BlockNetwork((4, 6, 6), seed=1)
    module = net.finish("block", block.build(net, net.image, "block"))
    module = module.with_graph(module.graph, module.params.updated(params(module.params) if params else {}))
    return module, evaluate(module, {module.graph.inputs[0].name: images})[module.graph.outputs[0].name]


@pytest.mark.parametrize("kind", ["A", "B"])
def test_branches_side_by_side_are_their_sum(kind):
    """Three branches whose output convolutions are cut apart add up to the block's."""
    images = np.random.default_rng(0).normal(size=(1, 4, 6, 6)).astype(np.float32) + 3
    whole, result = run(Residual(kind, 3), None, images)
    last = "block.conv3.weight" if kind == "A" else "block.conv2.weight"
    width = whole.params[last].shape[1] // 3

    def only(branch):
        kept = whole.params[last].copy()
        kept[:, [c for c in range(3 * width) if c // width != branch]] = 0
        return lambda params: {last: kept}

    big = {"block.norm3.bias" if kind == "A" else "block.norm2.bias": np.full(4, 100, np.float32)}  # relu stays open
    _, result = run(Residual(kind, 3), lambda params: big, images)
    single = [run(Residual(kind, 3), lambda params, b=b: only(b)(params) | big, images)[1] for b in range(3)]
    rest = images + 100
    np.testing.assert_allclose(result - rest, sum(part - rest for part in single), rtol=1e-3, atol=1e-3)


def test_what_is_refused():
    with pytest.raises(SearchError, match="space 'resnet-vector': kinds = E is none of A, B, C, D"):
        ResNetVector(kinds=("A", "E"))
    with pytest.raises(SearchError, match="space 'resnet-vector': branches must be above 0, found 0"):
        ResNetVector(branches=(0, 1))
