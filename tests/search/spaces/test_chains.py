"""Chains of blocks: layers by look-up are those of the module, slots say when they are there, sizes and counts are as
published.
"""

import math

import numpy as np
import pytest

from gossamer.ir.analysis import layers as layers_of
from gossamer.ir.errors import SearchError
from gossamer.ir.ops.structure import Param
from gossamer.ir.reference import evaluate
from gossamer.ir.verify import verify
from gossamer.passes.pipeline import run_pipeline
from gossamer.search.costs.columns import macs, to_layers
from gossamer.search.lowered import BEFORE_QUANTIZE
from gossamer.search.precision import Precision
from gossamer.search.spaces.blocks import divisible, kept_strides
from gossamer.search.spaces.efficientnet import B0, BlockStage, EfficientNet
from gossamer.search.spaces.fbnet import FBNet
from gossamer.search.spaces.once_for_all import ElasticStage, OfaMobileNetV2, OfaMobileNetV3
from gossamer.search.spaces.proxylessnas import ProxylessNAS
from gossamer.search.spaces.shufflenetv2 import ShuffleNetV2
from tests.search.joined import check_quantised_layers

DIGITS = (1, 8, 8), 10
ELASTIC = (ElasticStage(24, 2, 1, 2), ElasticStage(40, 2, 1, 2, "hard_swish", squeeze=True))
TINY = {
    "fbnet": FBNet(*DIGITS, width=0.25),
    "proxylessnas": ProxylessNAS(*DIGITS, width=0.25),
    "ofa-mobilenetv3": OfaMobileNetV3(*DIGITS, widths=(0.25, 0.5), resolutions=(8, 12, 24), stages=ELASTIC),
    "ofa-mobilenetv2": OfaMobileNetV2(*DIGITS, widths=(0.25,), stages=ELASTIC[:1]),
    "efficientnet": EfficientNet(*DIGITS, stages=B0[1:4], width=0.25),
    "shufflenetv2": ShuffleNetV2(*DIGITS, depths=(2, 3, 2), widths=(16, 32, 64), pool=True, width=0.5),
    "shufflenetv2 32": ShuffleNetV2((3, 33, 40), 10, depths=(2, 2), widths=(16, 32), pool=True),
}
FULL = {
    "fbnet": FBNet(),
    "proxylessnas": ProxylessNAS(),
    "ofa-mobilenetv3": OfaMobileNetV3(),
    "ofa-mobilenetv2": OfaMobileNetV2(),
    "efficientnet": EfficientNet(),
    "shufflenetv2": ShuffleNetV2(),
}


def assert_layers(space, genomes):
    """What is looked up is what passes find in the module, slot by slot."""
    found = space.shapes(space.choices, genomes)
    found.active[:, 0] = False  # the image's cast is there in quantised networks only
    for place, genome in enumerate(genomes):
        pairs = layers_of(run_pipeline(space.module(genome), BEFORE_QUANTIZE))
        here = found.active[place]
        assert [node.label for node, _ in pairs] == [slot.name for slot, on in zip(space.slots, here) if on]
        assert [layer for _, layer in pairs] == list(to_layers(found.rows[place][here]))


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_layers_of_genomes_are_those_of_their_modules(name):
    space = TINY[name]
    assert_layers(space, space.sample(4, np.random.default_rng(1)))


@pytest.mark.slow
@pytest.mark.parametrize("name", FULL)
def test_layers_at_the_published_size(name):
    space = FULL[name]
    ends = np.stack([np.zeros(len(space.choices), np.int64), space.choices.sizes - 1])
    assert_layers(space, space.repair(ends))


@pytest.mark.parametrize("name", TINY)
def test_slots_say_when_their_layer_is_there(name):
    space = TINY[name]
    genomes = space.sample(50, np.random.default_rng(2))
    found = space.shapes(space.choices, genomes)
    for place, slot in enumerate(space.slots):
        assert (space.choices.active(slot.when, genomes) == found.active[:, place]).all(), slot.name


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in TINY if name != "ofa-mobilenetv3"])
def test_layers_of_quantised_modules(name):
    space = TINY[name]
    check_quantised_layers(space, 1, Precision(space.slots, (3, 5), (4, 6, 9)))


def test_layers_of_quantised_squeeze_and_excitation():
    space = OfaMobileNetV3(*DIGITS, widths=(0.25,), stages=ELASTIC[1:])
    check_quantised_layers(space, 2, Precision(space.slots, (3, 5), (4, 6, 9)))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fbnet", "ofa-mobilenetv3", "efficientnet", "shufflenetv2"])
def test_modules_compute(name):
    space = TINY[name]
    for genome in space.sample(2, np.random.default_rng(3)):
        module = space.module(genome, seed=1)
        verify(module)
        image = module.graph.inputs[0]
        x = np.random.default_rng(0).standard_normal(image.shape).astype(np.float32)
        first, again = (evaluate(space.module(genome, seed=1), {image.name: x})["logits"] for _ in range(2))
        assert first.shape == (1, 10) and np.isfinite(first).all() and np.ptp(first) > 0
        assert (first == again).all()
        assert (first != evaluate(space.module(genome, seed=2), {image.name: x})["logits"]).any()


