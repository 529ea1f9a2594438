"""Executors: order, crashes, time and memory limits, and the same values in every one."""

import os

import numpy as np
import pytest
from executor_jobs import Broken, Scoring, Training

from gossamer.ir.errors import DataError, SearchError
from gossamer.search.executors.processes import Processes
from gossamer.search.executors.serial import Serial


@pytest.fixture
def outcomes():
    def run(executor, job, genomes):
        pool = executor.start(job)
        try:
            return {item.place: item for item in pool.stream(enumerate(np.array(genomes, np.int64)))}
        finally:
            pool.close()

    return run


def test_order_and_equal_values():
    genomes = np.random.default_rng(0).integers(0, 10, (40, 3))
    for executor in (Serial(), Processes(workers=2)):
        pool = executor.start(Scoring(naughty=False))
        assert pool.metrics[0].key == "score"
        assert pool.evaluate(genomes)["score"].tolist() == (genomes @ [100, 10, 1]).tolist()
        assert pool.evaluate(genomes[:1])["score"].tolist() == [float(genomes[0] @ [100, 10, 1])]
        pool.close()
        pool.close()


def test_tasks_are_drawn_when_a_worker_is_free():
    drawn = []

    def tasks():
        for place in range(6):
            drawn.append(place)
            yield place, np.array([0, 0, place])

    pool = Processes(workers=2).start(Scoring())
    stream = pool.stream(tasks())
    next(stream)
    assert len(drawn) <= 4
    stream.close()
    assert pool.evaluate(np.array([[0, 1, 2]]))["score"].tolist() == [12.0]
    pool.close()


def test_a_crash_is_retried_once_and_recorded(outcomes, tmp_path):
    found = outcomes(Processes(workers=2), Scoring(str(tmp_path)), [[0, 1, 2], [2, 0, 0], [1, 0, 0], [0, 0, 7]])
    assert [found[place].values["score"] for place in (0, 3)] == [12.0, 7.0]
    assert found[1].failure == "the worker died over it, twice (SIGKILL)" and np.isnan(found[1].values["score"])
    assert found[2].failure == "ZeroDivisionError: a gene of nothing"
    assert (tmp_path / "log").read_text().count("[2, 0, 0]") == 2
    assert (tmp_path / "log").read_text().count("[1, 0, 0]") == 1


def test_a_worker_that_dies_once_costs_nothing(outcomes, tmp_path):
    found = outcomes(Processes(workers=1), Scoring(str(tmp_path)), [[3, 0, 1], [0, 0, 2]])
    assert [found[place].values["score"] for place in (0, 1)] == [301.0, 2.0]
    assert not any(item.failure for item in found.values())


@pytest.mark.slow
def test_limits_of_time_and_memory(outcomes):
    found = outcomes(Processes(workers=1, timeout_s=1.5), Scoring(), [[4, 0, 0], [0, 0, 3]])
    assert found[0].failure == "took more than 1.5 s" and 1.5 <= found[0].seconds < 50
    found |= outcomes(Processes(workers=1, memory_bytes=400_000_000), Scoring(), [[0, 0, 3], [5, 0, 0]])
    assert found[1].failure == "held more than 400 MB of memory"
    assert found[0].values["score"] == 3.0


@pytest.mark.parametrize("executor", [Serial(), Processes(workers=1)])
def test_what_is_the_inputs_fault_ends_the_search(executor, outcomes):
    with pytest.raises(DataError, match=r"^images.npz: is not there$"):
        executor.start(Broken())
    with pytest.raises(DataError, match=r"^images.npz: is not there$"):
        outcomes(executor, Scoring(), [[0, 0, 1], [6, 0, 0]])


def test_workers_that_cannot_start():
    with pytest.raises(SearchError, match=r"a worker process ended before it was ready \(exit code 3\)"):
        Processes(workers=1).start(Broken(crash=True))
    with pytest.raises(SearchError, match="cannot be sent to another process .*; use executor serial"):
        Processes(workers=1).start(type("Local", (), {"start": lambda self: None})())


@pytest.mark.parametrize(
    "bad, said",
    [({"workers": -1}, "workers = -1 must be at least 0"), ({"threads": 0}, "threads = 0 must be at least 1")],
)
def test_options(bad, said):
    with pytest.raises(SearchError, match=f"executor processes: {said}"):
        Processes(**bad)


def test_closed_workers_are_gone(tmp_path):
    pool = Processes(workers=2).start(Scoring())
    processes = [child._process.pid for child in pool._children]
    pool.close()
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


@pytest.mark.slow
def test_trainings_give_the_same_numbers_everywhere():
    genomes = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    found = []
    for executor in (Serial(), Processes(workers=2)):
        pool = executor.start(Training())
        found.append(pool.evaluate(genomes)["score"].tolist())
        pool.close()
    assert found[0] == found[1] and len(set(found[0])) == 3
