"""Encodings say what a network is: its nodes, its words, its paths, its sizes."""

import numpy as np
import pytest

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Choice, Choices
from gossamer.search.encodings.base import join, joint_extent
from gossamer.search.encodings.drawings import drawings
from gossamer.search.encodings.features import NAMES, ArchitectureFeatures, Features
from gossamer.search.encodings.graph import Graph
from gossamer.search.encodings.paths import Paths, ways
from gossamer.search.encodings.sketch import read_sketch
from gossamer.search.encodings.tokens import Tokens, sentence
from gossamer.search.spaces.base import NetworkSpace, PlainSpace
from gossamer.search.spaces.fbnet import FBNet
from gossamer.search.spaces.nasbench201 import NasBench201

SPACE: NetworkSpace = NasBench201()
CELL = SPACE.parse("|skip_connect~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+|none~0|nor_conv_3x3~1|skip_connect~2|")


def test_sketch_passes_norms_and_activations_through_and_joins_sums() -> None:
    sketch = read_sketch(SPACE.sketch(CELL))
    assert sketch.kinds == ("input", "avg_pool2d 3x3", "conv2d 1x1", "conv2d 3x3", "add", "output")
    assert sketch.sources == ((), (0,), (0,), (0,), (3, 1, 2), (4,))
    assert [layer.weights for layer in sketch.weighted] == [4 * 4, 4 * 4 * 9]


def test_tokens_say_what_is_read_unless_it_is_the_node_before() -> None:
    words = sentence(read_sketch(SPACE.sketch(CELL)))
    assert words[:4] == ["avg_pool2d 3x3", "from 0", "conv2d 1x1", "from 0"]
    assert words[-5:] == ["from 3", "from 1", "from 2", "add", "output"]


def test_graph_has_an_edge_per_read() -> None:
    found = Graph().start(SPACE).encode(CELL[None])
    assert found.kinds.shape == (1, 6) and (found.kinds > 1).all()
    assert [tuple(map(int, place)) for place in np.argwhere(found.edges[0])] == [
        (0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4), (4, 5),
    ]  # fmt: skip


def test_paths_count_stretches() -> None:
    counts = ways(read_sketch(SPACE.sketch(CELL)), 4)
    assert counts["input", "conv2d 3x3", "add", "output"] == 1
    assert counts["add", "output"] == 1 and counts["input",] == 1
    with pytest.raises(SearchError, match="longest is 0"):
        Paths(longest=0)


def test_equal_sketches_have_equal_encodings_and_features_tell_them_apart() -> None:
    """An edge that reaches nothing is no part of the network, yet devices may compute it."""
    dead = SPACE.parse("|skip_connect~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+|none~0|nor_conv_3x3~1|skip_connect~2|")
    both = np.stack([dead, dead])
    both[1] = SPACE.parse("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|")
    both[0] = SPACE.parse("|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|")
    for encoding in (Graph(), Tokens(), Paths(), ArchitectureFeatures()):
        found = encoding.start(SPACE).encode(both)
        for part in (found.tokens, found.kinds, found.edges, found.numbers):
            assert (part[0] == part[1]).all()
    assert (Features().start(SPACE).encode(both).numbers.std(axis=0) > 0).any()


def test_architecture_features_of_a_chain() -> None:
    space: NetworkSpace = FBNet()
    plain = np.zeros((1, len(space.choices)), np.int64)
    numbers = ArchitectureFeatures().start(space).encode(plain).numbers[0]
    found = dict(zip(NAMES, numbers.tolist()))
    assert found["input_size"] == 224 and found["down_samplings"] == 5 and found["first_channels"] == 16


@pytest.mark.slow
@pytest.mark.parametrize("space", [SPACE, FBNet(input_shape=(1, 32, 32))])
def test_every_encoding_stays_inside_its_extent(space: NetworkSpace) -> None:
    genomes = space.sample(20, np.random.default_rng(1))
    encoders = [item.start(space) for item in (Graph(), Tokens(), Paths(3), Features(), ArchitectureFeatures())]
    found, extent = join([item.encode(genomes) for item in encoders]), joint_extent([item.extent for item in encoders])
    assert found.tokens.max() < extent.tokens and found.kinds.max() < extent.kinds
    assert found.numbers.shape == (20, extent.numbers)
    assert (np.tril(found.edges) == 0).all()  # in order of execution


def test_drawings_are_kept() -> None:
    equal: NetworkSpace = NasBench201()
    assert drawings(SPACE) is drawings(equal)


def test_choices_without_networks_are_chains_of_what_was_chosen() -> None:
    space = PlainSpace(Choices((Choice("a", (1, 2)), Choice("b", (3, 4)))))
    sketch = drawings(space)(np.array([[1, 0]]))[0]
    assert sketch.kinds == ("input", "a=2", "b=3", "output") and sketch.sources == ((), (0,), (1,), (2,))
    assert sentence(sketch) == ["a=2", "b=3", "output"]
