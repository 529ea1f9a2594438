"""Filters narrow a space for a target; what is left is a space like any other."""

from dataclasses import replace

import numpy as np
import pytest

from gossamer.backends.systolic import backend
from gossamer.ir.analysis import layers as layers_of
from gossamer.ir.errors import SearchError
from gossamer.passes.pipeline import run_pipeline
from gossamer.search.choices import Choice, Choices, Condition
from gossamer.search.costs.columns import PLACE, to_layers
from gossamer.search.lowered import BEFORE_QUANTIZE
from gossamer.search.precision import Precision
from gossamer.search.space import CoDesignSpace
from gossamer.search.spaces.base import Plannable
from gossamer.search.spaces.efficientnet import B0, EfficientNet
from gossamer.search.spaces.fbnet import FBNet
from gossamer.search.spaces.filter import activated, layer_costs, matching, touched
from gossamer.search.spaces.filter_aanas import Aanas, fill
from gossamer.search.spaces.filter_hurricane import Hurricane
from gossamer.search.spaces.filter_mcunet import McuNet, working_bytes
from gossamer.search.spaces.filter_only import Only
from gossamer.search.spaces.flow import Joined
from gossamer.search.spaces.mobilenet import MobileNet, Stage
from gossamer.search.spaces.narrowed import narrowed
from gossamer.search.spaces.nasbench201 import NasBench201
from gossamer.search.spaces.once_for_all import ElasticStage, OfaMobileNetV2
from tests.search.joined import check_quantised_layers

SHALLOW = FBNet((1, 8, 8), 10, widths=(8, 16), depths=(1, 2), strides=(1, 2))
ELASTIC = OfaMobileNetV2(
    (3, 32, 32), 10, widths=(0.25, 0.5, 1.0), resolutions=(16, 24, 32), stages=(ElasticStage(24, 2, 1, 3),)
)
MOBILE = MobileNet((1, 8, 8), 10, stem=(4, 8), stages=(Stage((4, 8), 2, 2), Stage((8, 12), 2, 2)), head=(8, 16))


def assert_like_any_space(space):
    genomes = space.sample(20, np.random.default_rng(0))
    assert (space.repair(genomes) == genomes).all()
    for genome in genomes[:5]:
        assert (space.parse(space.text(genome)) == genome).all()
    found = space.shapes(space.choices, genomes[:3])
    found.active[:, 0] = False
    for place, genome in enumerate(genomes[:3]):
        pairs = layers_of(run_pipeline(space.module(genome), BEFORE_QUANTIZE))
        assert [layer for _, layer in pairs] == list(to_layers(found.rows[place][found.active[place]]))


def values(space, name):
    return space.choices.items[space.choices.places[name]].values


def test_hurricane_keeps_the_operators_with_the_most_work_a_second():
    space = Hurricane(keep=3).apply(SHALLOW, backend, seed=0)
    assert space.size == 3**3
    assert_like_any_space(space)
    name = "block2"
    speeds = {}
    for op in values(SHALLOW, name):
        genome = SHALLOW.choices.encode({name: op})
        pairs = layers_of(run_pipeline(SHALLOW.module(genome), BEFORE_QUANTIZE))
        bits = {"weight_bits": 8, "activation_bits": 8, "output_bits": 8}
        layers = [replace(layer, **bits) for node, layer in pairs if node.label.startswith(name)]
        seconds = sum(backend.cost(layers, [backend.hardware()]).latency_s)
        speeds[op] = sum(layer.macs for layer in layers) / seconds
    assert set(values(space, name)) == set(sorted(speeds, key=lambda op: -speeds[op])[:3])


def test_hurricane_keeps_what_costs_nothing():
    """At block 3 the shape stays, so skip has no layers."""
    assert "skip" in values(Hurricane(keep=1).apply(SHALLOW, backend, seed=0), "block3")


def test_hurricane_depends_on_the_metric_and_not_on_the_seed_for_a_chain():
    first, again = (Hurricane(keep=2).apply(SHALLOW, backend, seed=seed).choices for seed in (0, 1))
    assert first == again
    energy = Hurricane(keep=2, metric="energy").apply(SHALLOW, backend, seed=0)
    assert all(len(item.values) == 2 for item in energy.choices.items)


