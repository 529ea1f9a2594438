"""Recipe text: what it means, and where every mistake stands."""

from dataclasses import dataclass, field
from typing import Literal

import pytest

from gossamer.ir.errors import DataError, SearchError
from gossamer.ir.registry import SPACES, STRATEGIES
from gossamer.search.recipes.edits import with_changes
from gossamer.search.recipes.load import find_recipe, load_recipe, recipe_names
from gossamer.search.recipes.nodes import mentions, parse, plain, substituted
from gossamer.search.recipes.parts import build_fields, build_part
from gossamer.search.strategies.base import Method

RECIPE = """\
source: somebody
reproduces: something
targets:
  systolic: {}
  cpu: {data: digits, seed: 3}
space: mobilenet
precision: {weights: [4, 8], activations: [8]}
strategy: {nsga2: {population: 20}}
evaluators: [cost]
objectives: [latency, energy]
data: digits
"""


def written(folder, text):
    path = folder / "mine.yaml"
    path.write_text(text)
    return str(path)


@dataclass(frozen=True)
class Inner:
    rate: float = 0.5


@dataclass(frozen=True)
class Part:
    count: int
    rates: tuple[float, ...] = ()
    pair: tuple[int, str] = (1, "a")
    how: Literal["all", "one"] = "all"
    inner: Inner = field(default_factory=Inner)
    method: Method | None = None
    most: int | None = 3
    yes: bool = True
    word: str = ""

    def __post_init__(self):
        if self.count < 1:
            raise SearchError("count is at least 1")


def read(text):
    return build_fields(parse(text, "f"), Part, "part")


def test_values_are_read_by_the_types_of_their_fields():
    found = read(
        "{count: 3, rates: [1e-3, 2], pair: [4, 5], how: one, inner: {rate: 1}, method: {nsga2: {population: 8}}, "
        "most: null, yes: false, word: no}"
    )
    assert (found.count, found.rates, found.pair, found.how, found.inner) == (3, (1e-3, 2.0), (4, "5"), "one", Inner(1))
    assert found.method == STRATEGIES.load("nsga2")(population=8)
    assert (found.most, found.yes, found.word) == (None, False, "no")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{count: many}", "f:1:9: part: count needs to be a whole number, not 'many'"),
        ("{count: 1,\n  rate: 2}", "f:2:3: part has no option 'rate'; did you mean 'rates'?"),
        ("{}", "f:1:1: part needs count"),
        ("{count: 0}", "f:1:1: part: count is at least 1"),
        ("{count: 1, rates: 3}", "f:1:19: a list is needed, [a, b], not '3'"),
        ("{count: 1, rates: [.nan]}", "f:1:20: part: rates needs to be a number, not '.nan'"),
        ("{count: 1, pair: [1]}", "f:1:18: part: pair needs 2 values, found 1"),
        ("{count: 1, how: some}", "f:1:17: part: how needs to be one of all, one, not 'some'"),
        ("{count: 1, yes: maybe}", "f:1:17: part: yes needs to be true or false, not 'maybe'"),
        ("{count: 1, inner: {rat: 1}}", "f:1:20: part: inner has no option 'rat'; did you mean 'rate'?"),
        ("{count: 1, method: nsga2x}", "f:1:20: unknown strategy 'nsga2x'; did you mean 'nsga2'?"),
        ("{count: 1, method: {nsga2: {populaton: 1}}}", "has no option 'populaton'; did you mean 'population'?"),
        ("{count: 1, method: [nsga2]}", "a strategy is its name, or {name: {option: value}}; found a list"),
    ],
)
def test_unfit_values_say_where_they_stand(text, said):
    with pytest.raises(SearchError) as error:
        read(text)
    assert said in str(error.value)


def test_what_a_part_refuses_is_said_with_its_name_once():
    with pytest.raises(SearchError) as error:
        build_part(parse("{fbnet: {classes: 1}}", "f"), SPACES)
    assert str(error.value) == "f:1:9: space 'fbnet': classes = 1, but a classifier needs at least 2"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1", "f:1:6: expected ',' or ']'"),
        ("a: &x 1\nb: *x", "f:1:4: anchors and aliases have no meaning in a recipe"),
        ("a: !!python/object/apply:os.system [ls]", "f:1:4: the tag"),
        ("a: 1\nb: 2\na: 3", "f:3:1: 'a' stands here a second time"),
        ("? [1]\n: 2", "f:1:3: a name is needed before the colon"),
        ("a: " + "[" * 40, "is nested more than 30 levels deep"),
        ("a: \x00", "is not YAML"),
        ("a" * 300_000, "a recipe has at most 200,000"),
    ],
)
def test_text_that_is_no_recipe(text, said):
    with pytest.raises(SearchError) as error:
        parse(text, "f")
    assert said in str(error.value)


def test_plain_values_and_substitution():
    node = parse('{a: [1, 2.5, true, null, "3", x], b: {c: "on ${target}"}}', "f")
    assert plain(node) == {"a": [1, 2.5, True, None, "3", "x"], "b": {"c": "on ${target}"}}
    assert mentions(node, "${target}") and plain(substituted(node, "${target}", "cpu"))["b"] == {"c": "on cpu"}


def changed(text, *changes):
    return plain(with_changes(parse(text, "f"), changes))


