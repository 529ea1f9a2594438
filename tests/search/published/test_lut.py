"""The evaluator `lut`: sums of published block latencies, on a made-up table and against the real ones by hand."""

import numpy as np
import pytest
import yaml

from gossamer.ir.errors import DataError, SearchError
from gossamer.search.evaluators import Context
from gossamer.search.published.block_table import Key, packed, read
from gossamer.search.published.lut import Lut
from gossamer.search.space import CoDesignSpace, Precision
from gossamer.search.spaces.nasbench201 import NasBench201
from gossamer.search.spaces.once_for_all import OfaMobileNetV3
from gossamer.search.spaces.proxylessnas import ProxylessNAS

from .conftest import write_text


def start(space, device, tmp_path, silent):
    product = CoDesignSpace(space, Precision((), ()), None)
    return Lut(device).start(Context(product, 0, "", tmp_path, silent))


TINY = ProxylessNAS((3, 16, 16), 5, widths=(24,), depths=(2,), strides=(2,), kernels=(3,), stem=(8, 8), head=16)
ENTRIES = {
    "Conv-input:16x16x3-output:8x8x8": 1.0,
    "expanded_conv-input:8x8x8-output:8x8x8-expand:1-kernel:3-stride:1-idskip:0": 2.0,
    "expanded_conv-input:8x8x8-output:4x4x24-expand:3-kernel:3-stride:2-idskip:0": 4.0,
    "expanded_conv-input:4x4x24-output:4x4x24-expand:6-kernel:3-stride:1-idskip:1": 8.0,
    "Conv_1-input:4x4x24-output:4x4x16": 16.0,
    "Logits-input:4x4x16-output:5": 32.0,
}


def table(folder, text):
    write_text(folder / "lut_ofa_note10" / "proxylessnas_pixel1_mobile_trim.yaml", text)


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    monkeypatch.setenv("GOSSAMER_DATA", str(tmp_path))
    table(tmp_path, yaml.safe_dump({key: {"mean": value} for key, value in ENTRIES.items()}))
    return tmp_path


def test_latency_is_the_sum_of_the_blocks(made_up, tmp_path, silent):
    lut = start(TINY, "pixel1", tmp_path, silent)
    texts = ("block1=k3_e3 block2=k3_e6", "block1=k3_e3 block2=skip", "block1=k3_e6 block2=skip")
    found = lut.evaluate(np.stack([TINY.parse(text) for text in texts]))["latency_s"]
    np.testing.assert_allclose(found, [0.063, 0.055, np.nan])  # no entry for the last one's first block


def test_a_space_of_other_blocks_is_refused(made_up, tmp_path, silent):
    with pytest.raises(SearchError, match="space 'nasbench201' is not made of blocks with expand"):
        start(NasBench201(), "pixel1", tmp_path, silent)


def test_unknown_device():
    with pytest.raises(SearchError, match="no table of blocks on device 'note9'; did you mean 'note10'?"):
        Lut("note9")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "needs one entry per block"),
        ("a: [", "is no YAML"),
        ("Conv-input:16x16x3-output:8x8x8: {std: 1}", "has no mean in milliseconds"),
        ("Conv-output:8x8x8: {mean: 1}", "says no input:HxWxC and output:HxWxC"),
    ],
)
def test_broken_tables(made_up, text, message):
    table(made_up / message[:4], text)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(DataError, match=message):
        patch.setenv("GOSSAMER_DATA", str(made_up / message[:4]))
        read("pixel1")


def test_keys_are_distinct():
    keys = [
        Key(*values)
        for values in np.random.default_rng(0).integers(0, [512, 8192, 512, 8192, 8192, 16, 4], (2000, 7)).tolist()
    ]
    assert len({int(packed(*key)) for key in keys}) == len(set(keys))


def test_proxylessnas_on_a_pixel1(published, tmp_path, silent):
    """ProxylessNAS-mobile takes 78 ms on a Pixel 1 (Cai et al. 2019, Table 2); the sum of its blocks is 82.5 ms."""
    blocks = "k5_e3 k3_e3 skip skip k7_e3 k3_e3 k5_e3 k5_e3 k7_e6 k5_e3 k5_e3 k5_e3 k5_e6 k5_e3 k5_e3 k5_e3"
    blocks += " k7_e6 k7_e6 k7_e3 k7_e3 k7_e6"
    space = ProxylessNAS()
    genome = space.parse(" ".join(f"block{place}={block}" for place, block in enumerate(blocks.split(), 1)))
    latency = start(space, "pixel1", tmp_path, silent).evaluate(genome[None])["latency_s"][0]
    assert latency == pytest.approx(0.078, rel=0.06)


def test_every_design_has_a_latency(published, tmp_path, silent):
    elastic = OfaMobileNetV3(widths=(1.2,), resolutions=(160, 224))
    for space, device in ((ProxylessNAS(), "pixel1"), (elastic, "note10")):
        genomes = space.sample(200, np.random.default_rng(0))
        assert np.isfinite(start(space, device, tmp_path, silent).evaluate(genomes)["latency_s"]).all()
