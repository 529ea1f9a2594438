"""Goals made of several metrics: their numbers by hand, their errors as sentences."""

import numpy as np
import pytest

from gossamer.ir.errors import DataError, SearchError
from gossamer.search.objectives import Objective, matrix, parse_limits, resolve, violations
from gossamer.search.yardstick import SETTING, read, written

COSTS = {
    "accuracy": np.array([0.7, 0.7, np.nan, 0.5]),
    "latency_s": np.array([0.04, 0.16, 1.0, np.inf]),
    "energy_j": np.array([1e-3, 2e-3, 1e-3, 1e-3]),
    "area_mm2": np.array([2.0, 2.0, 2.0, 2.0]),
    "edp_js": np.array([4e-5, 32e-5, 1e-3, np.inf]),
}
TARGETS = (
    Objective("accuracy", "accuracy", "", higher_is_better=True),
    Objective("latency_s@a", "latency@a", "s"),
    Objective("latency_s@b", "latency@b", "s"),
    Objective("energy_j@a", "energy@a", "J"),
    Objective("energy_j@b", "energy@b", "J"),
)
ON_TARGETS = {
    "accuracy": np.array([0.7]),
    "latency_s@a": np.array([0.1]),
    "latency_s@b": np.array([0.3]),
    "energy_j@a": np.array([4.0]),
    "energy_j@b": np.array([1.0]),
}


def values(node, metrics=None, columns=COSTS):
    return resolve([node], metrics)[0].column(columns)


def test_products_of_costs():
    assert values("edp").tolist() == COSTS["edp_js"].tolist()  # the target's own column where it has one
    assert values("edap") == pytest.approx([8e-5, 64e-5, 2e-3, np.inf])
    assert values("perf_per_area") == pytest.approx([12.5, 3.125, 0.5, -np.inf])
    assert values("power") == pytest.approx([0.025, 0.0125, 0.001, np.inf])
    assert resolve(["perf_per_area"])[0].objective.higher_is_better
    assert values("edp@a", TARGETS, ON_TARGETS) == pytest.approx([0.4])


def test_weighted_product_soft_and_hard_as_in_mnasnet():
    soft = {"weighted_product": {"accuracy": 1, "latency": {"target": "80ms", "weight": -0.07}}}
    assert values(soft)[:2] == pytest.approx([0.7 * 0.5**-0.07, 0.7 * 2**-0.07])
    hard = {"weighted-product": {"accuracy": 1, "latency": {"target": "80ms", "within": 0, "beyond": -1}}}
    assert values(hard)[:2] == pytest.approx([0.7, 0.35])
    assert np.isnan(values(hard)[2]) and values(hard)[3] == -np.inf  # no value, does not fit
    goal = resolve([hard])[0].objective
    assert goal.higher_is_better and goal.label == "accuracy*(latency/80ms)^(0|-1)"


def test_weighted_sum_and_direction():
    reward = {"weighted_sum": {"accuracy": 0.7, "energy": {"weight": -0.3, "per": "2mJ"}}}
    assert values(reward)[:2] == pytest.approx([0.49 - 0.15, 0.49 - 0.3])
    cost = {"weighted_sum": {"energy": {"weight": 1, "per": "1mJ"}, "latency": {"weight": 2, "per": "1ms"}}}
    assert not resolve([cost])[0].objective.higher_is_better
    assert matrix(resolve([cost]), COSTS)[0] == pytest.approx([1 + 80])
    assert matrix(resolve([reward]), COSTS)[0] == pytest.approx([-0.34])


def test_over_targets():
    assert values("latency@worst", TARGETS, ON_TARGETS) == pytest.approx([0.3])
    assert values("latency_s@mean", TARGETS, ON_TARGETS) == pytest.approx([0.2])
    assert values("edp@worst", TARGETS, ON_TARGETS) == pytest.approx([0.4])  # of one target, not of two
    scaled = {"worst": {"of": "latency", "per": {"a": "10ms", "b": "100ms"}}}
    assert values(scaled, TARGETS, ON_TARGETS) == pytest.approx([10.0])
    both = {"weighted_product": {"accuracy": 1, "latency@worst": {"target": "300ms", "weight": -1}}}
    assert values(both, TARGETS, ON_TARGETS) == pytest.approx([0.7])
    gains = tuple(Objective(f"accuracy@{name}", f"accuracy@{name}", "", True) for name in "ab")
    columns = {"accuracy@a": np.array([0.9]), "accuracy@b": np.array([0.6])}
    assert values("accuracy@worst", gains, columns) == pytest.approx([0.6])


