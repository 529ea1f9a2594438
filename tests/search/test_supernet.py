import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'gossamer[search]'")

from gossamer.ir.errors import DataError  # noqa: E402
from gossamer.ir.reference import evaluate  # noqa: E402
from gossamer.search.datasets.base import load_data  # noqa: E402
from gossamer.search.estimators.base import SupernetEstimator  # noqa: E402
from gossamer.search.estimators.checkpoint import trained  # noqa: E402
from gossamer.search.estimators.depthwise import depthwise  # noqa: E402
from gossamer.search.estimators.quantized import QuantizedRunner  # noqa: E402
from gossamer.search.estimators.supernet import Supernet  # noqa: E402
from gossamer.search.estimators.train import Training, end_genomes, widest_plan  # noqa: E402
from gossamer.search.lower import build_module  # noqa: E402
from gossamer.search.lowered import _quantize, _quantized, measured_accuracy  # noqa: E402


@pytest.fixture(scope="module")
def net(space):
    """Trained for a moment, so that its tensors are not those of a fresh one."""
    return trained(space, load_data("digits"), None, 0, Training(steps=40, batch=32), lambda *_: None)


def plan_of(space, genome):
    return space.architecture.plan(space.decode(genome))


def network_of(space, genome, weights):
    plan = plan_of(space, genome)
    return lambda images: build_module("net", plan, weights, space.architecture.input_shape, images)


@pytest.mark.parametrize(
    "size, kernel, stride", [(8, 3, 1), (8, 5, 2), (4, 5, 1), (2, 5, 2), (1, 3, 1), (9, 3, 2), (7, 5, 2)]
)
def test_depthwise_equals_convolution(size, kernel, stride):
    x, weight = torch.randn(3, 6, size, size), torch.randn(6, 1, kernel, kernel)
    wanted = torch.nn.functional.conv2d(x, weight, None, stride, kernel // 2, 1, 6)
    assert torch.allclose(depthwise(x, weight, stride), wanted, atol=1e-5)


@pytest.mark.slow
def test_every_network_finds_its_weights(space):
    net = Supernet(widest_plan(space), 0)
    x = torch.rand(4, 1, 8, 8)
    for genome in space.sample(40, np.random.default_rng(0)):
        assert net.forward(plan_of(space, genome), x, space.bits(genome)).shape == (4, 10)


@pytest.mark.slow
def test_folding_batch_norm_changes_nothing(space, net):
    x = torch.from_numpy(load_data("digits").calibration)
    for genome in space.sample(5, np.random.default_rng(1)):
        plan = plan_of(space, genome)
        folded = QuantizedRunner(net).logits(net.fold(plan, x), plan, x, {})
        assert torch.allclose(folded, net.forward(plan, x), atol=2e-3)


@pytest.mark.slow
def test_training_is_deterministic(space):
    data, settings = load_data("digits"), Training(steps=3, batch=16)
    one, same = (trained(space, data, None, 5, settings, lambda *_: None).parameters for _ in range(2))
    assert all(torch.equal(one[name], same[name]) for name in one)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_quantised_logits_agree_with_the_integers_of_the_ir(space, net, seed):
    data = load_data("digits")
    genome = space.sample(1, np.random.default_rng(seed))[0]
    plan, bits = plan_of(space, genome), space.bits(genome)
    images = data.validation.first(64)
    folded = net.fold(plan, torch.from_numpy(data.calibration))
    ours = QuantizedRunner(net).logits(folded, plan, torch.from_numpy(images.floats()), bits).numpy()
    network = network_of(space, genome, folded.arrays())
    module = _quantized(network, 64, _quantize(space, genome, network, data, 0))
    theirs = evaluate(module, {"image": images.floats()})["logits"]
    # A tie that falls the other way moves one activation by a step; most logits agree to rounding.
    close = np.abs(ours - theirs) < 1e-3 * np.abs(theirs).max()
    assert close.mean() > 0.9
    assert (ours.argmax(1) == theirs.argmax(1)).mean() > 0.98


@pytest.mark.slow
def test_accuracy_in_the_search_is_accuracy_measured(space, net, monkeypatch):
    data = load_data("digits")
    monkeypatch.setattr("gossamer.search.estimators.checkpoint.trained", lambda *_: net)
    judge = SupernetEstimator(space, data, None, 0, None, lambda *_: None)
    genomes = space.repair(np.stack(end_genomes(space)))
    believed = judge.accuracy(genomes)
    assert judge.asked == 2 and (judge.accuracy(genomes[::-1]) == believed[::-1]).all() and judge.asked == 2
    for genome, value in zip(genomes, believed):
        assert abs(measured(space, genome, judge.weights(genome), data) - value) <= 3 / len(data.validation)


def measured(space, genome, weights, data):
    network = network_of(space, genome, weights)
    quantize = _quantize(space, genome, network, data, 0)
    return measured_accuracy(lambda images: _quantized(network, images, quantize), data.validation)


@pytest.mark.slow
def test_a_checkpoint_is_used_again_only_for_what_it_was_made_for(space, tmp_path):
    data, path, said = load_data("digits"), tmp_path / "net.npz", []
    note = lambda what, done, of: said.append(done)  # noqa: E731
    first = trained(space, data, path, 0, Training(steps=2, batch=8), note)
    again = trained(space, data, path, 0, Training(steps=2, batch=8), note)
    assert said == [1, 2]
    assert all(torch.equal(first.parameters[name], again.parameters[name]) for name in first.parameters)
    trained(space, data, path, 1, Training(steps=2, batch=8), note)
    assert len(said) == 4
    path.write_bytes(b"PK broken")
    with pytest.raises(DataError, match="is not a readable supernet"):
        trained(space, data, path, 1, Training(steps=2, batch=8), note)
    assert path.read_bytes() == b"PK broken"
