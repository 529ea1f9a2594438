"""The space `nasbench-macro`: sizes of its networks as published, its layers as lowered."""

import numpy as np
import pytest

from gossamer.ir.analysis import layers
from gossamer.ir.errors import SearchError
from gossamer.passes.pipeline import run_pipeline
from gossamer.search.costs.columns import to_layers
from gossamer.search.lowered import BEFORE_QUANTIZE
from gossamer.search.spaces.accel_nasbench import AccelNasBench
from gossamer.search.spaces.nasbench_macro import NasBenchMacro

PUBLISHED = {
    "00000000": (387882, 7713280),
    "11111111": (1588874, 53246464),
    "22222222": (2932586, 105660928),
    "22212220": (1985514, 85164544),
    "02012100": (890666, 47327744),
    "10000000": (396298, 12128768),
}
"""Text -> parameters, MACs (NAS-Bench-Macro's own table)."""


def parameters(module):
    """Elements that training changes: running statistics are none."""
    return sum(array.size for name, array in module.params.items() if not name.endswith((".mean", ".variance")))


@pytest.mark.parametrize("text", PUBLISHED)
def test_sizes_as_published(text):
    space = NasBenchMacro()
    module = space.module(space.parse(text))
    macs = sum(layer.macs for _, layer in layers(run_pipeline(module, BEFORE_QUANTIZE)))
    assert (parameters(module), macs) == PUBLISHED[text]


def test_size_and_texts():
    space = NasBenchMacro()
    assert space.size == 6561
    for genome in space.sample(20, np.random.default_rng(0)):
        assert (space.parse(space.text(genome)) == genome).all()
    for text in ("0201210", "02012103", "k3_e3"):
        with pytest.raises(SearchError, match="no network of 'nasbench-macro'; needed 8 digits 0 to 2"):
            space.parse(text)


@pytest.mark.parametrize(
    "space",
    [
        NasBenchMacro(),
        NasBenchMacro((1, 8, 8), 10, depths=(1, 2), width=0.25),
        AccelNasBench((3, 32, 32), 10, widths=(16, 24), depths=(2, 3), strides=(1, 2), width=0.5),
    ],
)
def test_layers_are_those_of_the_module(space):
    genomes = space.sample(10, np.random.default_rng(1))
    found = space.shapes(space.choices, genomes)
    for place, genome in enumerate(genomes):
        active = found.active[place] & [not slot.cast for slot in space.slots]
        lowered = layers(run_pipeline(space.module(genome), BEFORE_QUANTIZE))
        assert to_layers(found.rows[place][active]) == tuple(layer for _, layer in lowered)


def test_depths_that_are_none():
    with pytest.raises(SearchError, match="space 'nasbench-macro': depths must be above 0, found 0"):
        NasBenchMacro(depths=(2, 0))
