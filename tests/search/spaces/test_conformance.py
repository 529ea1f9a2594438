"""What every space owes: canonical genomes, neighbours, crossover, text, features, exact size, networks, products."""

import time

import numpy as np
import pytest

from gossamer.backends.cpu import backend as cpu
from gossamer.backends.systolic import backend as systolic
from gossamer.codegen.onnx import save_onnx
from gossamer.ir.reference import evaluate
from gossamer.ir.registry import SPACES
from gossamer.ir.verify import verify
from gossamer.search.algorithms import AlgorithmNames
from gossamer.search.product import Bits, Product
from gossamer.search.spaces.drawn import DrawnNetwork
from gossamer.search.spaces.efficientnet import BlockStage
from gossamer.search.spaces.mobilenet import Stage
from gossamer.search.spaces.once_for_all import ElasticStage

STAGES = (ElasticStage(16, 1, 1, 2), ElasticStage(24, 2, 1, 2))
SMALL = {
    "accel-nasbench": {"widths": (16, 24), "depths": (1, 2), "strides": (1, 2), "stem": 8, "head": 16},
    "darts": {"cells": 3, "width": 4},
    "efficientnet": {"stages": (BlockStage(16, 1, 1), BlockStage(24, 1, 2)), "squeeze": (0,), "stem": 8, "head": 16},
    "fbnet": {"widths": (8, 16), "depths": (2, 2), "strides": (1, 2), "head": 16},
    "mobilenet": {"stem": (4, 8), "stages": (Stage((8, 12), 2, 2),), "head": (16,)},
    "nasbench-macro": {"width": 0.25},
    "nasbench201": {"cells": 1},
    "ofa-mobilenetv2": {"widths": (0.25, 0.5), "stages": STAGES},
    "ofa-mobilenetv3": {"widths": (0.25, 0.5), "stages": STAGES, "resolutions": (8, 16)},
    "proxylessnas": {"widths": (8, 16), "depths": (1, 2), "strides": (1, 2), "stem": (8, 8), "head": 16},
    "resnet-vector": {
        "out_channels": (8, 12), "kernels": (3,), "main_blocks": (1, 2), "residual_blocks": (1, 2),
        "branches": (1, 2), "widenings": (1, 2),
    },
    "shufflenetv2": {"depths": (1, 2), "widths": (16, 32), "head": 16},
}  # fmt: skip
"""Options that make a family small; a family that is not listed is checked at its defaults."""
WALKED = 1 << 16
"""Spaces with at most so many gene combinations are walked whole."""




def slow_for(*names):
    return [pytest.param(name, marks=[pytest.mark.slow] * (name in names)) for name in SPACES.names()]


@pytest.fixture(scope="module")
def onnx(tmp_path_factory):
    """A network of two layers that may be narrowed."""
    net = DrawnNetwork((3, 8, 8), seed=1)
    x = net.relu(net.conv(net.relu(net.conv(net.image, "stem", 16, 3), "relu1"), "middle", 24, 3, 2), "relu2")
    path = tmp_path_factory.mktemp("fixed") / "small.onnx"
    save_onnx(net.finish("small", net.linear(net.mean(x, "mean"), "classifier", 10)), path)
    return str(path)


@pytest.fixture(scope="module", params=SPACES.names())
def space(request, onnx):
    if request.param == "fixed":
        return SPACES.load("fixed")(model=onnx, ratios=(1.0, 0.5))
    return SPACES.load(request.param)(input_shape=(3, 8, 8), classes=10, **SMALL.get(request.param, {}))


def sampled(space, count, seed=0):
    return space.sample(count, np.random.default_rng(seed))


def distinct(genomes):
    return len(np.unique(genomes, axis=0)) == len(genomes)


def rows(genomes):
    return {tuple(genome) for genome in genomes.tolist()}


def check_canonical(space):
    """Samples, and whatever is repaired, stay as they are; what was given is not written to."""
    genomes = sampled(space, 60)
    assert genomes.shape == (60, len(space.choices)) and genomes.dtype == np.int64
    assert (sampled(space, 60) == genomes).all()
    assert len(rows(genomes)) > 1 and (sampled(space, 60, seed=1) != genomes).any()
    given = np.random.default_rng(1).integers(-2, space.choices.sizes + 2, (60, len(space.choices)))
    for raw in (genomes, given):
        before = raw.copy()
        once = space.repair(raw)
        assert (raw == before).all()
        assert (space.repair(once) == once).all() and (once >= 0).all() and (once < space.choices.sizes).all()
    assert (space.repair(genomes) == genomes).all()


