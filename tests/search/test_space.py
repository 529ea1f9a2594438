import numpy as np
import pytest

from gossamer.backends.systolic import backend
from gossamer.ir.analysis import layers as layers_of
from gossamer.ir.errors import SearchError
from gossamer.passes.pipeline import run_pipeline
from gossamer.search.choices import Choice, Choices, Condition
from gossamer.search.costs.columns import macs, to_layers, to_rows, weight_bits
from gossamer.search.datasets.base import load_data
from gossamer.search.lower import build_module
from gossamer.search.lowered import BEFORE_QUANTIZE, _quantize, _quantized
from gossamer.search.space import CoDesignSpace, Precision, load_space
from gossamer.search.spaces.mobilenet import MobileNet

DEPTH = Choice("depth", (1, 2, 3))
KERNEL = Choice("kernel", (3, 5), when=(Condition("depth", (2, 3)),))
BITS = Choice("bits", (4, 8), when=(Condition("kernel", (5,)),))
LIST = Choices((DEPTH, KERNEL, BITS))


def test_inactive_genes_become_zero():
    repaired = LIST.repair(np.array([[0, 1, 1], [1, 1, 1], [2, 0, 1], [9, 9, -3]]))
    assert repaired.tolist() == [[0, 0, 0], [1, 1, 1], [2, 0, 0], [2, 1, 0]]


def test_decode_leaves_inactive_choices_out_and_encode_inverts():
    assert LIST.decode(np.array([0, 0, 0])) == {"depth": 1}
    genome = np.array([2, 1, 1])
    assert LIST.encode(LIST.decode(genome)).tolist() == genome.tolist()


def test_mistakes_in_choices_are_named():
    with pytest.raises(SearchError, match="'kernel' depends on 'depth', which must come before"):
        Choices((KERNEL, DEPTH))
    with pytest.raises(SearchError, match="two choices of the space are called 'depth'"):
        Choices((DEPTH, DEPTH))
    with pytest.raises(SearchError, match="choice 'bits' has a value twice: 4, 8, 4"):
        Choices((Choice("bits", (4, 8, 4)),))
    with pytest.raises(SearchError, match="did you mean 'kernel'"):
        LIST.encode({"kernl": 3})
    with pytest.raises(SearchError, match="kernel = 7 is none of 3, 5"):
        LIST.encode({"kernel": 7})


def test_repair_is_canonical(full_space):
    genomes = full_space.sample(200, np.random.default_rng(0))
    assert (full_space.repair(genomes) == genomes).all()
    for genome in genomes[:20]:
        assert (full_space.choices.encode(full_space.decode(genome)) == genome).all()


def test_equal_designs_have_equal_genomes(full_space):
    """Junk in inactive genes changes nothing."""
    rng = np.random.default_rng(1)
    for genome in full_space.sample(20, rng):
        junk = genome.copy()
        for place, item in enumerate(full_space.choices.items):
            if not full_space.choices.active(item.when, genome[None])[0]:
                junk[place] = rng.integers(0, len(item.values))
        assert (full_space.repair(junk[None])[0] == genome).all()


def test_bits_do_not_exceed_what_the_multipliers_take(full_space):
    genomes = full_space.sample(300, np.random.default_rng(2))
    for genome in genomes:
        widest = full_space.hardware(genome).pe_bits
        assert all(max(b.weight_bits, b.input_bits) <= max(widest, 4) for b in full_space.bits(genome).values())


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_layers_of_a_genome_equal_those_of_the_lowered_module(full_space, weights_of, seed):
    data = load_data("digits")
    corners = full_space.corners()
    genome = full_space.sample(1, np.random.default_rng(seed))[0] if seed else corners[len(corners) - 1]
    plan = full_space.architecture.plan(full_space.decode(genome))
    network = lambda images: build_module("net", plan, weights_of(plan), data.input_shape, images)  # noqa: E731
    module = _quantized(network, 1, _quantize(full_space, genome, network, data, 0))
    assert [layer for _, layer in layers_of(module)] == list(full_space.layers_of(genome))


def test_layers_of_a_float_space(weights_of):
    architecture = MobileNet((3, 32, 32), 10)
    space = CoDesignSpace(architecture, Precision(architecture.slots, ()), backend)
    for genome in space.sample(3, np.random.default_rng(0)):
        plan = architecture.plan(space.decode(genome))
        module = run_pipeline(build_module("net", plan, weights_of(plan), (3, 32, 32)), BEFORE_QUANTIZE)
        assert [layer for _, layer in layers_of(module)] == list(space.layers_of(genome))


def test_rows_and_layers_are_the_same_thing(full_space):
    rows, _ = full_space.layers(full_space.sample(5, np.random.default_rng(3))).flat()
    layers = to_layers(rows)
    assert (to_rows(layers) == rows).all()
    assert macs(rows).tolist() == [layer.macs for layer in layers]
    assert weight_bits(rows).tolist() == [layer.weight_elements * layer.weight_bits for layer in layers]


def test_corners_reach_both_ends(full_space):
    corners = full_space.corners()
    assert (corners == 0).all(axis=1).any()
    assert (
        (
            corners[:, -len(full_space.hardware_choices) :]
            == full_space.choices.sizes[-len(full_space.hardware_choices) :] - 1
        )
        .all(1)
        .any()
    )


def test_small_images_and_unknown_spaces_are_refused():
    with pytest.raises(SearchError, match="8x8 is the least"):
        load_space("mobilenet", backend, (1, 6, 6), 10)
