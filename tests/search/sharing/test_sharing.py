"""Several processes on one search, and what a real kill -9 leaves behind; on SQLite and on PostgreSQL."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
import searcher

from gossamer.ir.errors import DataError, SearchError
from gossamer.search.choices import Choice, Choices
from gossamer.search.store import Store
from gossamer.search.tables import Evaluation

BUDGET = 120


@pytest.fixture
def start(where, tmp_path):
    """Starts a search as a process of its own."""
    begun = []

    def run(seconds, *options, budget=BUDGET):
        command = [sys.executable, searcher.__file__, where, str(tmp_path / "log"), str(budget), str(seconds), *options]
        begun.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return begun[-1]

    yield run
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def log(tmp_path):
    """Genomes by what was logged of them."""

    def read(what):
        path = tmp_path / "log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.split(" ", 2)[2] for line in lines if line.startswith(what)]

    return read


def finish(process):
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said


def stored(where):
    store = Store(where)
    rows = store.evaluations()
    store.close()
    return [" ".join(map(str, row.genome.tolist())) for row in rows]


def alone(tmp_path):
    """The sequence of the same search in one process that nobody kills."""
    loop = searcher.search(tmp_path / "alone.sqlite", str(tmp_path / "other"), BUDGET, 0.0, False)
    return [" ".join(map(str, row.genome.tolist())) for row in loop.archive.rows]


def await_lines(log, count, what="end"):
    deadline = time.monotonic() + 30
    while len(log(what)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def await_end(processes):
    """Workers do not outlive the search that started them, however it ended."""
    deadline = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{process}") for process in processes):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_two_processes_share(start, log, where, tmp_path):
    one, other = start(0.004), start(0.004)
    finish(one)
    finish(other)
    assert stored(where) == alone(tmp_path)
    assert Counter(log("begin")) == Counter(stored(where))
    store = Store(where)
    assert len([session for session in store.sessions() if session["ended"]]) == 2
    store.close()


@pytest.mark.slow
def test_kill_9_loses_what_is_in_flight_and_repeats_nothing(start, log, where, tmp_path):
    options, in_flight = (("pool",), 2) if "://" in where else ((), 32)
    killed = start(0.02, *options)
    await_lines(log, 45)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    time.sleep(0.1)
    kept, begun = stored(where), log("begin")
    assert len(begun) - len(kept) <= in_flight and len(kept) >= 45 - in_flight
    began = time.monotonic()
    finish(start(0.0, *options))
    assert time.monotonic() - began < 20  # it does not wait for the dead one's lease
    await_end({int(line.split()[1]) for line in (tmp_path / "log").read_text().splitlines()})
    assert stored(where) == alone(tmp_path)
    repeated = [genome for genome, count in Counter(log("begin")).items() if count > 1]
    assert not set(repeated) & set(kept) and len(repeated) <= in_flight


@pytest.mark.slow
def test_the_other_process_takes_over_from_a_killed_one(start, log, where, tmp_path):
    killed, other = start(0.02, "pool"), start(0.02, "pool")
    await_lines(log, 30)
    kept = stored(where)  # before the kill: after it, what the other one took over may be stored too
    os.kill(killed.pid, signal.SIGKILL)
    finish(other)
    assert stored(where) == alone(tmp_path)
    repeated = [genome for genome, count in Counter(log("begin")).items() if count > 1]
    assert not set(repeated) & set(kept) and len(repeated) <= 2


@pytest.mark.slow
def test_claims_of_a_session_whose_beat_stands_still_pass_on(where, monkeypatch):
    genomes = np.arange(8).reshape(4, 2)
    one, other = Store(where), Store(where, lease_s=0.2)
    assert one.claim(genomes).all() and one.claim(genomes).all()
    assert not other.claim(genomes).any()
    time.sleep(0.3)
    one._claims.change(beat=1)
    assert not other.claim(genomes).any()  # it beats
    one.add([Evaluation(0, genomes[0], {"a": 1.0}, 0.5)])
    time.sleep(0.3)
    assert other.claim(genomes).tolist() == [False, True, True, True]
    # The first one was only asleep: what it then adds does not count any more.
    other.add([Evaluation(1, genomes[1], {"a": 2.0}, 0.5)])
    assert one.add([Evaluation(1, genomes[1], {"a": 3.0}, 0.5)])[0].metrics == {"a": 2.0}
    assert [row.metrics["a"] for row in one.evaluations()] == [1.0, 2.0]
    one.close()
    other.close()


def test_who_is_alone_shares_when_asked(where):
    genomes = np.arange(20).reshape(10, 2)
    one = Store(where)
    assert one.claim(genomes[:3]).all()
    other = Store(where)
    assert not other.claim(genomes).any()  # what the first one has taken up is written nowhere
    one.add([Evaluation(place, genomes[place], {"a": 1.0}, 0.5) for place in range(3)])
    assert not other.claim(genomes).any()
    assert one.claim(genomes[3:5]).all()
    assert other.claim(genomes).tolist() == [False] * 5 + [True] * 5
    assert one.claim(genomes).tolist() == [False] * 3 + [True] * 2 + [False] * 5
    third = Store(where)
    assert not third.claim(genomes).any()
    other.close()
    assert third.claim(genomes).tolist() == [False] * 5 + [True] * 5
    one.close()
    third.close()


def test_who_leaves_gives_up_what_it_claimed(where):
    genomes = np.arange(8).reshape(4, 2)
    one, other = Store(where), Store(where)
    assert one.claim(genomes, slow=True).all() and not other.claim(genomes).any()
    one.leave()
    assert other.claim(genomes).all()
    assert not one.claim(genomes).any()  # entered again
    one.close()
    other.close()


def test_slow_designs_are_claimed_at_once(where):
    genomes = np.arange(8).reshape(4, 2)
    one, other = Store(where), Store(where)
    assert one.claim(genomes[:1], slow=True).all()
    assert other.claim(genomes).tolist() == [False, True, True, True]
    one.close()
    other.close()


def test_rows_come_back_as_they_were(where):
    store = Store(where)
    odd = {"a": float("nan"), "b": float("inf"), "c": -float("inf"), "d": 0.1 + 0.2}
    row = Evaluation(3, np.array([1, 2]), odd, 1.5, "failed", "it said 'no'", 1.7e9, 0.25, "process 1")
    store.add([row])
    (back,) = store.evaluations()
    assert repr(back) == repr(row)
    store.close()


def test_another_search_is_refused(where):
    choices = Choices((Choice("kernel", (3, 5)), Choice("depth", (1, 2))))
    store = Store(where)
    store.settle({"seed": "1", "space": "x"}, choices)
    store.settle({"seed": "1", "space": "x"}, choices)
    said = r"holds another search \(seed 1, now 2; choice 'kernel' of 3, 5, now of 3, 7\)"
    with pytest.raises(SearchError, match=said):
        store.settle({"seed": "2", "space": "x"}, Choices((Choice("kernel", (3, 7)), Choice("depth", (1, 2)))))
    with pytest.raises(SearchError, match="its space has the choice 'depth', which is not there now; its space lacks"):
        store.settle({"seed": "1", "space": "x"}, Choices((Choice("kernel", (3, 5)), Choice("width", (1, 2)))))
    store.close()


def test_another_version_is_refused(where, monkeypatch):
    store = Store(where)
    store.settle({"seed": "1"})
    monkeypatch.setattr("gossamer.__version__", "9.9")
    with pytest.raises(SearchError, match=r"gossamer 0[\d.]+, now 9.9"):
        store.settle({"seed": "1"})
    store.close()


def test_an_older_store_is_refused(tmp_path):
    import sqlite3

    with sqlite3.connect(tmp_path / "old.sqlite") as connection:
        connection.execute("create table evaluation (number integer, genome text, metrics text, elapsed_s float)")
    with pytest.raises(SearchError, match="another version of gossamer .its table 'evaluation' has no status, why"):
        Store(tmp_path / "old.sqlite")


@pytest.mark.parametrize(
    "place, said",
    [
        ("postgresql://someone:secret@/none?host=/nowhere", r"\*\*\*@.*cannot be used as a store"),
        ("mysql://a/b", "a store is a file, or a database of sqlite:/// or postgresql://, not mysql"),
        ("sqlite://", "a store needs a file"),
        ("nonsense://a", "nonsense"),
    ],
)
def test_places_that_are_none(place, said):
    with pytest.raises(DataError, match=said) as caught:
        Store(place)
    assert "secret" not in str(caught.value)


def test_reading_makes_no_store(where, tmp_path):
    for _ in range(2):
        with pytest.raises(DataError, match="there is no such store of results; name the folder of a search"):
            Store(where, create=False)
    assert not list(tmp_path.iterdir())
    Store(where).close()
    assert Store(where, create=False).evaluations() == []
