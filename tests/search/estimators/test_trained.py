"""The evaluator `train`: networks trained from their IR, early ends, weights that are found again."""

import numpy as np
import pytest

from gossamer.ir.analysis import layers
from gossamer.ir.errors import SearchError
from gossamer.ir.ops import BatchNorm
from gossamer.ir.reference import evaluate
from gossamer.passes.pipeline import run_pipeline
from gossamer.search.batches import with_batch
from gossamer.search.estimators.curves import extrapolated
from gossamer.search.estimators.fitting import Fitting, fit
from gossamer.search.estimators.norms import with_norms
from gossamer.search.estimators.trained import Train
from gossamer.search.evaluators import Context
from gossamer.search.experiment import images
from gossamer.search.lowered import BEFORE_QUANTIZE
from gossamer.search.space import CoDesignSpace, Precision
from gossamer.search.spaces.mobilenet import MobileNet, Stage
from gossamer.search.spaces.nasbench_macro import NasBenchMacro

SPACE = NasBenchMacro((1, 8, 8), 10, stem=16, depths=(1, 1), head=128, width=0.5)
SHORT = Train(epochs=4, images=512)
pytest.importorskip("torch")


def start(train, folder, silent, bits=()):
    product = CoDesignSpace(SPACE, Precision(SPACE.slots, bits), None)
    return product, train.start(Context(product, 0, "digits", folder, silent))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Product, evaluator, two genomes and their accuracies."""
    folder = tmp_path_factory.mktemp("run")
    product, part = start(SHORT, folder, lambda what, done, of: None)
    genomes = np.array([[0, 0], [1, 2]])
    return folder, part, genomes, part.evaluate(genomes)["accuracy"]


@pytest.mark.slow
def test_networks_learn(trained):
    _, part, _, found = trained
    assert part.isolated and [item.key for item in part.metrics] == ["accuracy"]
    assert found[1] > 0.7 and found[0] > 0.2


@pytest.mark.slow
def test_the_same_seed_gives_the_same_in_any_order(trained, tmp_path, silent):
    _, _, genomes, found = trained
    other = start(SHORT, tmp_path, silent)[1]
    assert other.evaluate(genomes[::-1])["accuracy"].tolist() == found[::-1].tolist()


@pytest.mark.slow
def test_the_module_is_the_network_that_was_measured(trained):
    _, part, genomes, found = trained
    validation = images("digits", 0).validation
    module = with_batch(part.module(genomes[1]), len(validation))
    logits = evaluate(module, {module.graph.inputs[0].name: validation.floats()})[module.graph.outputs[0].name]
    assert (logits.argmax(1) == validation.labels).mean() == pytest.approx(found[1], abs=0.003)


@pytest.mark.slow
def test_weights_are_found_again_and_broken_ones_trained_again(trained, silent):
    folder, _, genomes, found = trained
    files = sorted((folder / "trained").iterdir())
    assert len(files) == 2 and all(file.suffix == ".npz" for file in files)
    files[0].write_bytes(b"nothing")
    written = files[1].stat().st_mtime_ns
    assert start(SHORT, folder, silent)[1].evaluate(genomes)["accuracy"].tolist() == found.tolist()
    assert files[1].stat().st_mtime_ns == written and files[0].stat().st_size > 1000


@pytest.mark.slow
def test_bits_change_what_is_measured_but_not_what_is_trained(trained, silent):
    folder, _, genomes, found = trained
    product, part = start(SHORT, folder, silent, bits=(2, 8))
    own = np.zeros((2, len(product.choices)), np.int64)
    own[:, :2] = genomes[1]
    own[1, 2:] = 1
    low, high = part.evaluate(own)["accuracy"]
    assert high == pytest.approx(found[1], abs=0.02) and low < high - 0.1
    assert len(list((folder / "trained").iterdir())) == 2


def test_curves():
    curve = [0.9 - 0.5 * epoch**-1.0 for epoch in range(1, 6)]
    assert extrapolated(curve, 50) == pytest.approx(0.89)
    assert extrapolated([0.2, 0.6], 50) == 1.0
    assert extrapolated([0.5, 0.4, 0.3], 50) == 0.5  # it never promises less than there was


@pytest.mark.slow
def test_training_ends_early():
    data, drawn = images("digits", 0), SPACE.module(np.array([0, 0]))
    hopeless = fit(drawn, data, Fitting(epochs=30, images=64, learning_rate=1e-6, least=0.9), 0)
    assert len(hopeless.curve) == 3
    stale = fit(drawn, data, Fitting(epochs=30, images=64, learning_rate=1e-9, patience=2), 0)
    assert len(stale.curve) < 10
    few = fit(drawn, data, Fitting(epochs=2, images=64), 0)
    assert len(few.curve) == 2 and few.accuracy == few.curve[-1]


def test_what_is_refused(tmp_path, silent):
    product = CoDesignSpace(SPACE, Precision((), ()), None)
    with pytest.raises(SearchError, match="networks are trained on images: name some, as in data: digits"):
        Train().start(Context(product, 0, "", tmp_path, silent))
    for wrong in ({"epochs": 0}, {"batch": 1}, {"learning_rate": 0.0}):
        with pytest.raises(SearchError, match="epochs is a whole number from 1 on"):
            Train(**wrong)
    with pytest.raises(SearchError, match="least is between 0 and 1"):
        Train(least=2.0)
    with pytest.raises(SearchError, match="20 training images are less than one batch of 32"):
        fit(SPACE.module(np.array([0, 0])), images("digits", 0), Fitting(images=20), 0)


def test_batch_norms_are_put_back_for_training_and_fold_away():
    space = MobileNet((1, 8, 8), 10, stem=(4, 8), stages=(Stage((4, 8), 2, 2),), head=(8,))
    plain = space.module(space.sample(1, np.random.default_rng(0))[0])
    normed = with_norms(plain)
    assert sum(isinstance(node.op, BatchNorm) for node in normed.graph.nodes) >= 5 and with_norms(normed) is normed
    images = np.random.default_rng(0).random((1, 1, 8, 8), np.float32)
    before, after = (evaluate(module, {"image": images})["logits"] for module in (plain, normed))
    np.testing.assert_allclose(before, after, rtol=1e-4)
    folded = [layer for _, layer in layers(run_pipeline(normed, BEFORE_QUANTIZE))]
    assert folded == [layer for _, layer in layers(run_pipeline(plain, BEFORE_QUANTIZE))]
