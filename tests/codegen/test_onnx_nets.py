"""Whole networks through the passes and out as ONNX: float, fused and quantised."""

import numpy as np
import onnx
import pytest

from gossamer.codegen.onnx import export_onnx
from gossamer.frontends import load, zoo
from gossamer.ir.reference import evaluate
from gossamer.passes.calibrate import calibrate
from gossamer.passes.fold_bn import FoldBatchNorm
from gossamer.passes.fuse import Fuse
from gossamer.passes.quantize import Quantize

torch = pytest.importorskip("torch")
ort = pytest.importorskip("onnxruntime")

NETS = (
    "resnet18", "mobilenet_v2", "mobilenet_v3", "efficientnet_b0", "vgg11", "squeezenet", "shufflenet_v2",
)  # fmt: skip
X = np.random.default_rng(4).standard_normal((1, 3, 32, 32)).astype(np.float32)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """The nets are so small that threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def modules(tmp_path_factory, one_thread):
    """Imported modules of narrow nets, by name; each is built once."""
    made = {}

    def module(name):
        if name not in made:
            path = tmp_path_factory.mktemp("nets") / f"{name}.onnx"
            zoo.save_onnx(zoo.build(name, classes=10, width=0.25), path, size=32)
            made[name] = load(path)
        return made[name]

    return module


def error(module, optimised=True):
    """Largest difference between onnxruntime and the reference, and the reference's largest number."""
    model = export_onnx(module)
    onnx.checker.check_model(model, full_check=True)
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    if not optimised:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    found = ort.InferenceSession(model.SerializeToString(), options).run(None, {"x": X})[0]
    wanted = evaluate(module, {"x": X})["y"]
    return np.abs(found - wanted).max(), np.abs(wanted).max()


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_float(name, modules):
    for module in (modules(name), Fuse().run(FoldBatchNorm().run(modules(name)))):
        off, size = error(module)
        assert off < 1e-5 * size  # measured: 2e-6 and below


@pytest.mark.slow
@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "squeezenet"])
def test_quantised(name, bits, modules):
    fused = Fuse().run(FoldBatchNorm().run(modules(name)))
    ranges = calibrate(fused, {"x": X})
    quantised = Quantize(bits=bits).calibrated(ranges).run(fused)
    off, size = error(quantised, optimised=False)
    step = size / (1 << bits)
    assert off <= step  # measured: 3e-7, since both round the same numbers


def test_runtimes_find_integer_kernels(modules):
    """onnxruntime's optimiser recognises the pattern, and keeps the result within one step."""
    fused = Fuse().run(FoldBatchNorm().run(modules("resnet18")))
    quantised = Quantize(bits=8).calibrated(calibrate(fused, {"x": X})).run(fused)
    kinds = [node.op_type for node in export_onnx(quantised).graph.node]
    assert kinds.count("QuantizeLinear") > 20 and "BatchNormalization" not in kinds
    off, size = error(quantised)
    assert off <= size / 256
