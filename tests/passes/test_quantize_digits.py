"""Quantisation on real data: a small residual network trained on scikit-learn's digits loses at most one point."""

import numpy as np
import pytest

from gossamer.ir.build import GraphBuilder
from gossamer.ir.graph import Module, Params
from gossamer.ir.ops import Add, BatchNorm, Conv2d, Gemm, MaxPool2d, Param, ReduceMean, Relu
from gossamer.ir.reference import evaluate
from gossamer.ir.types import F32, TensorType
from gossamer.ir.verify import verify
from gossamer.passes.calibrate import calibrate
from gossamer.passes.pipeline import run_pipeline
from gossamer.passes.quantize import Quantize

torch = pytest.importorskip("torch", reason="trains the network that is quantised")
datasets = pytest.importorskip("sklearn.datasets", reason="holds the digits")

nn = torch.nn
CHANNELS = 16


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.stem_bn = nn.Conv2d(1, CHANNELS, 3, padding=1, bias=False), nn.BatchNorm2d(CHANNELS)
        self.body, self.body_bn = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False), nn.BatchNorm2d(CHANNELS)
        self.last, self.last_bn = nn.Conv2d(CHANNELS, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32)
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        x = torch.relu(self.stem_bn(self.stem(x)))
        x = torch.relu(self.body_bn(self.body(x)) + x)
        x = nn.functional.max_pool2d(x, 2)
        return self.head(torch.relu(self.last_bn(self.last(x))).mean((2, 3)))


def split():
    data = datasets.load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    x, y = (data.images[order, None] / 16).astype(np.float32), data.target[order]
    return (x[:1437], y[:1437]), (x[1437:], y[1437:])


def trained(x, y):
    """One thread: the network is so small that a second one only waits, for long on a busy machine."""
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    net = Net()
    steps = torch.optim.Adam(net.parameters(), 5e-3)
    images, labels = torch.from_numpy(x), torch.from_numpy(y)
    for _ in range(12):
        for batch in torch.randperm(len(labels)).split(64):
            steps.zero_grad()
            nn.functional.cross_entropy(net(images[batch]), labels[batch]).backward()
            steps.step()
    torch.set_num_threads(threads)
    return net.eval()


def as_module(net, batch):
    """The trained network in the IR, batch norms and all."""
    b, weights = GraphBuilder(), {k: v.detach().numpy() for k, v in net.state_dict().items()}

    def param(name):
        return b.add(Param(name, TensorType(F32, weights[name].shape)), name)

    def block(x, name):
        norm = (f"{name}_bn.{part}" for part in ("weight", "bias", "running_mean", "running_var"))
        y = b.add(Conv2d(x, param(f"{name}.weight"), pads=(1, 1, 1, 1)), label=name)
        return b.add(BatchNorm(y, *(param(n) for n in norm)))

    x = b.input("x", TensorType(F32, (batch, 1, 8, 8)))
    first = b.add(Relu(block(x, "stem")))
    pooled = b.add(MaxPool2d(b.add(Relu(b.add(Add(block(first, "body"), first)))), (2, 2), (2, 2), (0, 0, 0, 0)))
    mean = b.add(ReduceMean(b.add(Relu(block(pooled, "last"))), (2, 3), keepdims=False))
    logits = b.add(Gemm(mean, param("head.weight"), param("head.bias"), True), "logits", label="head")
    return verify(Module("digits", b.finish((logits,)), Params(weights)))


@pytest.fixture(scope="module")
def case():
    (x, y), test = split()
    net = trained(x, y)
    module = run_pipeline(as_module(net, len(test[1])), "fold-constants,simplify,fold-bn,dce,fuse")
    with torch.no_grad():
        want = net(torch.from_numpy(test[0])).numpy()
    np.testing.assert_allclose(evaluate(module, {"x": test[0]})["logits"], want, rtol=0, atol=1e-3)
    return module, test, calibrate(module, {"x": x})


def accuracy(module, test):
    return float((evaluate(module, {"x": test[0]})["logits"].argmax(1) == test[1]).mean())


@pytest.mark.slow
@pytest.mark.parametrize(
    "item, drop",
    [
        (Quantize(), 0.01),
        (Quantize(method="minmax"), 0.01),
        (Quantize(method="percentile", percentile=99.9), 0.01),
        (Quantize(weight_bits=4), 0.02),
        (Quantize(bits=4, first="w8a8", last="w8a8"), 0.05),
        (Quantize(bits=12), 0.003),
    ],
    ids=["int8 mse", "int8 minmax", "int8 percentile", "w4a8", "int4, ends int8", "int12"],
)
def test_accuracy(case, item, drop):
    module, test, observed = case
    quantised = verify(item.calibrated(observed).run(module), load=True)
    assert accuracy(module, test) >= 0.96
    assert accuracy(quantised, test) >= accuracy(module, test) - drop


def test_everything_between_the_layers_is_stored_as_integers(case):
    module, _, observed = case
    quantised = Quantize().calibrated(observed).run(module)
    types = [str(n.result.dtype) for n in quantised.graph.nodes if n.op.name != "ir.param"]
    assert types == ["u8"] * (len(types) - 1) + ["f32"]


def test_logits_within_a_stated_tolerance(case):
    """The rms error relative to the logits' rms: at most 3 % in int8, and every two bits more take off a third or more.

    Beyond 12 bits it is the values outside the calibrated range that are left.
    """
    module, test, observed = case
    want = evaluate(module, {"x": test[0]})["logits"]
    errors = []
    for bits in (4, 6, 8, 10, 12):
        got = evaluate(Quantize(bits=bits).calibrated(observed).run(module), {"x": test[0]})["logits"]
        errors.append(float(np.sqrt(((got - want) ** 2).mean() / (want**2).mean())))
    assert errors[2] < 0.03
    assert all(after < before / 1.5 for before, after in zip(errors, errors[1:], strict=False))
