"""Every recipe, run small: it composes, searches, and what it returns meets its limits once it is lowered and costed
again.
"""

import math

import pytest

from gossamer.search.engine import run
from gossamer.search.folder import SUMMARY
from gossamer.search.objectives import parse_limits
from gossamer.search.recipes.load import load_recipe, recipe_names

FEW_STEPS = ("evaluators.supernet.steps=12",)
ONE_EPOCH = ("evaluators.train.epochs=1", "evaluators.train.images=160", "executor=serial")
SMALL = {
    "aanas": ONE_EPOCH,
    "bananas": ("strategy.first=8", "strategy.surrogates=[{mlp-ensemble: {members: 2, epochs: 5, encoding: paths}}]"),
    "brp-nas": ("strategy.first=8", "strategy.surrogates=[{brp: {epochs: 2}}]", "strategy.whole=0"),
    "chamnet": (*ONE_EPOCH, "strategy.first=5", "strategy.candidates=60", "budget=8"),
    "codesign-nas-phase": ("strategy.evaluations=8",),
    "codesign-nas-separate": ("strategy.evaluations=8",),
    "dppnet": (
        "strategy.first=8",
        "strategy.surrogates=[{lstm: {epochs: 2}}, ridge]",
        "strategy.whole=0",
        "strategy.candidates=200",
    ),
    "gates": ("strategy.first=8", "strategy.surrogates=[{gates: {epochs: 2}}]", "strategy.whole=0"),
    "hurricane": ONE_EPOCH,
    "hw-pr-nas": (
        "strategy.first=12", "strategy.batch=6", "strategy.encoder_epochs=1", "strategy.predictor_epochs=2",
        "strategy.hidden=16", "strategy.whole=0", "strategy.population=12", "strategy.generations=3",
    ),
    "mnasnet": (*ONE_EPOCH, "budget=8"),
    "monas": FEW_STEPS,
    "naas": (*FEW_STEPS, "limits=['accuracy>=5%']", "strategy.inner_evaluations=8"),
    "nahas": (*ONE_EPOCH, "budget=8"),
    "nas-without-training": ("budget=3", "executor=serial"),
    "nasaic": (*ONE_EPOCH, "budget=8", "limits=['latency<=1s','area<=40mm2']"),
    "netadapt": FEW_STEPS,
    "ofa": (*FEW_STEPS, "strategy.first=8", "strategy.surrogates=[{mlp-ensemble: {members: 2, epochs: 5}}]"),
    "young": (*ONE_EPOCH, "budget=8"),
}
"""What makes a recipe small. Networks hardly trained would miss limits on accuracy, and only those are loosened."""

RECIPES = recipe_names()


def test_a_recipe_that_was_renamed_is_renamed_here_too():
    assert set(SMALL) <= set(RECIPES)


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_what_a_recipe_returns_meets_its_limits(name, tmp_path, made_up_tables, monkeypatch):
    monkeypatch.setenv("GOSSAMER_DATA", str(made_up_tables))
    target = "pixel3,raspi4" if name == "chu" else ""
    changes = ("budget=24", "designs=1", *SMALL.get(name, ()))
    experiment = load_recipe(name, target=target, changes=changes)
    found = run(experiment, tmp_path / "run", host=False)
    assert found.front and (tmp_path / "run" / SUMMARY).exists()
    assert 1 <= found.evaluations <= 24
    limits = parse_limits(experiment.limits)
    for design in found.front:
        assert all(limit.holds(design.metrics[limit.objective.key]) for limit in limits)
        assert all(math.isfinite(design.metrics[goal.key]) for goal in found.objectives)
        assert "ir.txt" in design.files


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnasnet", "ofa", "hurricane"])
def test_recipes_for_mobile_networks_run_on_the_cpu_target_too(name, tmp_path):
    experiment = load_recipe(name, target="cpu", changes=("budget=10", "designs=1", *SMALL[name][:3]))
    found = run(experiment, tmp_path / "run", host=False)
    assert found.front[0].metrics["latency_s"] > 0
