"""The evaluator `zero-cost`: scores by hand on a tiny network."""

import numpy as np
import pytest

from gossamer.ir.errors import SearchError
from gossamer.search.estimators.degree import nn_degree
from gossamer.search.estimators.zero_cost import ZeroCost
from gossamer.search.evaluators import Context
from gossamer.search.space import CoDesignSpace, Precision
from gossamer.search.spaces.drawn import DrawnNetwork
from gossamer.search.spaces.nasbench201 import NasBench201

torch = pytest.importorskip("torch")
TORCH = ("naswot", "synflow", "jacob_cov", "grad_norm", "snip")


def start(names, space, folder, silent, data="", **options):
    product = CoDesignSpace(space, Precision((), ()), None)
    return ZeroCost(names, **options).start(Context(product, 0, data, folder, silent))


@pytest.fixture(scope="module")
def net():
    """conv 3x3 (no bias), batch norm, relu, mean, linear: its module and torch network."""
    from gossamer.codegen.torch import to_torch

    drawn = DrawnNetwork((2, 4, 4), seed=3)
    x = drawn.relu(drawn.batch_norm(drawn.conv(drawn.image, "conv", 4, 3), "bn"), "relu")
    module = drawn.finish("tiny", drawn.linear(drawn.mean(x, "mean"), "fc", 3))
    return module, to_torch(module)


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    return rng.normal(size=(6, 2, 4, 4)).astype(np.float32), rng.integers(0, 3, 6)


def test_synflow_by_hand(net, batch):
    """Without norms and with absolute weights the network is linear on images of ones: sum of w dR/dw is R for each of
    its two layers."""
    from gossamer.search.estimators.scores import scores

    module, network = net
    conv, fc = (np.abs(module.params[f"{name}.weight"]).astype(np.float64) for name in ("conv", "fc"))
    inside = np.zeros((4, 4, 4))
    for row in range(4):
        for column in range(4):
            for i in range(3):
                for j in range(3):
                    if 0 <= row + i - 1 < 4 and 0 <= column + j - 1 < 4:
                        inside[:, row, column] += conv[:, :, i, j].sum(axis=1)
    result = (fc @ inside.mean(axis=(1, 2))).sum()
    assert scores(network, *batch, ("synflow",))["synflow"] == pytest.approx(np.log1p(2 * result))


def test_naswot_by_hand(net, batch):
    from gossamer.search.estimators.scores import scores

    images = torch.from_numpy(batch[0])
    x = torch.conv2d(images, net[1].conv.weight.detach(), None, padding=1)
    x = (x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
    on = (x > 0).flatten(1).double().numpy()
    kernel = (on[:, None] == on[None]).sum(axis=2).astype(np.float64)
    kernel += 1e-5 * 64 * np.eye(6)
    assert scores(net[1], *batch, ("naswot",))["naswot"] == pytest.approx(np.linalg.slogdet(kernel)[1])


def test_gradients_by_hand(net, batch):
    from gossamer.search.estimators.scores import scores

    found = scores(net[1], *batch, ("grad_norm", "snip"))
    loss = torch.nn.functional.cross_entropy(net[1].train()(torch.from_numpy(batch[0])), torch.from_numpy(batch[1]))
    weights = [net[1].conv.weight, net[1].fc.weight]
    gradients = torch.autograd.grad(loss, weights)
    assert found["grad_norm"] == pytest.approx(sum(float(gradient.norm()) for gradient in gradients), rel=1e-5)
    snip = sum(float((weight.detach() * gradient).abs().sum()) for weight, gradient in zip(weights, gradients))
    assert found["snip"] == pytest.approx(snip, rel=1e-5)


def test_scores_leave_the_network_as_it_was(net, batch):
    from gossamer.search.estimators.scores import scores

    before = {name: value.clone() for name, value in net[1].state_dict().items()}
    scores(net[1], *batch, TORCH)
    assert all(torch.equal(value, before[name]) for name, value in net[1].state_dict().items())


def test_an_infinite_score_is_none(net, batch, monkeypatch):
    from gossamer.search.estimators import scores as module

    monkeypatch.setitem(module.SCORES, "snip", lambda *_: float("inf"))
    found = module.scores(net[1], *batch, ("snip", "grad_norm"))
    assert np.isnan(found["snip"]) and np.isfinite(found["grad_norm"])


def test_a_network_that_its_input_does_not_reach_has_no_jacob_cov(tmp_path, silent):
    space = NasBench201((3, 8, 8), 10, cells=1)
    dead = space.parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")
    found = start(TORCH, space, tmp_path, silent).evaluate(dead[None])
    assert np.isnan(found["jacob_cov"][0]) and found["synflow"][0] == 0 and np.isfinite(found["naswot"][0])


def test_degree_by_hand():
    """Widths 4, 4 and one addition of 4 channels at 8x8; width 6 at 4x4: 4 + 4 / 8 + 6."""
    drawn = DrawnNetwork((3, 8, 8))
    x = drawn.conv(drawn.image, "a", 4, 3)
    x = drawn.plus(x, drawn.conv(x, "b", 4, 3), "sum")
    assert nn_degree(drawn.finish("two", drawn.conv(x, "c", 6, 3, stride=2))) == 10.5


@pytest.mark.slow
def test_scores_on_images_and_again(tmp_path, silent):
    space = NasBench201((1, 8, 8), 10, cells=1, width=4)
    genomes = space.sample(3, np.random.default_rng(0))
    first = start(TORCH, space, tmp_path, silent, data="digits").evaluate(genomes)
    again = start(TORCH, space, tmp_path, silent, data="digits").evaluate(genomes[::-1])
    noise = start(TORCH, space, tmp_path, silent).evaluate(genomes)
    for name in TORCH:
        np.testing.assert_array_equal(first[name], again[name][::-1])
        assert name == "synflow" or (first[name] != noise[name]).any()


def test_what_is_refused():
    for names in ((), ("snip", "snip")):
        with pytest.raises(SearchError, match="zero-cost needs scores, each once"):
            ZeroCost(names)
    with pytest.raises(SearchError, match="batch = 1, but images are told apart from 2 on"):
        ZeroCost(batch=1)
