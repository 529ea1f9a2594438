"""`recipes`, and `search --recipe`: lists, text, changes, mistakes."""

from pathlib import Path

import pytest

RECIPE = """\
source: somebody
reproduces: something
targets: [systolic]
space: mobilenet
precision: {weights: [8], activations: [8]}
strategy: {random: {population: 8}}
evaluators: [cost]
objectives: [latency, energy]
data: digits
budget: 16
"""


def test_recipes_are_listed_and_shown(cli) -> None:
    outcome = cli("recipes", "--json")
    names = [item["name"] for item in outcome.document["recipes"]]
    assert outcome.code == 0 and {"random", "young", "monas"} <= set(names) and names == sorted(names)
    assert all(item["source"] and item["reproduces"] and item["targets"] for item in outcome.document["recipes"])
    listed = cli("recipes")
    assert listed.code == 0 and "young" in listed.out and "systolic" in listed.out
    shown = cli("recipes", "young")
    assert shown.code == 0 and "strategy: {evolution:" in shown.out
    unknown = cli("recipes", "yung")
    assert unknown.code == 2 and "did you mean 'young'?" in unknown.err


@pytest.mark.slow
def test_a_recipe_from_a_file_is_searched_and_changed(cli, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(RECIPE)
    command = ("search", "--recipe", file, "--no-host", "-o", tmp_path / "run", "--designs", "2")
    outcome = cli(*command, "--set", "strategy.population=4", "--limit", "latency<=1ms", "--json")
    assert outcome.code == 0, outcome.err
    settings = outcome.document["settings"]
    assert outcome.document["evaluations"] == 16 and "population=4" in settings["strategy"]
    assert settings["limits"] == "latency<=1ms" and 1 <= len(outcome.document["front"]) <= 2
    again = cli(*command, "--json")
    assert again.code == 2 and "holds another search" in again.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--recipe", "randon"], "unknown recipe 'randon'; did you mean 'random'?"),
        (["--recipe", "young", "--target", "pixel3"], "recipe 'young' does not run on target 'pixel3'"),
        (["--recipe", "young", "--set", "strategy.size=3"], "size:1:1: strategy 'evolution' has no option 'size'"),
        (["--recipe", "young", "--estimator", "supernet"], "a recipe has a list of evaluators; --set 'evaluators=["),
        (["--recipe", "young", "--objectives", "latencey"], "unknown objective 'latencey'; did you mean 'latency'?"),
        (["--recipe", "young", "--executor", "proceses"], "unknown executor 'proceses'; did you mean 'processes'?"),
        (["--set", "strategy.population=3"], "changes options of a recipe, and none is named; add --recipe NAME"),
        (["--executor", "rey"], "unknown executor 'rey'; did you mean 'ray'?"),
    ],
)
def test_recipes_that_are_wrong(cli, tmp_path: Path, options: list[str], said: str) -> None:
    outcome = cli("search", "-o", tmp_path / "run", *options)
    assert outcome.code == 2 and said in outcome.err and "Traceback" not in outcome.err
    assert not (tmp_path / "run" / "designs").exists()
