"""The evaluator `haq`: latency of MobileNetV2 by bits."""

import numpy as np
import pytest

from gossamer.ir.errors import SearchError
from gossamer.search.evaluators import Context
from gossamer.search.published.haq import BITS, LAYERS, PLACE, Haq
from gossamer.search.space import CoDesignSpace, Precision
from gossamer.search.spaces.nasbench_macro import NasBenchMacro
from gossamer.search.spaces.once_for_all import ElasticStage, OfaMobileNetV2

DEPTHS = ((24, 2, 2), (32, 2, 3), (64, 2, 4), (96, 1, 3), (160, 2, 3), (320, 1, 1))
STAGES = tuple(ElasticStage(width, stride, depth, depth) for width, stride, depth in DEPTHS)
MOBILENET = OfaMobileNetV2(
    (3, 224, 224), 100, kernels=(3,), expansions=(6,), widths=(1.0,), resolutions=(224,), stages=STAGES
)


def start(space, bits, folder, silent):
    product = CoDesignSpace(space, Precision(space.slots, bits), None)
    return product, Haq().start(Context(product, 0, "", folder, silent))


@pytest.fixture
def table(tmp_path, monkeypatch):
    """1000 layer + 10 weight bits + activation bits."""
    monkeypatch.setenv("GOSSAMER_DATA", str(tmp_path))
    layer, weights, inputs = np.indices((LAYERS, BITS, BITS))
    (tmp_path / PLACE).parent.mkdir()
    np.save(tmp_path / PLACE, 1000 * layer + 10 * (weights + 1) + inputs + 1)
    return 1000 * sum(range(LAYERS))


def test_bits_pick_latencies(table, tmp_path, silent):
    space, haq = start(MOBILENET, (2, 8), tmp_path, silent)
    genomes = space.repair(np.zeros((3, len(space.choices)), np.int64))
    genomes[1, -1] = 1  # the input of the last layer
    genomes[2, len(MOBILENET.choices) :] = 1
    found = haq.evaluate(space.repair(genomes))["haq_latency"]
    assert found.tolist() == [table + 53 * 22, table + 53 * 22 + 6, table + 53 * 88]


def test_float_networks_have_none(table, tmp_path, silent):
    space, haq = start(MOBILENET, (), tmp_path, silent)
    assert np.isnan(haq.evaluate(np.zeros((1, len(space.choices)), np.int64))["haq_latency"]).all()


def test_other_networks_are_refused(table, tmp_path, silent):
    with pytest.raises(SearchError, match="haq: the table has 53 layers, those of MobileNetV2, and networks of 'nasb"):
        start(NasBenchMacro(), (8,), tmp_path, silent)


def test_fewer_bits_are_faster(published, tmp_path, silent):
    space, haq = start(MOBILENET, (2, 4, 8), tmp_path, silent)
    genomes = space.sample(50, np.random.default_rng(0))
    wider = genomes.copy()
    wider[:, len(MOBILENET.choices) :] = 2
    assert (haq.evaluate(genomes)["haq_latency"] < haq.evaluate(space.repair(wider))["haq_latency"]).all()