def check_text(space, count=60):
    """One text a design, one design a text."""
    genomes = np.unique(sampled(space, count), axis=0)
    texts = [space.text(genome) for genome in genomes]
    assert len(set(texts)) == len(genomes)
    for genome, text in zip(genomes, texts):
        parsed = space.parse(text)
        assert (parsed == genome).all() and parsed.shape == genome.shape and "\n" not in text


def check_features(space):
    genomes = np.unique(sampled(space, 60), axis=0)
    features = space.features(genomes)
    assert features.shape == (len(genomes), sum(space.groups)) and features.dtype == np.float64
    assert np.isfinite(features).all() and min(space.groups) > 0
    assert distinct(features), "two designs look the same to a model"
    assert (space.features(genomes[3:5]) == features[3:5]).all()


def test_genomes_are_canonical(space):
    check_canonical(space)


def test_text_and_parse_are_inverse(space):
    check_text(space)


def test_features_are_finite_and_grouped(space):
    check_features(space)


def test_neighbours_are_the_designs_one_gene_away(space):
    for genome in sampled(space, 5):
        found = space.choices.neighbours(genome)
        assert distinct(found) and (found != genome).any(axis=1).all() and (space.repair(found) == found).all()
        changed = [
            np.where(np.arange(len(genome)) == place, gene, genome)
            for place, size in enumerate(space.choices.sizes)
            for gene in range(size)
        ]
        assert rows(found) == rows(space.repair(np.stack(changed))) - rows(genome[None])


def test_children_take_every_gene_from_a_parent(space):
    left, right = sampled(space, 40, seed=2), sampled(space, 40, seed=3)
    children = space.choices.crossover(left, right, np.random.default_rng(4))
    assert (space.repair(children) == children).all()
    inherited = (children == left) | (children == right)
    for place, item in enumerate(space.choices.items):
        assert inherited[space.choices.active(item.when, children), place].all()
    assert (space.choices.crossover(left, left, np.random.default_rng(4)) == left).all()


def test_the_size_is_the_number_of_designs(space):
    """Walked whole where that is possible; of the others no more than there are combinations of genes."""
    size = space.size
    assert isinstance(size, int) and 1 <= size <= space.choices.designs
    if space.choices.designs <= WALKED:
        every = np.indices(tuple(space.choices.sizes)).reshape(len(space.choices), -1).T
        assert size == len(np.unique(space.repair(every), axis=0))


def test_any_genome_is_a_network(space):
    """It verifies, says the same for the same seed, and gives one finite number per class."""
    genomes = sampled(space, 2, seed=5)
    ends = space.repair(np.stack([np.zeros(len(space.choices), np.int64), space.choices.sizes - 1]))
    for genome in (genomes[0], *ends):
        module = space.module(genome, seed=1)
        verify(module)
        verify(space.sketch(genome))
        (image,) = module.graph.inputs
        x = np.random.default_rng(0).normal(size=image.shape).astype(np.float32)
        (found,) = evaluate(module, {image.name: x}).values()
        assert image.shape[1] == 3 and found.shape == (1, 10) and np.isfinite(found).all()


@pytest.mark.slow
@pytest.mark.parametrize("per", ["layer", "model"])
def test_products_with_bits_and_hardware(space, per):
    """Weights and inputs apart, everything that a systolic array lets be searched."""
    product = Product(Bits(per, (4, 8), (4, 6, 8)), {"search": True}).build(space, systolic)
    check_product(product)
    assert any(name.endswith("weight_bits") for name in product.choices.places)
    assert any(name.startswith("hardware.") for name in product.choices.places)


@pytest.mark.parametrize("space", slow_for("darts"), indirect=True)  # lowers every cell it meets
def test_products_with_algorithms(space):
    check_product(Product(algorithm=AlgorithmNames()).build(space, cpu))


def check_product(product):
    check_canonical(product)
    check_text(product, count=20)
    check_features(product)
    assert product.choices.count() >= product.architecture.size
    genomes = sampled(product, 8)
    population = product.layers(genomes)
    assert population.rows.shape[:2] == population.active.shape == (8, len(product.architecture.slots))
    assert population.active.any(axis=1).all()
    assert all(product.layers_of(genome) for genome in genomes)


@pytest.mark.parametrize("name", slow_for("resnet-vector", "fixed"))  # seconds to build, not to count
def test_published_sizes_are_counted_at_once(name):
    """At its defaults, and with bits for every layer."""
    space = SPACES.load(name)()
    product = Product(Bits(weights=(4, 8), activations=(4, 8))).build(space, None)
    start = time.perf_counter()
    assert product.choices.count() >= space.size >= (1 if name == "fixed" else 1000)
    assert time.perf_counter() - start < 1.0
