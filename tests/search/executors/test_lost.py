"""Designs without values, disks without room, strategies without ideas: the search goes on, or says why it ends."""

import numpy as np
import pytest
from executor_jobs import Outside

from gossamer.ir.errors import DataError, SearchError
from gossamer.search.budget import Budget
from gossamer.search.choices import Choice, Choices
from gossamer.search.executors.memory import RememberingPool
from gossamer.search.executors.processes import Processes
from gossamer.search.executors.serial import Serial
from gossamer.search.loop import STALE, Loop, feasible
from gossamer.search.metrics import Objective
from gossamer.search.objectives import parse_limits, resolve
from gossamer.search.spaces.base import PlainSpace
from gossamer.search.store import Store
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.nsga2 import Nsga2

METRICS = (Objective("latency_s", "latency", "s"), Objective("energy_j", "energy", "J"))
SPACE = PlainSpace(Choices(tuple(Choice(f"gene{place}", tuple(range(5))) for place in range(4))))


def prices(genomes):
    total = genomes.sum(axis=1) + 1.0
    return {"latency_s": total, "energy_j": 40 - total}


def odd(genomes):
    """First gene 1: energy is missing; 2: it fits nothing; 3: less than nothing."""
    found = prices(genomes)
    found["energy_j"][genomes[:, 0] == 1] = np.nan
    found["latency_s"][genomes[:, 0] == 2] = np.inf
    found["energy_j"][genomes[:, 0] == 3] = -np.inf
    return found


STATUS = {1: "quarantined", 2: "unfit", 3: "quarantined"}


class Watched:
    """A strategy that notes what it is told."""

    def __init__(self, inner):
        self.inner, self.told = inner, []

    def ask(self):
        return self.inner.ask()

    def tell(self, genomes, values, violations):
        self.told += list(zip(genomes[:, 0].tolist(), values.tolist(), violations.tolist()))
        self.inner.tell(genomes, values, violations)


@pytest.fixture
def search(tmp_path):
    def run(evaluate, budget, name="a", pool=None, limits=(), strategy=None, store=None, goals=()):
        bounds = parse_limits(limits, METRICS)
        begun = strategy or Nsga2(population=30).start(
            Problem(SPACE, np.zeros((0, 4), np.int64), 2, len(bounds) + 1), 0
        )
        store = store or Store(tmp_path / f"{name}.sqlite")
        goals = goals or resolve("latency,energy", METRICS)
        loop = Loop(Watched(begun), evaluate, store, goals, bounds, Budget.parse(budget), lambda *_: None, pool=pool)
        try:
            loop.run()
        finally:
            store.close()
        return loop

    return run


def said(loop):
    return [(row.genome.tolist(), row.metrics, row.status, row.why) for row in loop.archive.rows]


def test_what_has_no_value_and_what_does_not_fit_is_counted_apart(search):
    loop = search(odd, 200)
    assert len(loop.archive) == 200
    why = {1: "energy_j is nan", 2: "latency_s is inf", 3: "energy_j is -inf"}
    for row in loop.archive.rows:
        kind = int(row.genome[0])
        assert (row.status, row.why) == (STATUS.get(kind, "ok"), why.get(kind, ""))
    counts = loop.archive.counts()
    assert sum(counts.values()) == 200
    assert set(counts) == {("ok", ""), *((STATUS[kind], text) for kind, text in why.items())}
    assert all(int(loop.archive.rows[place].genome[0]) in (0, 4) for place in feasible(loop.archive, ()))
    for kind, values, violations in loop.strategy.told:
        if kind in why:
            assert values == [np.inf, np.inf] and violations == [1e9]
        else:
            assert np.isfinite(values).all() and violations == [-1]


def test_quarantine_survives_the_store(search):
    whole = search(odd, 150, "whole")
    search(odd, 60, "parts")
    again = search(odd, 150, "parts")
    assert repr(said(again)) == repr(said(whole)) and again.replayed == 60


def test_nothing_but_quarantine_says_why(search):
    loop = search(lambda genomes: {**prices(genomes), "energy_j": np.full(len(genomes), np.nan)}, 40)
    with pytest.raises(SearchError, match=r"none of 40 designs has values \(40 quarantined: energy_j is nan\)"):
        feasible(loop.archive, ())