def test_hurricane_takes_numbers_where_it_is_told_to():
    space = Hurricane(keep=1, choices=("*.kernel",)).apply(ELASTIC, backend, seed=0)
    assert all(len(values(space, f"stage1.block{block}.kernel")) == 1 for block in (1, 2, 3))
    assert values(space, "stage1.block1.expansion") == (3, 4, 6)
    with pytest.raises(SearchError, match="no choice of space 'ofa-mobilenetv2' is between operators"):
        Hurricane().apply(ELASTIC, backend, seed=0)
    with pytest.raises(SearchError, match="no choice of the space is called like 'kernels'"):
        Hurricane(choices=("kernels",)).apply(ELASTIC, backend, seed=0)


def test_hurricane_drops_what_does_not_fit(monkeypatch):
    from gossamer.search.spaces import filter_hurricane as module

    def no_five(rows, *asked):
        return np.where(rows[:, PLACE["kh"]] == 5, np.inf, layer_costs(rows, *asked))

    monkeypatch.setattr(module, "layer_costs", no_five)
    left = values(Hurricane(keep=7).apply(SHALLOW, backend, seed=0), "block3")
    assert 0 < len(left) < 7 and not any(op.startswith("k5") for op in left)


def test_filters_without_a_target_say_so():
    with pytest.raises(SearchError, match="filter 'hurricane' prices layers on a target, and this search has none"):
        Hurricane().apply(SHALLOW, None, seed=0)
    with pytest.raises(SearchError, match="the target's hardware has no rows and cols"):
        Aanas().apply(SHALLOW, None, seed=0)
    with pytest.raises(SearchError, match="keep = 0; it must be at least 1"):
        Hurricane(keep=0)


def test_mcunet_takes_the_configuration_with_the_most_work_that_fits():
    small = McuNet(sram_bytes=8_000, flash_bytes=100_000, samples=40)
    space = small.apply(ELASTIC, None, seed=0)
    assert_like_any_space(space)
    means = {}
    genomes = ELASTIC.sample(40, np.random.default_rng(0))
    for resolution in range(3):
        for width in range(3):
            genomes[:, :2] = resolution, width
            work, needs = small._networks(ELASTIC, ELASTIC.repair(genomes))
            fits = (needs <= [8_000, 100_000]).all(axis=1)
            if fits.any():
                means[(16, 24, 32)[resolution], (0.25, 0.5, 1.0)[width]] = work[fits].mean()
    assert 0 < len(means) < 9
    assert (values(space, "resolution")[0], values(space, "width")[0]) == max(means, key=lambda place: means[place])
    assert space.size * 9 == ELASTIC.size
    with pytest.raises(SearchError, match=r"10 bytes of SRAM and 1048576 of flash; the nearest found needs \d+ and"):
        McuNet(sram_bytes=10).apply(ELASTIC, None, seed=0)


