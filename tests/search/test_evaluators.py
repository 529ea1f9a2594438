"""Evaluators in and around a search: the surrogate, several targets, what runs where."""

import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from gossamer.ir.errors import SearchError
from gossamer.search.costs.evaluator import Cost
from gossamer.search.estimators.shared_weights import Predicted, Supernet
from gossamer.search.evaluators import Context, ForTarget
from gossamer.search.experiment import Experiment
from gossamer.search.objectives import OBJECTIVES
from gossamer.search.panel import Panel, WorkerJob
from gossamer.search.product import Bits, Product
from gossamer.search.strategies.random import RandomSearch


@dataclass(frozen=True)
class Additive:
    """A truth that a linear model finds: a hundredth of the sum of the network's genes. `isolated` as asked."""

    isolated: bool = False

    def start(self, context):
        return AdditiveEvaluator(context.space.network_genes, self.isolated)


class AdditiveEvaluator:
    metrics = (OBJECTIVES["accuracy"],)

    def __init__(self, genes, isolated):
        self.genes, self.isolated, self.asked = genes, isolated, 0

    def evaluate(self, genomes):
        self.asked += len(genomes)
        return {"accuracy": genomes[:, : self.genes].sum(axis=1) / 100}

    def weights(self, genome):
        return {"stem.weight": np.ones(3)}


def context(space, data="digits"):
    return Context(space, 0, data, Path("nowhere"), lambda what, done, of: None)


def test_a_surrogate_asks_the_truth_for_its_samples_alone(space):
    started = Predicted(samples=200, truth=Additive()).start(context(space))
    truth = started._truth
    assert truth.asked == 0 and started.slow
    genomes = space.sample(500, np.random.default_rng(7))
    found = started.evaluate(genomes)["accuracy"]
    assert truth.asked == 200 and np.corrcoef(found, truth.evaluate(genomes)["accuracy"])[0, 1] > 0.95
    moved = genomes.copy()
    moved[:, space.network_genes :] = space.choices.sizes[space.network_genes :] - 1
    assert started.evaluate(moved)["accuracy"].tolist() == found.tolist()  # hardware changes no accuracy
    assert started.error["accuracy"] < 0.05 and set(started.weights(genomes[0])) == {"stem.weight"}


def test_evaluators_that_cannot_work_say_so(space):
    with pytest.raises(SearchError, match="samples = 3: a surrogate learns from at least 10"):
        Predicted(samples=3)
    with pytest.raises(SearchError, match="steps and batch are whole numbers from 1 on"):
        Supernet(steps=0)
    with pytest.raises(SearchError, match="a supernet is trained on images: name some, as in data: digits"):
        Supernet().start(context(space, ""))


def test_a_cost_on_another_target_is_that_of_its_default_hardware(space):
    own, other = (Cost(target).start(context(space)) for target in ("", "cpu"))
    genomes = space.sample(4, np.random.default_rng(0))
    assert own.table.space is space and "area_mm2" in own.evaluate(genomes)
    there = other.evaluate(genomes)
    assert "area_mm2" not in there and not np.allclose(there["latency_s"], own.evaluate(genomes)["latency_s"])
    moved = genomes.copy()
    moved[:, space.network_genes :] = 0
    assert other.evaluate(space.repair(moved))["macs"].tolist() == there["macs"].tolist()


def test_metrics_of_one_target_carry_its_name(space):
    started = ForTarget(Cost("cpu"), "cpu").start(context(space))
    assert [item.label for item in started.metrics] == ["latency@cpu", "energy@cpu", "edp@cpu", "macs", "weights"]
    assert set(started.evaluate(space.sample(2, np.random.default_rng(0)))) == {item.key for item in started.metrics}
    assert ForTarget(Additive(isolated=True), "cpu").start(context(space)).isolated


def test_a_panel_knows_what_runs_where_and_its_job_pickles(space):
    experiment = Experiment(
        "mine",
        ("systolic",),
        space.architecture,
        Product(Bits(weights=(4, 8), activations=(4, 8)), hardware={"search": True}),
        RandomSearch(),
        (Cost(), Additive(isolated=True)),
        ("accuracy", "latency"),
    )
    product = experiment.product.build(experiment.space, experiment.backend())
    panel = Panel.start(experiment, product, Path("nowhere"), lambda what, done, of: None)
    assert [item.label for item in panel.instant.metrics] == [item.label for item in panel.parts[0].metrics]
    assert panel.outside == (Additive(isolated=True),) and set(panel.priced) == {i.key for i in panel.parts[0].metrics}
    assert panel.trained is panel.parts[1]
    space.architecture.__dict__["cached"] = lambda: None  # what a cached property may hold
    try:
        job = pickle.loads(pickle.dumps(WorkerJob.of(experiment, panel, Path("nowhere"))))
    finally:
        del space.architecture.__dict__["cached"]
    genomes = product.sample(3, np.random.default_rng(0))
    assert job.start().evaluate(genomes)["accuracy"].tolist() == panel.parts[1].evaluate(genomes)["accuracy"].tolist()
