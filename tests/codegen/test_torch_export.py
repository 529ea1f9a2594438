"""IR -> torch: equal numerics, gradients that are right, names that stay, and the way back."""

import numpy as np
import pytest

from gossamer.frontends import load
from gossamer.ir.errors import BackendError
from gossamer.ir.reference import evaluate
from gossamer.ir.text import parse_module

from . import op_cases

torch = pytest.importorskip("torch")

from gossamer.codegen.torch import save_torch, to_torch  # noqa: E402
from gossamer.codegen.torch.table import FUNCTIONS  # noqa: E402

FLAT = {
    "math.floor", "math.ceil", "math.round", "math.sign", "math.arg_max", "math.and", "math.bitwise", "quant.cast",
    "integers", "products of integers", "windows of integers", "bools", "bf16", *op_cases.NARROW,
}  # fmt: skip
"""Cases whose results have no slope, or no float results at all."""
SMOOTH = [name for name in op_cases.CASES if name not in FLAT]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """The nets are so small that threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def loops_alone(monkeypatch):
    """No op has a torch function: all are written by their loop nests."""
    for kind in list(FUNCTIONS):
        monkeypatch.delitem(FUNCTIONS, kind)


def tensors(module, inputs):
    return [torch.from_numpy(inputs[v.name]) for v in module.graph.inputs]


def results(found):
    return found if isinstance(found, tuple) else (found,)


def check(name):
    module, inputs = op_cases.case(name), op_cases.inputs()
    wanted = evaluate(module, inputs)
    found = results(to_torch(module)(*tensors(module, inputs)))
    for right, ours in zip(wanted.values(), found, strict=True):
        assert (tuple(ours.shape), ours.numpy(force=True).dtype) == (right.shape, right.dtype)
        np.testing.assert_allclose(ours.numpy(force=True), right, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", op_cases.CASES | op_cases.QUANTISED, ids=lambda n: n.replace(" ", "_"))
def test_op(name):
    check(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", op_cases.CASES, ids=lambda n: n.replace(" ", "_"))
def test_op_by_its_loops(name, loops_alone):
    check(name)


@pytest.mark.parametrize("name", SMOOTH, ids=lambda n: n.replace(" ", "_"))
def test_gradients(name):
    """Of the inputs and the parameters, in double, against differences (torch's gradcheck)."""
    gradients(name)


@pytest.mark.parametrize("name", ["nn.conv2d", "nn.softmax", "nn.max_pool2d", "tensor.gather", "nn.gelu", "nn.gemm"])
def test_gradients_of_loops(name, loops_alone):
    gradients(name)


def gradients(name):
    module, inputs = op_cases.case(name), op_cases.inputs()
    net = to_torch(module).double()
    given = [t.double().requires_grad_() if t.is_floating_point() else t for t in tensors(module, inputs)]

    def total(*operands):
        state, free = operands[: len(weights)], operands[len(weights) :]
        found = torch.func.functional_call(net, dict(zip(weights, state)), tuple(free))
        # A number of each, weighed differently: one backward pass a check, of any number of results.
        floats = [r.reshape(-1) for r in results(found) if r.is_floating_point()]
        return sum((r * torch.linspace(0.5, 1.5, r.numel(), dtype=r.dtype)).sum() for r in floats)

    weights = {n: p.detach().requires_grad_() for n, p in net.named_parameters()}
    assert torch.autograd.gradcheck(total, (*weights.values(), *given), fast_mode=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "squeezenet", "shufflenet_v2"])
def test_networks_train_as_the_original(name):
    """The same outputs and gradients as the torch network the module came from, in both modes of its batch norms."""
    from gossamer.frontends import zoo

    original = zoo.build(name, classes=10, width=0.125).eval()
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 3, 64, 64)).astype(np.float32))
    net = to_torch(load(original, {"x": (2, 3, 64, 64)}))
    slopes = []
    for model in (original, net):
        y = model(x)
        y.square().sum().backward()
        slopes.append({name: p.grad for name, p in model.named_parameters()})
    assert slopes[0].keys() == slopes[1].keys()
    for path, wanted in slopes[0].items():
        torch.testing.assert_close(slopes[1][path], wanted, rtol=1e-4, atol=1e-5 * float(wanted.abs().max() + 1e-9))
    torch.testing.assert_close(net(x), original(x), rtol=1e-5, atol=1e-6)
    known = original.state_dict()
    assert set(net.state_dict()) == {n for n in known if not n.endswith("num_batches_tracked")}


def test_batch_norms_learn_their_statistics():
    torch.manual_seed(0)
    original = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU())
    net = to_torch(load(original.eval(), {"input": (8, 3, 6, 6)}))
    x = torch.randn(8, 3, 6, 6)
    for model in (original, net):
        model.train()
    torch.testing.assert_close(net(x), original(x))
    torch.testing.assert_close(net.state_dict()["1.running_var"], original.state_dict()["1.running_var"])
    assert not torch.allclose(net.state_dict()["1.running_var"], torch.ones(4))


def test_it_exports_again(network, image):
    module = network("resnet18")
    program = torch.export.export(to_torch(module), (torch.from_numpy(image),))
    returned = load(program)
    found = next(iter(evaluate(returned, {returned.graph.inputs[0].name: image}).values()))
    np.testing.assert_allclose(found, evaluate(module, {"x": image})["y"], rtol=1e-4, atol=1e-5)


# --- precision


