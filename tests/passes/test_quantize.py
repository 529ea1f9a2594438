"""quantize: text in, text out; which tensors become integers, in how many bits; what it refuses."""

import numpy as np
import pytest

from gossamer.ir.errors import DataError, PassError
from gossamer.ir.graph import Params
from gossamer.ir.reference import evaluate
from gossamer.ir.types import DType
from gossamer.passes.calibrate import calibrate
from gossamer.passes.pipeline import run_pipeline
from gossamer.passes.quantize import Quantize

CONV = """
%x: f32[1,2,4,4] = input
%w: f32[2,2,1,1] = ir.param "w"
%b: f32[2] = ir.param "b"
"""


def ranges(module, low=-4.0, high=4.0):
    values = (*module.graph.inputs, *(v for n in module.graph.nodes for v in n.results))
    return {v.name: (low, high) for v in values}


def quantised(lab, text, item=None):
    """Calibrated on the very input that `outputs` runs on; verified, and quantising again changes nothing."""
    module = lab.module(text)
    observed = calibrate(module, {v.name: lab.random(v.type, v.name) for v in module.graph.inputs})
    item = (item or Quantize(method="minmax")).calibrated(observed)
    new = item.run(module)
    lab.same(module, new, 0.05)
    assert item.run(new) is new
    return new


def dtypes(module):
    return {n.result.name: str(n.result.dtype) for n in module.graph.nodes if n.op.name != "ir.param"}


def test_convolution_with_a_bias(lab):
    module = lab.module(CONV + "%1 = nn.conv2d %x, %w, %b\n%2 = nn.relu %1\nreturn %2")
    weight = np.array([[63.5, 0], [31.75, -16.3]], np.float32).reshape(2, 2, 1, 1)
    module = module.with_graph(module.graph, Params({"w": weight, "b": np.array([1, -0.1], np.float32)}))
    new = Quantize().calibrated({"x": (-1.0, 62.75)}).run(module)
    assert lab.body(new) == """
%x: f32[1,2,4,4] = input
%x.q: u8[1,2,4,4]{scale=0.25, zero_point=4} = quant.cast %x
%w.q: i8[2,2,1,1]{axis=0, scale=(0.5, 0.25)} = ir.param "w.i8"
%b.q: i32[2]{axis=0, scale=(0.125, 0.0625)} = ir.param "b.i32"
%1.acc: i32[1,2,4,4]{axis=1, scale=(0.125, 0.0625)} = nn.conv2d %x.q, %w.q, %b.q
%1: f32[1,2,4,4] = quant.cast %1.acc
%2: f32[1,2,4,4] = nn.relu %1
return %2
""".strip()
    np.testing.assert_array_equal(new.params["w.i8"].reshape(2, 2), [[127, 0], [127, -65]])
    np.testing.assert_array_equal(new.params["b.i32"], [8, -2])
    assert new.params["w.i8"].dtype == np.int8 and sorted(new.params) == ["b.i32", "w.i8"]


def test_one_integer_tensor_for_all_who_read_it(lab):
    text = CONV + "%1 = nn.conv2d %x, %w\n%2 = nn.relu %1\n%3 = nn.conv2d %2, %w\n%4 = math.add %3, %2\n"
    new = quantised(lab, text + "%5 = nn.conv2d %4, %w\n%6 = math.add %5, %2\nreturn %6")
    lines = lab.body(new).splitlines()
    assert sum("quant.cast %2\n" in line + "\n" for line in lines) == 1
    assert sum("quant.cast %2.q" in line for line in lines) == 1
    assert {k: v for k, v in dtypes(new).items() if k.endswith(".q")} == {"x.q": "u8", "2.q": "u8", "4.q": "u8"}
    fused = run_pipeline(new, "fuse")
    assert [str(n.result.dtype) for n in fused.graph.nodes if n.op.name == "ir.fused"] == ["u8", "u8", "f32"]
    lab.same(new, fused, 0)


