import numpy as np
import pytest

from gossamer.ir.errors import SearchError
from gossamer.search.budget import Budget
from gossamer.search.costs.evaluator import CostEvaluator
from gossamer.search.costs.possible import _Look, first_designs, refuse_impossible
from gossamer.search.objectives import OBJECTIVES, objective, parse_limit, parse_limits, parse_objectives, show


@pytest.mark.parametrize("text, bound, sign", [
    ("latency<=2ms", 2e-3, 1), ("area <= 4 mm2", 4.0, 1), ("accuracy>=96%", 0.96, -1), ("energy_j<=3.5uJ", 3.5e-6, 1),
    ("weights<=64KiB", 65536, 1), ("macs<=2M", 2e6, 1), ("edp<=1uJ*ms", 1e-9, 1),
])  # fmt: skip
def test_limits_have_units(text, bound, sign):
    limit = parse_limit(text)
    assert limit.bound == pytest.approx(bound) and limit.sign == sign


@pytest.mark.parametrize("text, said", [
    ("latency", "is not like latency<=2ms"), ("latncy<=2ms", "did you mean 'latency'"),
    ("latency<2ms", "only <= and >= are known"),
    ("latency<=2", "measured in s, ms, us, ns"), ("latency<=2mm2", "not 'mm2'"),
    ("latency<=2e-ms", "is not a number|not like"), ("latency<=1e999ms", "'1e999ms' is too large a number"),
    ("accuracy>=101%", "at most 100 %"), ("area<=0mm2", "always above 0"),
])  # fmt: skip
def test_bad_limits(text, said):
    with pytest.raises(SearchError, match=said):
        parse_limit(text)


def test_objectives_by_name_or_column():
    assert [o.key for o in parse_objectives("accuracy, latency_s")] == ["accuracy", "latency_s"]
    with pytest.raises(SearchError, match="did you mean 'energy'"):
        parse_objectives("enrgy")
    with pytest.raises(SearchError, match="twice"):
        parse_objectives("area,area_mm2")
    with pytest.raises(SearchError, match="at least one"):
        parse_objectives("")


def test_violation_is_relative_and_finite():
    limit = parse_limit("latency<=2ms")
    assert limit.violation(np.array([1e-3, 2e-3, 3e-3, np.inf])).tolist() == pytest.approx([-0.5, 0.0, 0.5, 1e9])
    assert limit.holds(2e-3) and not limit.holds(2.1e-3)


def test_values_are_shown_in_a_unit_that_reads():
    assert show(objective("latency"), 0.00234) == "2.34 ms"
    assert show(objective("accuracy"), 0.964) == "96.4 %"
    assert show(objective("area"), 0.0234) == "0.0234 mm2"
    assert all(show(item, 1e-5) for item in OBJECTIVES.values())


def test_impossible_limits_say_what_is_possible(space):
    table = CostEvaluator(space)
    with pytest.raises(
        SearchError, match=r"limit 'latency<=1ns' is impossible here: the nearest found is latency = [\d.]+ [nu]s"
    ):
        refuse_impossible(space, table, parse_limits(["latency<=1ns"]), 0)
    with pytest.raises(SearchError, match=r"'area<=0.0001mm2' is impossible"):
        refuse_impossible(space, table, parse_limits(["area<=0.0001mm2"]), 0)
    refuse_impossible(space, table, parse_limits(["latency<=10ms", "area<=50mm2", "accuracy>=99%"]), 0)


def test_limits_that_exclude_each_other(space):
    table = CostEvaluator(space)
    look = _Look(space, table, first_designs(space, 0))
    alone = {
        limit.objective.label: look.closest([limit])[0] * 1.0001
        for limit in parse_limits(["latency<=1ns", "area<=0.0001mm2"])
    }
    limits = parse_limits([f"latency<={alone['latency'] * 1e6}us", f"area<={alone['area']}mm2"])
    for limit in limits:
        refuse_impossible(space, table, [limit], 0)
    with pytest.raises(SearchError, match="each possible but not together: the nearest found is latency = .*, area = "):
        refuse_impossible(space, table, limits, 0)


def test_budgets():
    assert (
        Budget.parse("5m") == Budget(300.0, None)
        and Budget.parse("90s").seconds == 90
        and Budget.parse(2000).evaluations == 2000
    )
    for text in ("", "5 minutes", "-3", "0", "1.5", "m"):
        with pytest.raises(SearchError, match="neither a time"):
            Budget.parse(text)