def test_precision_is_the_reference_s_and_trains(prepared, image):
    module = prepared("resnet18", "fold-bn,fuse,quantize{bits=4}")
    net = to_torch(module)
    np.testing.assert_allclose(
        net(torch.from_numpy(image)).numpy(force=True), evaluate(module, {"x": image})["y"], rtol=1e-5, atol=1e-6
    )
    optimiser = torch.optim.SGD(net.parameters(), lr=0.02)
    losses = []
    for _ in range(6):
        loss = torch.nn.functional.cross_entropy(net(torch.from_numpy(image)), torch.tensor([3]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


def test_the_gradient_passes_the_rounding_and_stops_at_the_range():
    steps = "%q = quant.cast %x type=i4[5]{scale=0.5}\n%y: f32[5] = quant.cast %q type=f32[5]"
    text = f"module q\n%x: f32[5] = input\n{steps}\nreturn %y\n"
    x = torch.tensor([-9.0, -1.3, 0.2, 1.74, 9.0], requires_grad=True)
    y = to_torch(parse_module(text))(x)
    np.testing.assert_array_equal(y.detach(), [-4.0, -1.5, 0.0, 1.5, 3.5])
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [0.0, 1.0, 1.0, 1.0, 0.0])


# --- training, source, errors


def test_a_network_learns():
    """Two moons, by a small network built as IR text: the loss falls to a tenth."""
    rng = np.random.default_rng(0)
    angle, side = rng.uniform(0, np.pi, 64), rng.integers(0, 2, 64)
    x = np.stack([np.cos(angle) + side, (1 - 2 * side) * np.sin(angle) + 0.5 * side], 1).astype(np.float32)
    params = {"hidden.weight": rng.standard_normal((16, 2)), "hidden.bias": np.zeros(16),
              "head.weight": rng.standard_normal((2, 16)) / 4, "head.bias": np.zeros(2)}  # fmt: skip
    module = parse_module(MOONS, {name: a.astype(np.float32) for name, a in params.items()})
    net, target = to_torch(module).train(), torch.from_numpy(side)
    assert set(dict(net.named_parameters())) == set(params)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.05)
    losses = []
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(net(torch.from_numpy(x)), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 * losses[0]


MOONS = """module moons
%x: f32[64,2] = input
%w1: f32[16,2] = ir.param "hidden.weight"
%b1: f32[16] = ir.param "hidden.bias"
%w2: f32[2,16] = ir.param "head.weight"
%b2: f32[2] = ir.param "head.bias"
%a = nn.gemm %x, %w1, %b1 transpose_b=true
%r = nn.tanh %a
%y = nn.gemm %r, %w2, %b2 transpose_b=true
return %y
"""


def test_parameters_and_buffers():
    net = to_torch(op_cases.case("nn.batch_norm"))
    assert not dict(net.named_parameters())  # in this case the scale is a mean, too
    assert set(dict(net.named_buffers())) == {"s", "v"}
    net = to_torch(op_cases.case("tensor.pad reflect"))
    assert not net.state_dict() and not list(net.parameters())  # what loops look up is no state
    net = to_torch(op_cases.case("convolution"))
    assert {n: p.dtype for n, p in net.named_parameters()} == {"qw": torch.float32, "qk": torch.float32}


def test_names_that_clash_are_told_apart():
    text = """module m
        %x: f32[2] = input
        %a: f32[2] = ir.param "a"
        %b: f32[2] = ir.param "a.weight"
        %c: f32[2] = ir.param "forward"
        %d: f32[2] = ir.param "onnx::Add_3"
        %s = math.add %x, %a
        %t = math.mul %s, %b
        %u = math.mul %t, %c
        %y = math.add %u, %d
        return %y
        """
    params = {name: np.array([2, 3], np.float32) for name in ("a", "a.weight", "forward", "onnx::Add_3")}
    net = to_torch(parse_module(text, params))
    assert list(net.state_dict()) == ["a", "a_weight_", "forward_", "onnx__Add_3"]
    np.testing.assert_array_equal(net(torch.tensor([1.0, 1.0])).detach(), [14.0, 39.0])


@pytest.mark.parametrize("name", ["self", "class", "input", "torch"])
@pytest.mark.parametrize("ref", ["class.weight", "a.def", "1.2", "lambda", "forward.b", "constants.c0", "training"])
def test_names_of_python_itself(name, ref, tmp_path):
    text = f'module m\n%{name}: f32[2] = input\n%w: f32[2] = ir.param "{ref}"\n%y = math.add %{name}, %w\nreturn %y\n'
    module = parse_module(text, {ref: np.ones(2, np.float32)})
    assert to_torch(module)(torch.zeros(2)).tolist() == [1, 1]
    save_torch(module, tmp_path / "net.py")
    home = {"__file__": str(tmp_path / "net.py")}
    exec((tmp_path / "net.py").read_text(), home)
    assert home["Network"]()(torch.zeros(2)).tolist() == [1, 1]


@pytest.mark.slow
def test_source_runs_without_gossamer(network, image, tmp_path):
    import subprocess
    import sys

    module = network("resnet18")
    save_torch(module, tmp_path / "net.py")
    np.save(tmp_path / "x.npy", image)
    program = (
        "import sys; sys.modules['gossamer'] = None\nimport numpy as np, torch\nfrom net import Network\n"
        "net = Network()\ny = net(torch.from_numpy(np.load('x.npy')))\ny.sum().backward()\n"
        "assert all(p.grad is not None for p in net.parameters())\nnp.save('y.npy', y.detach().numpy())\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=120)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), evaluate(module, {"x": image})["y"], rtol=1e-4, atol=1e-5)
    with pytest.raises(BackendError, match="python imports the file by its name"):
        save_torch(module, tmp_path / "not-a-name.py")


def test_what_cannot_be_written_is_said():
    bare = 'module net\n%x: f32[1] = input\n%w: f32[1] = ir.param "w"\n%y = math.add %x, %w\nreturn %y\n'
    with pytest.raises(BackendError, match="net: the module holds no weights for 'w', which torch needs"):
        to_torch(parse_module(bare))