def test_metrics_that_nothing_looks_at(search):
    """nan or -inf there takes nothing away; an infinite cost says all the same that the design does not fit."""

    def with_area(genomes):
        odd_area = np.array([1.0, np.nan, np.inf, -np.inf, 1.0])[genomes[:, 0]]
        return {**prices(genomes), "area_mm2": odd_area}

    loop = search(with_area, 200)
    kinds = {int(row.genome[0]): (row.status, row.why) for row in loop.archive.rows}
    assert kinds == {**dict.fromkeys((0, 1, 3, 4), ("ok", "")), 2: ("unfit", "area_mm2 is inf")}
    assert {int(loop.archive.rows[place].genome[0]) for place in feasible(loop.archive, ())} == {0, 1, 3, 4}


def test_what_should_be_large_and_is_infinite_is_no_verdict_on_the_hardware(search):
    accuracy = Objective("accuracy", "accuracy", "", higher_is_better=True)
    loop = search(
        lambda genomes: {**prices(genomes), "accuracy": np.where(genomes[:, 0] == 1, np.inf, 0.5)},
        100,
        goals=resolve("accuracy,latency", (*METRICS, accuracy)),
    )
    for row in loop.archive.rows:
        assert (row.status, row.why) == (("quarantined", "accuracy is inf") if row.genome[0] == 1 else ("ok", ""))


def test_nothing_that_fits_says_so(search):
    loop = search(lambda genomes: {**prices(genomes), "latency_s": np.full(len(genomes), np.inf)}, 40)
    with pytest.raises(SearchError, match=r"none of 40 designs has values \(40 do not fit their hardware: latency_s"):
        feasible(loop.archive, ())


def test_a_limit_on_a_value_that_is_missing(search):
    loop = search(odd, 60, limits=["energy<=30J"])
    assert {row.status for row in loop.archive.rows if row.genome[0] == 1} == {"quarantined"}
    assert all(loop.archive.rows[place].metrics["energy_j"] <= 30 for place in feasible(loop.archive, loop.limits))


@pytest.mark.parametrize("executor", [Serial(), Processes(workers=2)])
def test_failures_are_recorded_and_cheap_metrics_kept(search, executor):
    pool = executor.start(Outside())
    try:
        loop = search(lambda genomes: {"latency_s": odd(genomes)["latency_s"]}, 100, pool=pool)
    finally:
        pool.close()
    for row in loop.archive.rows:
        kind = int(row.genome[0])
        assert row.status == {1: "failed", 2: "unfit"}.get(kind, "ok")
        assert row.why == {1: "ZeroDivisionError: no", 2: "latency_s is inf"}.get(kind, "")
        assert np.isnan(row.metrics["energy_j"]) == (kind in (1, 2))
    assert [row.number for row in loop.archive.rows] == list(range(100))
    together = search(odd, 100, "b")
    assert [row.genome.tolist() for row in loop.archive.rows][:30] == [
        row.genome.tolist() for row in together.archive.rows
    ][:30]


def test_what_was_trained_before_is_not_trained_again(search):
    def pooled(name, budget):
        inner = Serial().start(Outside())
        asked = []
        stream = inner.stream
        inner.stream = lambda tasks: stream(_noted(tasks, asked))
        search(lambda genomes: {"latency_s": prices(genomes)["latency_s"]}, budget, name, RememberingPool(inner, 2))
        return asked

    first, rest = pooled("x", 30), pooled("x", 120)
    networks = [genome[:2] for genome in [*first, *rest] if genome[0] != 1]
    assert len(networks) == len(set(networks)) == 20


def _noted(tasks, asked):
    for place, genome in tasks:
        asked.append(tuple(genome.tolist()))
        yield place, genome


def test_a_full_disk_ends_the_search_and_loses_nothing(search, tmp_path):
    from sqlalchemy import event

    whole = search(prices, 300, "whole")
    store = Store(tmp_path / "full.sqlite")

    @event.listens_for(store._engine, "begin")
    def _little_room(connection):
        connection.exec_driver_sql("pragma max_page_count=16")

    with pytest.raises(DataError, match="the disk is full; what was found until now is kept, free some space"):
        search(prices, 300, store=store)
    kept = Store(tmp_path / "full.sqlite").evaluations()
    assert 30 <= len(kept) < 300
    resumed = search(prices, 300, "full")
    assert resumed.replayed == len(kept) and said(resumed) == said(whole)


def test_a_strategy_that_goes_in_circles_ends(search):
    class Circles:
        rounds = 0

        def ask(self):
            self.rounds += 1
            return np.zeros((1, 4), np.int64)

        def tell(self, genomes, values, violations):
            pass

    circles = Circles()
    loop = search(prices, 50, strategy=circles)
    assert len(loop.archive) == 1 and circles.rounds == STALE + 1