def test_a_fused_module_stays_fused(lab):
    text = CONV + '%1 = nn.conv2d %x, %w @label "a"\n%2 = nn.relu %1\n%3 = nn.conv2d %2, %w @label "b"\nreturn %3'
    module = lab.module(text)
    item = Quantize().calibrated(ranges(module))
    assert item.run(run_pipeline(module, "fuse")) == run_pipeline(item.run(module), "fuse")


def test_movement_runs_on_the_integers(lab):
    text = CONV + "%1 = nn.conv2d %x, %w\n%2 = nn.max_pool2d %1 kernel_shape=(2,2) strides=(2,2)\n"
    text += "%3 = nn.conv2d %x, %w strides=(2,2)\n%4 = tensor.concat %2, %3 axis=1\n"
    text += "%5 = nn.channel_shuffle %4 groups=2\n"
    text += "%6, %7 = tensor.split %5 sizes=(2,2) axis=1\n%8 = nn.conv2d %6, %w\n%9 = nn.conv2d %7, %w\n"
    new = quantised(lab, text + "%10 = math.add %8, %9\nreturn %10")
    found = {n.op.name: str(n.result.dtype) for n in new.graph.nodes}
    assert all(found[name] == "u8" for name in ("nn.max_pool2d", "tensor.concat", "nn.channel_shuffle", "tensor.split"))
    quants = {n.result.type.quant for n in new.graph.nodes if n.result.name in ("1.q", "2.q", "4.q", "6.q")}
    assert len(quants) == 1, "what only movement connects has one scale"


def test_concatenation_of_more_channels_than_the_integers_can_count(lab):
    text = "%x: f32[1,2,2,2] = input\n" + '%w: f32[200,2,1,1] = ir.param "w"\n%v: f32[2,400,1,1] = ir.param "v"\n'
    text += "%1 = nn.conv2d %x, %w\n%2 = nn.relu %1\n%3 = tensor.concat %1, %2 axis=1\n%4 = nn.conv2d %3, %v\nreturn %4"
    assert dtypes(quantised(lab, text))["3.q"] == "u8"


def test_movement_whose_result_is_an_output(lab):
    text = CONV + "%1 = nn.conv2d %x, %w\n%2 = nn.max_pool2d %1 kernel_shape=(2,2) strides=(2,2)\n"
    new = quantised(lab, text + "%3 = nn.conv2d %2, %w\nreturn %2, %3")
    assert dtypes(new)["2"] == "f32" and dtypes(new)["2.q"] == "u8"


def test_squeeze_excite(lab):
    text = CONV + "%1 = nn.conv2d %x, %w, %b\n%2 = nn.relu %1\n%3 = math.reduce_mean %2 axes=(2,3)\n"
    text += "%4 = nn.conv2d %3, %w\n%5 = nn.sigmoid %4\n%6 = math.mul %2, %5\n%7 = nn.conv2d %6, %w\nreturn %7"
    new = run_pipeline(quantised(lab, text), "fuse")
    assert [str(n.result.dtype) for n in new.graph.nodes if n.op.name == "ir.fused"] == ["u8"] * 4 + ["f32"]


def test_gemm_and_matmul_with_a_weight(lab):
    text = """
    %x: f32[3,4] = input
    %v: f32[5,4] = ir.param "v"
    %b: f32[5] = ir.param "b"
    %m: f32[5,2] = ir.param "m"
    %1 = nn.gemm %x, %v, %b transpose_b=true
    %2 = nn.matmul %1, %m
    return %2
    """
    new = quantised(lab, text)
    axes = {n.result.name: n.result.type.quant.axis for n in new.graph.nodes if n.op.name == "ir.param"}
    assert axes == {"v.q": 0, "b.q": 0, "m.q": 1}


def test_precision_per_layer(lab):
    text = CONV + '%1 = nn.conv2d %x, %w @label "stem"\n%2 = nn.conv2d %1, %w @label "body"\n'
    text += '%3 = nn.conv2d %2, %w @label "side"\n%4 = nn.conv2d %2, %w @label "head"\n%5 = math.add %3, %4\n'
    item = Quantize(bits=6, layers=(("side", "w3a4"), ("body", "float")), first="8", last="w12a10")
    module = lab.module(text + "return %5")
    new = item.calibrated(ranges(module)).run(module)
    assert {k: v for k, v in dtypes(new).items() if k.endswith((".q", ".acc"))} == {
        "x.q": "u8", "1.acc": "i32", "2.q": "u10", "3.acc": "i32", "4.acc": "i32",
    }  # fmt: skip
    weights = [str(n.result.dtype) for n in new.graph.nodes if n.op.name == "ir.param" and n.result.type.quant]
    assert weights == ["i8", "i3", "i12"]


