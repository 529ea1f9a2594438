"""The networks of the zoo, imported both ways: ONNX agrees with onnxruntime, torch.export with ONNX and with torch."""

from math import prod

import numpy as np
import pytest

from gossamer.frontends import load, zoo
from gossamer.frontends.zoo.__main__ import main
from gossamer.ir.analysis import layers
from gossamer.ir.errors import FrontendError
from gossamer.ir.reference import evaluate
from gossamer.ir.verify import verify

torch = pytest.importorskip("torch")

X = np.random.default_rng(5).standard_normal((1, 3, 64, 64)).astype(np.float32)
WEIGHTED = {  # convolutions and gemms
    "resnet18": 21, "mobilenet_v2": 53, "mobilenet_v3": 64, "efficientnet_b0": 82, "vgg11": 10, "squeezenet": 26,
    "shufflenet_v2": 57,
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """The nets are so small that threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=zoo.NAMES)
def net(request, tmp_path_factory, one_thread):
    """(name, torch module, ONNX file, IR module) of a narrow version."""
    model = zoo.build(request.param, classes=10, width=0.25)
    path = tmp_path_factory.mktemp("nets") / f"{request.param}.onnx"
    zoo.save_onnx(model, path, size=64)
    return request.param, model, path, load(path)


def relative(found, wanted):
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def test_onnx_import_agrees_with_onnxruntime(net):
    ort = pytest.importorskip("onnxruntime")
    _, _, path, module = net
    verify(module)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    wanted = ort.InferenceSession(path, options).run(None, {"x": X})[0]
    # onnxruntime folds batch norms, which moves the last bits: 1.3e-5 at most was seen.
    assert relative(evaluate(module, {"x": X})["y"], wanted) < 5e-5


def test_torch_import_agrees_with_onnx_import(net):
    name, model, _, imported = net
    module = load(model, {"x": X.shape})
    verify(module)
    assert set(module.params) == set(imported.params)
    assert all(np.array_equal(module.params[p], imported.params[p]) for p in module.params)
    (found,), (other,) = evaluate(module, {"x": X}).values(), evaluate(imported, {"x": X}).values()
    assert relative(found, other) < 1e-6
    with torch.no_grad():
        assert relative(found, model(torch.from_numpy(X)).numpy()) < 5e-5
    if name == "resnet18":
        assert {"conv1", "layer1.0.bn1", "layer4.1.relu", "fc"} <= {node.label for node in module.graph.nodes}


def test_imports_are_clean(net):
    """Nothing is left of shape arithmetic, batch norms are kept, and every name is the file's."""
    name, model, _, module = net
    kinds = [node.op.name for node in module.graph.nodes]
    assert sum(kinds.count(k) for k in ("nn.conv2d", "nn.gemm")) == WEIGHTED[name]
    assert kinds.count("nn.batch_norm") == sum(isinstance(m, torch.nn.BatchNorm2d) for m in model.modules())
    assert not [n for n in module.graph.nodes if n.result.dtype.integer]
    assert [v.name for v in (*module.graph.inputs, *module.graph.outputs)] == ["x", "y"]
    assert set(module.params) <= set(model.state_dict())


def test_batch_norms_have_work_for_folding():
    model = zoo.build("mobilenet_v2", classes=10, width=0.25)
    for norm in (m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        assert norm.running_var.std() > 0 and norm.weight.std() > 0.1 and norm.bias.std() > 0


def test_same_seed_same_weights():
    one, same, other = (zoo.build("squeezenet", classes=3, width=0.25, seed=s).state_dict() for s in (1, 1, 2))
    assert all(torch.equal(one[k], same[k]) for k in one) and any(not torch.equal(one[k], other[k]) for k in one)


def test_full_size_resnet18_has_the_published_macs():
    module = load(zoo.build("resnet18"), {"x": (1, 3, 224, 224)})
    assert sum(layer.macs for _, layer in layers(module)) == 1_814_073_344
    assert sum(prod(module.params[p].shape) for p in module.params if "running" not in p) == 11_689_512


def test_command(tmp_path, capsys):
    path = tmp_path / "s.onnx"
    options = ["--size", "64", "--width", "0.25", "--classes", "5", "--fold-bn"]
    assert main(["squeezenet", "-o", str(path), *options]) == 0
    assert capsys.readouterr().out == f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB)\n"
    assert load(path).graph.outputs[0].shape == (1, 5)
    assert main(["squeezenets", "-o", str(path)]) == 2
    assert capsys.readouterr().err.startswith("error: unknown network 'squeezenets'; did you mean 'squeezenet'?")


def test_unknown_network():
    with pytest.raises(FrontendError, match="unknown network 'resnet81'; did you mean 'resnet18'?"):
        zoo.build("resnet81")