def test_working_bytes_of_a_layer():
    genome = SHALLOW.choices.encode({})
    rows, _ = SHALLOW.shapes(SHALLOW.choices, genome[None]).flat()
    layers = to_layers(rows)
    expected = [(layer.input_elements // layer.operands + layer.output_elements) * 4 for layer in layers]
    assert working_bytes(rows).tolist() == expected


def test_aanas_keeps_widths_that_fill_the_array():
    wide = EfficientNet((3, 32, 32), 10, stages=B0[1:3], ratios=(1.0, 1.25, 1.5), ops=("mbconv",), squeeze=(0,))
    space = Aanas(rows=16, cols=16, choices=("*.ratio",)).apply(wide, None, seed=0)
    assert_like_any_space(space)
    assert values(space, "stage1.ratio") == (1.25,)  # 24 -> 32
    assert values(space, "stage2.ratio") == (1.25, 1.5)  # 40 -> 48, 64
    assert values(Aanas(choices=("*.ratio",)).apply(wide, backend, seed=0), "stage1.kernel") == (3, 5)


def test_fill_of_an_array():
    genome = SHALLOW.choices.encode({})
    rows, _ = SHALLOW.shapes(SHALLOW.choices, genome[None]).flat()
    stem = rows[[1]]
    assert to_layers(stem)[0].ic == 1 and to_layers(stem)[0].oc == 16
    assert fill(stem, (4, 12)).tolist() == [1 / 4 * 16 / 24]


def test_only_what_is_named_is_left():
    space = Only(("stage*.kernel=3", "resolution=16,32", "stage1.depth=2")).apply(ELASTIC, None, seed=0)
    assert values(space, "resolution") == (16, 32) and values(space, "stage1.block3.kernel") == (3,)
    assert space.size == 2 * 3 * 3**2
    assert_like_any_space(space)
    with pytest.raises(SearchError, match="'resolution' is not like choice=value,value"):
        Only(("resolution",)).apply(ELASTIC, None, seed=0)
    with pytest.raises(SearchError, match="resolution=17 is none of 16, 24, 32"):
        Only(("resolution=17",)).apply(ELASTIC, None, seed=0)


def test_a_value_that_was_filtered_out_is_named():
    space = narrowed(SHALLOW, (("block1", ("k3_e1", "skip")),))
    text = SHALLOW.text(SHALLOW.choices.encode({"block1": "k5_e6"}))
    with pytest.raises(SearchError, match="block1=k5_e6 was filtered out of space 'fbnet'; left are k3_e1, skip"):
        space.parse(text)
    with pytest.raises(SearchError, match="has no choice 'blok1'.*block1"):
        narrowed(SHALLOW, (("blok1", ("skip",)),))
    with pytest.raises(SearchError, match="no value of 'block1' is left"):
        narrowed(SHALLOW, (("block1", ()),))
    with pytest.raises(SearchError, match="block1 = k9 is none of k3_e1"):
        narrowed(SHALLOW, (("block1", ("k9",)),))


def test_inactive_genes_of_a_narrowed_space_stay_those_of_the_family():
    space = narrowed(ELASTIC, (("stage1.block3.kernel", (5, 7)), ("stage1.depth", (2, 3))))
    genomes = space.sample(100, np.random.default_rng(1))
    wide = space.wide(genomes)
    assert (ELASTIC.repair(wide) == wide).all()
    assert len(np.unique(wide, axis=0)) == len(np.unique(genomes, axis=0))
    assert (space.features(genomes) == ELASTIC.features(wide)).all()


def test_a_narrowed_family_can_do_what_the_family_could():
    chain = narrowed(MOBILE, (("stem.width", (8,)),))
    assert isinstance(chain, Plannable) and not isinstance(chain, Joined)
    genome = chain.sample(1, np.random.default_rng(0))[0]
    assert chain.plan(chain.choices.decode(genome))[0].oc == 8
    cells = narrowed(NasBench201((1, 8, 8), 10, cells=1, width=4), ())
    assert isinstance(cells, Joined) and not isinstance(cells, Plannable)
    assert not isinstance(narrowed(SHALLOW, ()), Plannable | Joined)
    few = Only(("*=none,nor_conv_1x1,skip_connect",)).apply(cells.base, None, seed=0)
    assert few.size == 3**6
    check_quantised_layers(few, 2, Precision(few.slots, (3, 5), (4, 6)))
    genomes = few.sample(5, np.random.default_rng(2))
    assert (few.parameters(genomes) == cells.base.parameters(few.wide(genomes))).all()
    assert (few.flops(genomes) == cells.base.flops(few.wide(genomes))).all()


def test_a_narrowed_space_is_priced_on_a_target():
    space = CoDesignSpace(narrowed(MOBILE, (("stem.width", (8,)),)), Precision(MOBILE.slots), backend)
    whole = CoDesignSpace(MOBILE, Precision(MOBILE.slots), backend)
    genome = space.sample(1, np.random.default_rng(0))[0]
    same = whole.choices.encode(space.decode(genome))
    assert space.layers_of(genome) == whole.layers_of(same)


def test_a_choice_is_made_active_to_see_what_it_decides():
    depth, kernel = Choice("depth", (1, 2, 3)), Choice("kernel", (3, 5), (Condition("depth", (2, 3)),))
    choices = Choices((depth, kernel, Choice("bits", (4, 8), (Condition("kernel", (5,)),))))
    found = activated(choices, choices.items[2], np.array([[0, 0, 0], [1, 1, 0]]))
    assert found.tolist() == [[2, 1, 0], [1, 1, 0]]


def test_a_kernel_decides_its_depthwise_layer_alone():
    (kernel,) = matching(ELASTIC.choices, ("stage1.block2.kernel",))
    genomes = ELASTIC.sample(3, np.random.default_rng(0))
    found = touched(ELASTIC, kernel, genomes, bits=8)
    assert len(found.rows) == 3 * 3
    layers = to_layers(found.rows)
    assert all(layer.depthwise and layer.weight_bits == 8 for layer in layers)
    assert [layer.kh for layer in layers] == [3, 5, 7] * 3
    prices = layer_costs(found.rows, backend, backend.hardware(), "latency")
    assert prices.tolist() == list(backend.cost(layers, [backend.hardware()]).latency_s)
