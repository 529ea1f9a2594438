"""Strategies, the store and the loop: the same seed gives the same search, killed or not."""

import sqlite3
import time

import numpy as np
import pytest

from gossamer.ir.errors import DataError, SearchError
from gossamer.search.budget import Budget
from gossamer.search.costs.pricing import CostTable
from gossamer.search.inner import evaluate
from gossamer.search.loop import Loop, feasible
from gossamer.search.objectives import parse_limits, parse_objectives
from gossamer.search.store import Evaluation, Store
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.nsga2 import Nsga2
from gossamer.search.strategies.random import RandomSearch

OBJECTIVES = parse_objectives("accuracy,latency,energy,area")
STRATEGIES = {"nsga2": Nsga2, "random": RandomSearch}


class Killed(BaseException):
    pass


@pytest.fixture
def run(space, guess, silent, tmp_path):
    table = CostTable(space)

    def start(budget, name="a", seed=0, strategy="nsga2", limits=(), die_after=None, slow=0.0, death=Killed):
        asked = []

        def judge(genomes):
            asked.extend(map(bytes, genomes))
            if die_after is not None and len(asked) > die_after:
                raise death
            time.sleep(slow)
            return evaluate(table, guess, genomes)

        bounds = parse_limits(limits)
        problem = Problem(space, space.corners(), len(OBJECTIVES), len(bounds) + 1)
        store = Store(tmp_path / f"{name}.sqlite")
        begun = STRATEGIES[strategy](40).start(problem, seed)
        loop = Loop(
            begun, judge, store, OBJECTIVES, bounds, Budget.parse(budget), silent
        )
        loop.asked = asked
        try:
            loop.run()
        finally:
            store.close()
        return loop

    return start


def genomes(loop):
    return [tuple(row.genome.tolist()) for row in loop.archive.rows]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_same_seed_same_search(run, strategy):
    one, same, other = run(150, "a", 1, strategy), run(150, "b", 1, strategy), run(150, "c", 2, strategy)
    assert genomes(one) == genomes(same) != genomes(other)
    assert [r.metrics for r in one.archive.rows] == [r.metrics for r in same.archive.rows]
    assert len(set(genomes(one))) == 150


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_killed_search_goes_on_without_losing_or_repeating(run, strategy):
    whole = run(260, "whole", strategy=strategy)
    with pytest.raises(Killed):
        run(260, "killed", strategy=strategy, die_after=130)
    resumed = run(260, "killed", strategy=strategy)
    assert resumed.replayed > 60
    assert len(resumed.asked) == 260 - resumed.replayed
    assert genomes(resumed) == genomes(whole)
    assert [r.metrics for r in resumed.archive.rows] == [r.metrics for r in whole.archive.rows]


def test_a_larger_budget_goes_on_where_the_smaller_ended(run):
    run(70, "grow")
    grown = run(170, "grow")
    assert genomes(grown) == genomes(run(170, "once")) and grown.replayed == 70


def test_a_time_budget_is_a_prefix(run):
    timed = run("0.3s", "timed", slow=0.1)
    assert 0 < len(timed.archive.rows) < 400
    assert genomes(timed) == genomes(run(len(timed.archive.rows), "counted"))


def test_ctrl_c_keeps_what_was_found(run):
    loop = run(500, die_after=70, death=KeyboardInterrupt)
    assert loop.interrupted and len(loop.archive.rows) >= 40
    assert genomes(run(500))[: len(loop.archive.rows)] == genomes(loop)


def test_nsga2_finds_more_than_random(run):
    from gossamer.search.front import non_dominated
    from gossamer.search.objectives import matrix

    fronts = {}
    for strategy in STRATEGIES:
        points = matrix(OBJECTIVES, run(600, strategy, strategy=strategy).archive.columns())
        fronts[strategy] = points[non_dominated(points)]
    low, high = (getattr(np.concatenate(list(fronts.values())), end)(axis=0) for end in ("min", "max"))
    # Both fronts in one box: 0 is the best either found of an objective, 1 the worst.
    share = {name: volume((front - low) / (high - low)) for name, front in fronts.items()}
    assert share["nsga2"] > share["random"]


def volume(points):
    from moocore import hypervolume

    return hypervolume(points, ref=np.ones(points.shape[1]))


def test_limits_steer_and_are_judged(run):
    free = run(120, "free")
    bound = float(np.quantile(free.archive.columns()["latency_s"], 0.2))
    loop = run(400, "bound", limits=[f"latency<={bound * 1e6}us"])
    good = feasible(loop.archive, loop.limits)
    assert all(loop.archive.rows[place].metrics["latency_s"] <= bound * (1 + 1e-9) for place in good)
    assert len(good) > 0.4 * 400


def test_nothing_feasible_says_the_nearest(run):
    loop = run(80, limits=["accuracy>=99.99%"])
    with pytest.raises(
        SearchError, match=r"none of 80 designs meets 'accuracy>=99.99%': the nearest has accuracy = [\d.]+ %"
    ):
        feasible(loop.archive, loop.limits)


def test_store_round_trip_and_settings(tmp_path):
    store = Store(tmp_path / "new" / "s.sqlite")
    store.settle({"seed": "1", "space": "x"})
    store.add([Evaluation(0, np.array([1, 2]), {"accuracy": 0.5, "latency_s": float("inf")}, 1.5)])
    again = Store(tmp_path / "new" / "s.sqlite")
    again.settle({"seed": "1", "space": "x"})
    (row,) = again.evaluations()
    assert (
        row.genome.tolist() == [1, 2]
        and row.metrics == {"accuracy": 0.5, "latency_s": float("inf")}
        and row.elapsed_s == 1.5
    )
    with pytest.raises(SearchError, match="holds another search .seed 1, now 2.; choose another folder"):
        again.settle({"seed": "2", "space": "x"})


def test_a_corrupt_store_is_one_sentence_and_left_alone(tmp_path):
    path = tmp_path / "s.sqlite"
    path.write_bytes(b"this is no database, " * 100)
    before = path.read_bytes()
    with pytest.raises(DataError, match="is not a readable store of results .*; move the file away"):
        Store(path).evaluations()
    assert path.read_bytes() == before


def test_rows_that_do_not_parse(tmp_path):
    path = tmp_path / "s.sqlite"
    Store(path).add([Evaluation(0, np.array([1]), {"accuracy": 0.5}, 1.0)])
    with sqlite3.connect(path) as connection:
        connection.execute("update evaluation set metrics = '{'")
    with pytest.raises(DataError, match="holds a result that cannot be read"):
        Store(path).evaluations()
    with sqlite3.connect(path) as connection:
        connection.execute("update evaluation set metrics = '{}', status = 'splendid'")
    with pytest.raises(DataError, match="holds a result that cannot be read \\(status 'splendid'\\)"):
        Store(path).evaluations()


def test_a_full_disk_keeps_what_was_stored(tmp_path):
    from sqlalchemy import event

    path = tmp_path / "s.sqlite"
    store = Store(path)
    store.add([Evaluation(0, np.array([1]), {"accuracy": 0.5}, 1.0)])

    @event.listens_for(store._engine, "begin")
    def _no_space(connection):
        pages = connection.exec_driver_sql("pragma page_count").scalar()
        connection.exec_driver_sql(f"pragma max_page_count={pages}")

    big = [Evaluation(n, np.arange(2000) + n, {"accuracy": 0.5}, 1.0) for n in range(1, 50)]
    with pytest.raises(DataError, match="the disk is full; what was found until now is kept"):
        store.add(big)
    assert len(Store(path).evaluations()) == 1


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError):
        Store(tmp_path / "file" / "s.sqlite")