@pytest.mark.parametrize(
    "options",
    [{"first": "float", "last": "w4a8"}, {"first": "w4a8", "last": "float"},
     {"layers": (("stem", "float"), ("body", "w4a6"), ("3", "8"))}],
    ids=["first", "last", "layers"],
)  # fmt: skip
def test_exceptions_mean_the_same_layers_when_it_runs_again(lab, options):
    text = CONV + '%1 = nn.conv2d %x, %w @label "stem"\n%2 = nn.conv2d %1, %w @label "body"\n'
    module = lab.module(text + "%3 = nn.conv2d %2, %w\nreturn %3")
    item = Quantize(**options).calibrated(ranges(module))
    once = item.run(module)
    assert [n.op.x.dtype.floating for n in once.graph.nodes if n.op.name == "nn.conv2d"].count(True) == 1
    assert item.run(once) is once


def test_a_name_stands_for_every_layer_that_has_it(lab):
    text = CONV + '%1 = nn.conv2d %x, %w @label "c"\n%2 = nn.conv2d %1, %w @label "c"\nreturn %2'
    module = lab.module(text)
    new = Quantize(layers=(("c", "w3a8"),)).calibrated(ranges(module)).run(module)
    assert [str(n.op.weight.dtype) for n in new.graph.nodes if n.op.name == "nn.conv2d"] == ["i3", "i3"]


def test_a_product_of_constants_is_left_to_constant_folding(lab):
    text = CONV + '%c: f32[2] = ir.param "c"\n%1 = tensor.reshape %c shape=(1,2,1,1)\n%2 = nn.conv2d %1, %w\nreturn %2'
    module = lab.module(text)
    assert Quantize().run(module) is module


def test_weights_that_are_zero_or_tiny(lab):
    text = CONV + "%1 = nn.conv2d %x, %w, %b\nreturn %1"
    module = lab.module(text)
    weight = np.zeros((2, 2, 1, 1), np.float32)
    weight[1] = 1e-12
    module = module.with_graph(module.graph, Params({"w": weight, "b": np.array([3.0, -2.0], np.float32)}))
    new = Quantize().calibrated({"x": (-1.0, 1.0)}).run(module)
    lab.same(module, new, 1e-5)


def test_wide_products_get_a_wide_accumulator(lab):
    module = lab.module(CONV + "%1 = nn.conv2d %x, %w, %b\nreturn %1")
    new = Quantize(bits=16).calibrated(ranges(module)).run(module)
    assert dtypes(new)["1.acc"] == "i64"
    lab.same(module, new, 1e-3)


def test_more_bits_are_more_exact(lab):
    """A bias that is large in units of small scales must not coarsen the weights."""
    module = lab.module(CONV + "%1 = nn.conv2d %x, %w, %b\nreturn %1")
    module = module.with_graph(module.graph, module.params.updated({"b": np.array([300, -200], np.float32)}))
    x = lab.random(module.graph.inputs[0].type, "x")
    want = evaluate(module, {"x": x}, exact=True)["1"]
    errors = []
    for bits in (4, 8, 12, 16):
        new = Quantize(bits=bits, method="minmax").calibrated(calibrate(module, {"x": x})).run(module)
        errors.append(float(np.abs(evaluate(new, {"x": x}, exact=True)["1"] - want).max()))
    assert all(finer < coarser / 6 for coarser, finer in zip(errors, errors[1:], strict=False))


