"""Experiments carried out on made-up tables: the front, its limits, what is refused, several targets, lost designs."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from gossamer.ir.errors import SearchError
from gossamer.ir.hardware import Hardware
from gossamer.search.batches import with_batch
from gossamer.search.costs.evaluator import Cost
from gossamer.search.engine import run
from gossamer.search.evaluators import ForTarget, Together
from gossamer.search.experiment import Experiment
from gossamer.search.front import non_dominated
from gossamer.search.objectives import OBJECTIVES
from gossamer.search.product import Bits, Product
from gossamer.search.spaces.nasbench201 import NasBench201
from gossamer.search.strategies.random import RandomSearch

SPACE = NasBench201(cells=1, width=4, input_shape=(1, 8, 8))


@dataclass(frozen=True)
class Made:
    """Accuracy and latency grow with the genes. Designs whose first gene is 4 have no accuracy if `holes`."""

    scale: float = 1.0
    holes: bool = False

    def start(self, context):
        return MadeEvaluator(self)


@dataclass(frozen=True)
class MadeEvaluator:
    settings: Made
    metrics = (OBJECTIVES["accuracy"], OBJECTIVES["latency"])

    def evaluate(self, genomes):
        total = genomes.sum(axis=1)
        accuracy = 1 - np.exp(-total / 10.0)
        if self.settings.holes:
            accuracy = np.where(genomes[:, 0] == 4, np.nan, accuracy)
        return {"accuracy": accuracy, "latency_s": self.settings.scale * 1e-3 * (1 + total + genomes[:, 1])}


def experiment(**changes):
    plain = Experiment(
        "made", ("pixel3",), SPACE, Product(), RandomSearch(population=16), (Made(),), ("accuracy", "latency")
    )
    return replace(plain, **{"budget": "64", **changes})


def test_a_search_over_tables_returns_networks_that_were_looked_up_again(tmp_path):
    found = run(experiment(limits=("latency<=12ms",), designs=4), tmp_path / "a", host=False)
    assert found.evaluations == 64 and 1 <= len(found.front) <= 4
    for design in found.front:
        assert design.metrics["latency_s"] <= 12e-3 and design.metrics == pytest.approx(design.searched)
        assert design.hardware == Hardware() and set(design.files) == {"ir.txt", "model.onnx", "params.npz"}
    values = np.array([[-d.metrics["accuracy"], d.metrics["latency_s"]] for d in found.front])
    assert len(non_dominated(values)) == len(values)
    settings = json.loads((tmp_path / "a" / "run.json").read_text())["settings"]
    assert settings["space"] == "nasbench201" and settings["target"] == "pixel3"
    again = run(experiment(limits=("latency<=12ms",), designs=4), tmp_path / "a", host=False)
    assert [d.genome for d in again.front] == [d.genome for d in found.front]
    with pytest.raises(SearchError, match="holds another search .*strategy"):
        run(experiment(limits=("latency<=12ms",), strategy=RandomSearch(population=8)), tmp_path / "a")


def test_a_reference_point_is_used_where_it_is_given(tmp_path):
    found = run(experiment(reference={"accuracy": "20%", "latency": "30ms"}, designs=1), tmp_path, host=False)
    assert found.reference == {"accuracy": 0.2, "latency_s": pytest.approx(30e-3)}
    with pytest.raises(SearchError, match="reference: needs one value for each of accuracy, latency; found accuracy"):
        run(experiment(reference={"accuracy": "20%"}), tmp_path / "b")


def test_designs_without_values_are_counted_and_the_search_goes_on(tmp_path):
    found = run(experiment(evaluators=(Made(holes=True),), designs=2), tmp_path, host=False)
    lost = int((found.explored and np.isnan(np.array(found.explored)).any(axis=1)).sum())
    assert 0 < lost < 64 and found.evaluations == 64
    assert any(note.startswith(f"{lost} designs quarantined: accuracy is nan") for note in found.notes)
    assert all(design.genome[0] != 4 for design in found.front)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (("latency<=0.5ms",), "'latency<=0.5ms' is impossible here: the best of all 15,625 designs is latency = 1 ms"),
        (("accuracy>=95%",), "the best of all 15,625 designs is accuracy = 90.93 %; relax it to that or less"),
        (("latency<=2ms", "accuracy>=80%"), "each possible but not together: the best of all 15,625 designs is lat"),
    ],
)
def test_limits_nothing_can_meet_say_the_best_there_is(tmp_path, limits, said):
    with pytest.raises(SearchError) as error:
        run(experiment(limits=limits), tmp_path)
    assert said in str(error.value)


def test_one_network_for_several_targets(tmp_path):
    both = (ForTarget(Made(1.0), "pixel3"), ForTarget(Made(3.0), "raspi4"))
    several = experiment(targets=("pixel3", "raspi4"), evaluators=both, objectives=("accuracy", "latency@worst"))
    found = run(replace(several, limits=("latency@raspi4<=30ms",), designs=2), tmp_path, host=False)
    for design in found.front:
        assert design.metrics["latency_s@raspi4"] == pytest.approx(3 * design.metrics["latency_s@pixel3"])
        assert design.metrics["latency_s@worst"] == design.metrics["latency_s@raspi4"] <= 30e-3
    with pytest.raises(SearchError, match="'latency' is measured on several targets"):
        run(replace(several, objectives=("latency",)), tmp_path / "b")


def test_the_first_evaluator_that_gives_a_metric_is_believed():
    both = Together([MadeEvaluator(Made(1.0)), MadeEvaluator(Made(3.0))])
    genomes = SPACE.sample(5, np.random.default_rng(0))
    assert [item.key for item in both.metrics] == ["accuracy", "latency_s"]
    assert both.evaluate(genomes)["latency_s"].tolist() == both.parts[0].evaluate(genomes)["latency_s"].tolist()


def test_float_networks_are_refused_where_only_integers_run(tmp_path):
    with pytest.raises(SearchError, match="none of 15,625 designs of space 'nasbench201' fits target 'systolic'"):
        run(experiment(targets=("systolic",), evaluators=(Cost(),), objectives=("latency",)), tmp_path)


def test_hardware_that_excludes_itself_is_refused(tmp_path):
    wrong = Product(Bits(weights=(8,), activations=(8,)), hardware={"rows": [0]})
    with pytest.raises(SearchError, match="holds no design: in all .* hardware's values exclude each other .*rows"):
        run(experiment(targets=("systolic",), product=wrong, evaluators=(Cost(),), objectives=("latency",)), tmp_path)
    with pytest.raises(SearchError, match="target 'systolic' has no parameter 'row'; did you mean 'rows'?"):
        run(experiment(targets=("systolic",), product=Product(hardware={"row": [8]}), evaluators=(Cost(),)), tmp_path)


@pytest.mark.slow
def test_cells_on_an_array_cost_what_the_search_believed(tmp_path):
    bits = Product(Bits(weights=(8,), activations=(8,)))
    priced = experiment(
        targets=("systolic",), product=bits, evaluators=(Made(), Cost()), objectives=("accuracy", "energy"), budget="8"
    )
    found = run(replace(priced, designs=1), tmp_path, host=False)
    design = found.front[0]  # the finaliser refuses costs that differ; latency is the made-up one
    assert design.metrics["latency_s"] == design.searched["latency_s"] >= 1e-3
    assert design.layers and {"layers.csv", "hardware.yaml"} <= set(design.files)
    assert design.metrics["energy_j"] == pytest.approx(sum(row.energy_j for row in design.layers))


def test_a_network_for_several_images_computes_each_as_alone():
    from gossamer.ir.reference import evaluate

    module = SPACE.module(SPACE.sample(1, np.random.default_rng(3))[0], seed=1)
    name = module.graph.inputs[0].name
    images = np.random.default_rng(0).random((3, 1, 8, 8), np.float32)
    (together,) = evaluate(with_batch(module, 3), {name: images}).values()
    alone = [next(iter(evaluate(module, {name: image[None]}).values()))[0] for image in images]
    assert np.allclose(together, np.stack(alone), atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"targets": ()}, "made: needs a target"),
        ({"evaluators": ()}, "made: needs an evaluator"),
        ({"objectives": ()}, "at least one objective"),
        ({"designs": 0}, "designs = 0 must be at least 1"),
        ({"budget": "soon"}, "neither a time"),
    ],
)
def test_experiments_that_make_no_sense(changes, said):
    with pytest.raises(SearchError, match=said):
        experiment(**changes)
