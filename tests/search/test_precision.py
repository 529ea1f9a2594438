import numpy as np
import pytest

from gossamer.backends.systolic import backend
from gossamer.ir.errors import SearchError
from gossamer.search.precision import Precision
from gossamer.search.product import Bits, Product
from gossamer.search.space import CoDesignSpace
from gossamer.search.spaces.nasbench201 import NasBench201
from tests.search.joined import check_quantised_layers

SMALL = NasBench201((1, 8, 8), 10, cells=1, width=4)


@pytest.mark.slow
@pytest.mark.parametrize("per", ["layer", "model"])
def test_layers_of_cells_are_those_of_the_quantised_module(per):
    check_quantised_layers(SMALL, 4, Precision(SMALL.slots, (3, 5), (4, 6, 9), per))


def test_per_model_is_two_genes_and_one_value_is_none():
    space = Product(Bits("model", (4, 8), (8, 16))).build(SMALL, None)
    assert [item.name for item in space.choices.items[6:]] == ["model.weight_bits", "model.input_bits"]
    fixed = Product(Bits("layer", (4, 8), (8,))).build(SMALL, None)
    assert all(item.name.endswith(".weight_bits") for item in fixed.choices.items[6:])
    bits = fixed.bits(fixed.parse(fixed.text(fixed.sample(1, np.random.default_rng(0))[0])))
    assert bits["stem"].input_bits == 8 and bits["stem"].weight_bits in (4, 8)


def test_only_layers_that_exist_have_bits():
    space = Product(Bits()).build(SMALL, None)
    network = "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"
    genome = space.repair(np.concatenate([SMALL.parse(network), np.ones(len(space.choices) - 6, np.int64)])[None])[0]
    names = set(space.bits(genome))
    assert "stage1.cell1.conv0-3" in names and "stage1.cell1.conv0-1" not in names
    assert "stage1.cell1.conv0-1.weight_bits" not in space.text(genome)


def test_the_text_of_a_product_is_read_back():
    space = CoDesignSpace(SMALL, Precision(SMALL.slots), backend)
    for genome in space.sample(10, np.random.default_rng(1)):
        assert (space.parse(space.text(genome)) == genome).all()
    with pytest.raises(SearchError, match="gives no value to .*classifier.input_bits"):
        space.parse(" ".join(w for w in space.text(genome).split() if not w.startswith("classifier.input_bits")))


def test_impossible_bits_are_refused():
    with pytest.raises(SearchError, match="precision: 32 bits; integers here have 1 to 16"):
        Bits(weights=(8, 32))
    with pytest.raises(SearchError, match="at least one number of bits"):
        Bits(activations=())


def test_bits_are_cut_to_the_multipliers():
    space = Product(Bits("model", (16, 4, 8), (8, 16)), {"pe_bits": (4, 8)}).build(SMALL, backend)
    genomes = space.sample(60, np.random.default_rng(0))
    widest = space.choices.column("hardware.pe_bits", genomes)
    weights = space.choices.column("model.weight_bits", genomes)
    assert (weights <= widest).all() and set(weights[widest == 8]) == {4, 8}
    assert set(space.choices.column("model.input_bits", genomes)) == {8}