def test_low_precision_clips_weights_where_that_is_nearer(lab):
    """One outlier must not take the few steps of all others."""
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((2, 64, 3, 3)).astype(np.float32)
    weight[:, 0, 0, 0] = 8.0
    from gossamer.passes.precision import stored, weight_type

    errors = []
    for bits in (3, 8):
        type = weight_type(weight, 0, bits, np.zeros(2))
        back = stored(lambda: weight, type)() * np.asarray(type.quant.scale).reshape(2, 1, 1, 1)
        errors.append(float(((back - weight) ** 2).mean()))
        plain = np.abs(weight).max() / DType("i", bits).high
        rounded = np.rint(weight / plain) * plain
        assert errors[-1] <= ((rounded - weight) ** 2).mean() * 1.001
    assert errors[0] < 0.5 * ((np.rint(weight / (8 / 3)) * 8 / 3 - weight) ** 2).mean()


def test_refuses_without_ranges(lab):
    module = lab.module(CONV + "%1 = nn.conv2d %x, %w\nreturn %1")
    with pytest.raises(PassError, match=r"quantize: needs to see .* give calibration=inputs.npz"):
        run_pipeline(module, "quantize")
    with pytest.raises(PassError, match=r"quantize: no range for %x; calibrate the module .* \(observed: y, \.\.\.\)"):
        Quantize().calibrated({"y": (0, 1)}).run(module)


def test_refuses_unknown_layers_and_precisions(lab):
    module = lab.module(CONV + '%1 = nn.conv2d %x, %w @label "conv1"\nreturn %1')
    with pytest.raises(PassError, match="quantize: no layer 'conv2'; did you mean 'conv1'"):
        Quantize(layers=(("conv2", "8"),)).calibrated(ranges(module)).run(module)
    for wrong in ({"layers": (("a", "int8"),)}, {"first": "w8"}, {"last": "wide"}):
        with pytest.raises(PassError, match="is no precision; needs to be like 8, w4a8 or float"):
            Quantize(**wrong)
    for wrong in ({"bits": 1}, {"bits": 17}, {"weight_bits": 0}, {"layers": (("a", "w1a8"),)}):
        with pytest.raises(PassError, match=r"bits; needs 2 to 16"):
            Quantize(**wrong)
    with pytest.raises(PassError, match="percentile=40 needs to be over 50"):
        Quantize(percentile=40)


def test_nothing_to_quantise_needs_no_ranges(lab):
    lab.check("quantize", "%x: f32[2] = input\n%1: f32[2] = nn.relu %x\nreturn %1", None)
    module = lab.module(CONV + '%1 = nn.conv2d %x, %w @label "c"\nreturn %1')
    assert Quantize(layers=(("c", "float"),)).run(module) is module


def test_calibration_from_a_file(lab, tmp_path):
    module = lab.module(CONV + "%1 = nn.conv2d %x, %w\nreturn %1")
    images = np.random.default_rng(0).standard_normal((5, 2, 4, 4)).astype(np.float32)
    np.savez(tmp_path / "some inputs.npz", x=images)
    new = run_pipeline(module, f'quantize{{calibration="{tmp_path / "some inputs.npz"}"}}')
    assert new == Quantize().calibrated(calibrate(module, {"x": images})).run(module)
    whole = (tmp_path / "some inputs.npz").read_bytes()
    broken = {"pickle": b"PK nonsense", "no": b"PK\3\4 nonsense", "cut": whole[:-40]}
    broken["flipped"] = whole.replace(b"descr", b"DESCR")
    for name, content in broken.items():
        (tmp_path / f"{name}.npz").write_bytes(content)
    np.save(tmp_path / "one.npz.npy", images)
    (tmp_path / "one.npz.npy").rename(tmp_path / "one.npz")
    for name in (*(f"{name}.npz" for name in broken), "one.npz", "missing.npz"):
        with pytest.raises(DataError, match=f"{name}: needs to be an npz file with one array"):
            run_pipeline(module, f"quantize{{calibration={tmp_path / name}}}")


def test_weights_that_are_not_finite(lab):
    module = lab.module(CONV + "%1 = nn.conv2d %x, %w\nreturn %1")
    broken = module.with_graph(module.graph, module.params.updated({"w": np.full((2, 2, 1, 1), np.inf, np.float32)}))
    with pytest.raises(PassError, match="a scale of inf; the weights or the calibration hold a value that is not"):
        Quantize().calibrated(ranges(module)).run(broken)
