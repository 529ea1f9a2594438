"""The evaluators `counts` and `linear-energy`."""

import numpy as np
import pytest

from gossamer.ir.analysis import layers
from gossamer.ir.errors import SearchError
from gossamer.passes.pipeline import run_pipeline
from gossamer.search.costs.counts import Counts
from gossamer.search.costs.linear_energy import LinearEnergy
from gossamer.search.evaluators import Context
from gossamer.search.lowered import BEFORE_QUANTIZE
from gossamer.search.space import CoDesignSpace, Precision
from gossamer.search.spaces.nasbench201 import NasBench201
from gossamer.search.spaces.proxylessnas import ProxylessNAS

SMALL = ProxylessNAS((3, 16, 16), 5, widths=(16, 24), depths=(2, 1), strides=(2, 1), stem=(8, 8), head=16)


def evaluate(part, space, genomes, tmp_path, silent):
    product = CoDesignSpace(space, Precision((), ()), None)
    return part.start(Context(product, 0, "", tmp_path, silent)).evaluate(genomes)


def test_counts_are_those_of_the_lowered_network(tmp_path, silent):
    genomes = SMALL.sample(5, np.random.default_rng(0))
    found = evaluate(Counts(), SMALL, genomes, tmp_path, silent)
    for place, genome in enumerate(genomes):
        every = [layer for _, layer in layers(run_pipeline(SMALL.module(genome), BEFORE_QUANTIZE))]
        weighted = [layer for layer in every if layer.weight_elements]
        assert found["macs"][place] == sum(layer.macs for layer in every)
        assert found["params"][place] == sum(layer.weight_elements + layer.oc for layer in weighted)
        assert found["weight_bytes"][place] == 4 * sum(layer.weight_elements for layer in weighted)
        assert found["peak_bytes"][place] == 4 * max(layer.input_elements + layer.output_elements for layer in every)


def test_bits_make_weights_smaller(tmp_path, silent):
    product = CoDesignSpace(SMALL, Precision(SMALL.slots, (4, 8)), None)
    low = product.repair(np.zeros((1, len(product.choices)), np.int64))
    high = low.copy()
    high[:, len(SMALL.choices) :] = 1
    counts = Counts().start(Context(product, 0, "", tmp_path, silent))
    few, many = counts.evaluate(low), counts.evaluate(high)
    assert many["weight_bytes"][0] == 2 * few["weight_bytes"][0] and many["params"][0] == few["params"][0]
    assert many["peak_bytes"][0] > few["peak_bytes"][0]


def test_nasbench201_counts_as_published(tmp_path, silent):
    space = NasBench201()
    genomes = space.sample(20, np.random.default_rng(0))
    found = evaluate(Counts(), space, genomes, tmp_path, silent)
    assert found["params"].tolist() == space.parameters(genomes).tolist()
    assert found["macs"].tolist() == space.flops(genomes).tolist()


def test_only_some_counts(tmp_path, silent):
    space = NasBench201()
    genomes = space.sample(3, np.random.default_rng(0))
    every = evaluate(Counts(), space, genomes, tmp_path, silent)
    for only, keys in ((("params", "macs"), ["macs", "params"]), (("peak",), ["peak_bytes"])):
        found = evaluate(Counts(only), space, genomes, tmp_path, silent)
        assert list(found) == keys and all((found[key] == every[key]).all() for key in keys)
    with pytest.raises(SearchError, match="counts: only needs names, each once"):
        Counts(("macs", "macs"))


def test_energy_is_linear_in_the_operations(tmp_path, silent):
    space = NasBench201()
    texts = (
        "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
        "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|",
    )
    found = evaluate(LinearEnergy(), space, np.stack([space.parse(text) for text in texts]), tmp_path, silent)
    np.testing.assert_allclose(found["energy_j"], [50e-6, (50 + 2 * 177.1 + 32.4 + 14.3) * 1e-6])


def test_an_operation_without_energy_is_refused(tmp_path, silent):
    with pytest.raises(SearchError, match="no microjoules for 'k3_e3', which 'block1' of space 'proxylessnas' may be"):
        evaluate(LinearEnergy(), SMALL, SMALL.sample(1, np.random.default_rng(0)), tmp_path, silent)
    with pytest.raises(SearchError, match="none needs microjoules of at least 0"):
        LinearEnergy({"none": -1.0})