@pytest.mark.slow
def test_networks_with_shuffles_are_trained_on_many_images():
    torch = pytest.importorskip("torch")
    from gossamer.codegen.torch import to_torch

    grouped = {f"block{number}": "k3_e1_g2" for number in range(1, 23)}
    for name, values in (("fbnet", grouped), ("shufflenetv2", {})):
        net = to_torch(TINY[name].module(TINY[name].choices.encode(values))).eval()
        images = torch.from_numpy(np.random.default_rng(0).random((3, 1, 8, 8), np.float32))
        with torch.no_grad():
            together, alone = net(images), torch.cat([net(images[place : place + 1]) for place in range(3)])
        assert together.shape == (3, 10)
        assert torch.allclose(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", TINY)
def test_texts_are_read_back(name):
    space = TINY[name]
    for genome in space.sample(5, np.random.default_rng(4)):
        assert (space.parse(space.text(genome)) == genome).all()


def test_sizes():
    """9^22 of FBNet, 7371^5 of Once-for-All at one width and resolution, 4^20 of SPOS."""
    assert FBNet().size == 9**22
    assert ProxylessNAS().size == 6**6 * 7**15
    assert OfaMobileNetV3(widths=(1.0,), resolutions=(224,)).size == 7371**5
    assert OfaMobileNetV3().size == 7371**5 * 2 * 25
    assert OfaMobileNetV2(widths=(1.0,), resolutions=(224,)).size == 7371**5 * 9
    assert ShuffleNetV2().size == 4**20
    assert EfficientNet().size == (2 * 2 * 3 * 2 * 3) ** 7 * 2 * 2 * 3**5


def counts(space, values):
    """Trainable parameters and multiply-accumulates of the design with these values."""
    genome = space.choices.encode(values)
    params = [node for node in space.module(genome).graph.nodes if isinstance(node.op, Param)]
    sizes = [math.prod(n.result.shape) for n in params if not n.op.ref.endswith((".bn.mean", ".bn.variance"))]
    rows, _ = space.shapes(space.choices, genome[None]).flat()
    return sum(sizes), int(macs(rows).sum())


def elastic(stages, resolution=224, width=1.0):
    """Values of a Once-for-All space; `stages`: kernel and the expansions of every stage."""
    found = {"resolution": resolution, "width": width}
    for number, (kernel, expansions) in enumerate(stages, 1):
        found[f"stage{number}.depth"] = len(expansions)
        for block, expansion in enumerate(expansions, 1):
            found[f"stage{number}.block{block}.kernel"] = kernel
            found[f"stage{number}.block{block}.expansion"] = expansion
    return found


def test_mobilenetv2_is_a_member():
    stages = [(3, (6,) * depth) for depth in (2, 3, 4, 3, 3, 1)]
    assert counts(OfaMobileNetV2(), elastic(stages)) == (3_504_872, 300_774_272)


def test_mobilenetv3_large_is_a_member_but_for_one_bias():
    stages = [(3, (4, 3)), (5, (3, 3, 3)), (3, (6, 2.5, 2.3, 2.3)), (3, (6, 6)), (5, (6, 6, 6))]
    params, work = counts(OfaMobileNetV3(expansions=(2.3, 2.5, 3, 4, 6)), elastic(stages))
    assert params + 1280 == 5_483_032
    assert work == 216_589_760


def test_efficientnet_b0_is_a_member():
    found = {}
    for number, (kernel, expansion, stage) in enumerate(zip((3, 3, 5, 3, 5, 5, 3), (1, 6, 6, 6, 6, 6, 6), B0), 1):
        values = ("mbconv", kernel, expansion, 0.25, 1.0, stage.depth)
        names = ("op", "kernel", "expansion", "squeeze", "ratio", "depth")
        found |= {f"stage{number}.{name}": value for name, value in zip(names, values)}
    params, work = counts(EfficientNet(), found)
    assert params == 5_288_548
    assert round(work / 1e6) == 386


def test_efficientnet_edgetpu_small_with_stages_of_its_own():
    stages = ((24, 1, 1), (32, 2, 2), (48, 4, 2), (96, 5, 2), (144, 4, 1), (192, 2, 2))
    space = EfficientNet(
        expansions=(3, 8), squeeze=(0,), ratios=(1.0,), depths=(0,), activation="relu",
        stages=tuple(BlockStage(*stage) for stage in stages),
    )  # fmt: skip
    found = {f"stage{number}.expansion": 3 if number == 1 else 8 for number in range(1, 7)}
    found |= {f"stage{number}.op": "fused" if number < 4 else "mbconv" for number in range(1, 7)}
    found |= {f"stage{number}.kernel": 3 if number < 4 else 5 for number in range(1, 7)}
    assert counts(space, found)[0] == 5_438_392


def test_shufflenetv2_is_a_member():
    space = ShuffleNetV2(depths=(4, 8, 4), widths=(116, 232, 464), stem=24, pool=True)
    params, work = counts(space, {f"unit{number}": "k3" for number in range(1, 17)})
    assert params == 2_278_604
    assert round(work / 1e6) == 145


def test_proxylessnas_mobile_and_gpu_as_published():
    ops = "k5_e3 k3_e3 skip skip k7_e3 k3_e3 k5_e3 k5_e3 k7_e6 k5_e3 k5_e3 k5_e3 k5_e6 k5_e3 k5_e3 k5_e3 k7_e6 k7_e6 "
    mobile = ProxylessNAS(widths=(32, 40, 80, 96, 192, 320))
    values = {f"block{number}": op for number, op in enumerate((ops + "k7_e3 k7_e3 k7_e6").split(), 1)}
    params, work = counts(mobile, values)
    assert (params, round(work / 1e6)) == (4_080_512, 320)
    ops = "k5_e3 skip skip skip k7_e3 skip skip k3_e3 k7_e6 skip skip k5_e3 k5_e6 skip k3_e3 k5_e3 k7_e6 k7_e6 k7_e6 "
    gpu = ProxylessNAS(widths=(32, 56, 112, 128, 256, 432), stem=(40, 24), head=1728)
    values = {f"block{number}": op for number, op in enumerate((ops + "k5_e6 k7_e6").split(), 1)}
    assert counts(gpu, values)[0] == 7_119_848


def test_fbnet_c_as_published():
    ops = "k3_e1 k3_e6 skip k3_e1 k3_e1 k5_e6 k5_e3 k5_e6 k3_e6 k5_e6 k5_e3 k5_e6 k5_e6 k5_e6 k5_e6 k5_e6 k5_e3 "
    ops += "k5_e6 k5_e6 k5_e6 k5_e6 k3_e6"
    params, work = counts(FBNet(), {f"block{number}": op for number, op in enumerate(ops.split(), 1)})
    assert params == 5_572_200  # the paper: 5.5 M
    assert round(work / 1e6) == 385


def test_resolution_is_a_choice_where_there_are_several():
    space = TINY["ofa-mobilenetv3"]
    values = {"resolution": 24, "width": 0.25}
    assert space.module(space.choices.encode(values)).graph.inputs[0].shape == (1, 1, 24, 24)
    assert OfaMobileNetV3((3, 32, 32), 10).choices.items[0].values == (32,)
    assert len(OfaMobileNetV3().choices.items[0].values) == 25


def test_proxyless_blocks_of_expansion_1_have_no_expand_layer():
    space = ProxylessNAS(*DIGITS, width=0.25, expansions=(1, 3), kernels=(3, 5))
    when = {slot.name: slot.when for slot in space.slots}
    assert when["block2.expand"][0].values == ("k3_e3", "k5_e3")
    assert when["block2.depthwise"][0].values == ("k3_e1", "k5_e1", "k3_e3", "k5_e3")
    assert_layers(space, space.sample(2, np.random.default_rng(0)))


def test_small_images_lose_the_first_strides():
    assert kept_strides(224, (2, 1, 2, 2, 2, 1, 2, 1)) == (2, 1, 2, 2, 2, 1, 2, 1)
    assert kept_strides(32, (2, 1, 2, 2, 2, 1, 2, 1)) == (1, 1, 1, 2, 2, 1, 2, 1)  # as HW-NAS-Bench's FBNet for CIFAR
    assert kept_strides(8, (2, 2, 2)) == (1, 1, 2)


def test_channels_are_rounded_to_multiples():
    assert [divisible(channels) for channels in (1, 12, 33, 52.8, 192 * 1.3)] == [8, 16, 32, 56, 248]
    assert divisible(11) == 16  # 8 would be less than 90 %
    assert divisible(58, 2) == 58


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: FBNet((3, 4, 4)), "space 'fbnet': input_shape is .* at least 8x8, found 3 x 4 x 4"),
        (lambda: FBNet(classes=1), "classes = 1, but a classifier needs at least 2"),
        (lambda: FBNet(width=0), "width = 0, but it multiplies channels"),
        (lambda: FBNet(depths=(1, 2)), "one value in each list; found widths for 7, depths for 2"),
        (lambda: ProxylessNAS(depths=(0, 4, 4, 4, 4, 1)), "depths must be above 0, found 0"),
        (lambda: ProxylessNAS(kernels=(4,)), "kernels = 4 is none of 1, 3, 5, 7, 9"),
        (lambda: OfaMobileNetV3(kernels=()), "kernels has no values to choose from"),
        (lambda: OfaMobileNetV3(resolutions=(4,)), "resolutions must be at least 8, found 4"),
        (lambda: OfaMobileNetV2(stages=(ElasticStage(8, 1, 3, 2),)), "stage 1 has 3 to 2 blocks"),
        (lambda: EfficientNet(ops=("mbcnv",)), "ops = mbcnv is none of mbconv, fused"),
        (lambda: EfficientNet(ratios=(1.0, 1.0)), "ratios names a value twice"),
        (lambda: ShuffleNetV2(depths=(1,), widths=(15,)), "widths must be even, found 15"),
    ],
)
def test_fields_that_make_no_network_are_refused(make, text):
    with pytest.raises(SearchError, match=text):
        make()