def test_one_of_a_kind_needs_no_target():
    assert resolve(["latency"], TARGETS[:2])[0].objective.key == "latency_s@a"


def test_limits_on_goals():
    limits = parse_limits(["latency@worst<=200ms", "edp@b <= 0.4 J*s", "accuracy>=60%"], TARGETS)
    assert violations(limits, ON_TARGETS)[0] == pytest.approx([0.5, -0.25, -1 / 6, -1.0])


def test_what_does_not_fit_and_what_has_no_value():
    limits = parse_limits(["energy<=1.5mJ"])
    found = violations(limits, COSTS)
    assert found[:, -1].tolist() == [-1, -1, -1, 1e9]
    nothing = {"accuracy": np.array([np.nan]), "energy_j": np.array([np.nan])}
    assert (violations(limits, nothing) == 1e9).all()


@pytest.mark.parametrize("node, said", [
    ("latency", "measured on several targets; say latency@worst, latency@mean or one of latency@a, latency@b"),
    ("latency@c", "unknown objective 'latency@c'; did you mean"),
    ("area@worst", "area@worst: area is not measured per target"),
    ({"weighted_sum": {"accuracy": 1, "latency@a": 1}}, "needs a negative weight where"),
    ({"weighted_sum": {"accuracy": 0}}, "no weights"),
    ({"weighted_sum": {"accuracy": float("nan")}}, "a weight is a finite number, not 'nan'"),
    ({"weighted_sum": {"accuracy": "much"}}, "weighted_sum: accuracy: a weight is a finite number, not 'much'"),
    ({"weighted_sum": {"latency@a": {"weight": -1, "per": "3mJ"}}}, "latency@a is measured in s, ms, us, ns, not 'mJ'"),
    ({"weighted_sum": {"latency@a": {"wait": -1}}}, "unknown option 'wait'; did you mean 'weight'"),
    ({"weighted_sum": {"latency@a": {"per": "3ms"}}}, "give its `weight`"),
    ({"weighted_product": {"latency@a": {"target": "3ms"}}}, "give `weight`, or `within` and `beyond`"),
    ({"weighted_product": {"latency@a": {"within": 0, "beyond": -1}}}, "need a `target`"),
    ({"weighted_product": {"latency@a": {"target": "0ms", "weight": -1}}}, "a target is above 0"),
    ({"wieghted_sum": {"accuracy": 1}}, "did you mean 'weighted_sum'"),
    ({"weighted_sum": 3}, "weighted_sum needs its parts, such as"),
    ({"weighted_sum": {}, "worst": {}}, "an objective is a name or one of"),
    ({"worst": {"of": "latency", "per": {"c": "1ms"}}}, "no latency on a target 'c' \\(known: a, b\\)"),
    ({"worst": {"per": {"a": "1ms"}}}, "worst needs `of`"),
])  # fmt: skip
def test_errors(node, said):
    with pytest.raises(SearchError, match=said):
        resolve([node], TARGETS)


def test_two_of_a_kind_need_names():
    first = {"weighted_sum": {"accuracy": 1, "name": "first"}}
    with pytest.raises(SearchError, match="named twice: '\\+2\\*accuracy'; say it once, or give one another `name`"):
        resolve([{"weighted_sum": {"accuracy": 1}}, {"weighted_sum": {"accuracy": 2}}])
    assert [goal.objective.key for goal in resolve([first, {"weighted_sum": {"accuracy": 2}}])] == [
        "first",
        "weighted_sum",
    ]


def test_a_yardstick_is_read_back_as_written():
    nodes = ["accuracy", "latency@worst", {"weighted_sum": {"accuracy": 1, "latency@b": -1}}]
    settings = {SETTING: written(TARGETS, nodes, ["latency@a<=1ms"])}
    goals, limits = read(settings)
    assert goals == resolve(nodes, TARGETS)
    assert limits == parse_limits(["latency@a<=1ms"], TARGETS)


@pytest.mark.parametrize("settings, said", [
    ({}, "\\(no 'objectives'\\); name the folder or the store of a search"),
    ({"objectives": "acuracy"}, "did you mean 'accuracy'"),
    ({SETTING: "{"}, "does not say what its search optimises"),
    ({SETTING: '{"metrics": [[1]], "goals": ["a"], "limits": []}'}, "does not say what its search optimises"),
])  # fmt: skip
def test_stores_of_something_else(settings, said):
    with pytest.raises(DataError, match=said):
        read(settings, "here")