def test_changes_reach_parts_by_path():
    text = "{strategy: nsga2, evaluators: [cost, {supernet: {steps: 5}}], seed: 1}"
    found = changed(text, "strategy.population=50", "evaluators.supernet.steps=7", "seed=2", "limits=[a, b]")
    assert found["strategy"] == {"nsga2": {"population": 50}} and found["seed"] == 2 and found["limits"] == ["a", "b"]
    assert found["evaluators"] == ["cost", {"supernet": {"steps": 7}}]
    assert changed(text, "strategy=random", "strategy.population=2")["strategy"] == {"random": {"population": 2}}
    assert changed(text, "strategy.nsga2.population=3")["strategy"] == {"nsga2": {"population": 3}}
    assert changed(text, "precision.weights=[8]")["precision"] == {"weights": [8]}
    assert changed(text, "evaluators.cost.target=cpu")["evaluators"][0] == {"cost": {"target": "cpu"}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("strategy", "is not like strategy.population=50"),
        ("=3", "is not like"),
        ("evaluators.suprnet.steps=1", "'suprnet' is not in the list; did you mean 'supernet'?"),
        ("seed=[1", "--set seed:1:3: expected ',' or ']'"),
    ],
)
def test_changes_that_cannot_be_made(change, said):
    with pytest.raises(SearchError) as error:
        changed("{strategy: nsga2, evaluators: [cost, supernet]}", change)
    assert said in str(error.value)


def test_an_experiment_from_a_file(tmp_path):
    experiment = load_recipe(written(tmp_path, RECIPE))
    assert experiment.name == "mine" and experiment.targets == ("systolic",) and experiment.seed == 0
    assert experiment.space.input_shape == (1, 8, 8) and experiment.space.classes == 10  # type: ignore[attr-defined]
    assert experiment.strategy == STRATEGIES.load("nsga2")(population=20)
    assert load_recipe(written(tmp_path, RECIPE), "cpu").seed == 3
    assert load_recipe(written(tmp_path, RECIPE), "cpu", ["seed=4"]).seed == 4
    assert experiment.settings != load_recipe(written(tmp_path, RECIPE), "", ["strategy.population=8"]).settings
    assert experiment.settings == load_recipe(written(tmp_path, RECIPE), "", ["budget=8", "designs=1"]).settings


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("strategy:", "stratgy:", "mine.yaml:8:1: a recipe has no section 'stratgy'; did you mean 'strategy'?"),
        ("source: somebody\n", "", "mine.yaml:1:1: recipe 'mine' has no section 'source'"),
        ("space: mobilenet", "space: mobilnet", "mine.yaml:6:8: unknown space 'mobilnet'; did you mean 'mobilenet'?"),
        ("[4, 8]", "[4, x]", "mine.yaml:7:26: product: precision: weights needs to be a whole number, not 'x'"),
        ("[cost]", "[costs]", "mine.yaml:9:14: unknown evaluator 'costs'; did you mean 'cost'?"),
        ("[cost]", "[]", "mine: needs an evaluator"),
        ("[latency, energy]", "[[latency]]", "mine.yaml:10:14: an objective is a name or {name: {option: value}}"),
        ("{data: digits, seed: 3}", "{sed: 3}", "mine.yaml:5:9: a recipe has no section 'sed'; did you mean 'seed'?"),
        ("data: digits\n", "data: digits\nseed: -1\n", "mine.yaml:12:7: seed = -1 must be at least 0"),
        ("data: digits\n", "data: digits\nbudget: soon\n", "budget 'soon' is neither a time"),
    ],
)
def test_mistakes_in_a_recipe_are_found_where_they_are(tmp_path, old, new, said):
    assert old in RECIPE
    with pytest.raises(SearchError) as error:
        load_recipe(written(tmp_path, RECIPE.replace(old, new, 1)))
    assert said in str(error.value)


def test_targets_a_recipe_does_not_run_on(tmp_path):
    path = written(tmp_path, RECIPE)
    with pytest.raises(SearchError, match="does not run on target 'pixel3'"):
        load_recipe(path, "pixel3")
    with pytest.raises(SearchError, match="does not run on target 'sistolic'; did you mean 'systolic'?"):
        load_recipe(path, "sistolic")
    with pytest.raises(SearchError, match="cpu, systolic cannot be searched together: cpu and systolic need different"):
        load_recipe(path, "cpu,systolic")
    with pytest.raises(SearchError, match="a target is named twice"):
        load_recipe(path, "cpu,cpu")


def test_recipes_that_are_not_there(tmp_path):
    with pytest.raises(SearchError, match="unknown recipe 'randon'; did you mean 'random'?"):
        find_recipe("randon")
    with pytest.raises(DataError, match="nowhere.yaml: cannot be read as a recipe \\(no such file"):
        find_recipe(str(tmp_path / "nowhere.yaml"))
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="it is not UTF-8 text"):
        find_recipe(str(tmp_path / "bytes.yaml"))


def test_several_targets_have_their_metrics_each(tmp_path):
    text = RECIPE.replace("targets:\n  systolic: {}\n  cpu: {data: digits, seed: 3}", "targets: [systolic, tables]")
    text = text.replace("[cost]", '[{cost: {target: "${target}"}}]').replace("precision", "# ")
    found = load_recipe(written(tmp_path, text), "pixel3,raspi4").evaluators
    assert [(item.part.target, item.target) for item in found] == [("pixel3", "pixel3"), ("raspi4", "raspi4")]  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_in_the_box_is_sound(name):
    recipe = find_recipe(name)
    assert recipe.source and len(recipe.reproduces) > 40
    for target in recipe.targets:
        experiment = load_recipe(name, "" if target == "tables" else target)
        assert experiment.name == name


def test_a_part_that_is_no_dataclass_is_refused(monkeypatch):
    monkeypatch.setattr(type(STRATEGIES), "load", lambda self, name: len)
    with pytest.raises(SearchError, match="strategy 'nsga2' cannot be set from a recipe"):
        build_part(parse("nsga2", "f"), STRATEGIES)
