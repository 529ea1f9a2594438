"""What a store tells of a search: running, stopped or killed."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from gossamer.ir.errors import DataError, SearchError
from gossamer.report.searches.history import read_history
from gossamer.search.front import non_dominated
from gossamer.search.objectives import matrix, resolve
from gossamer.search.store import Store
from tests.report.searches.conftest import CHOICES, METRICS


def test_a_store_is_a_history(searched, tmp_path):
    history = read_history(searched(tmp_path / "first", 60))
    assert (len(history), history.name, history.state, history.seed) == (60, "first", "stopped", "0")
    assert history.choices == CHOICES and history.metrics == METRICS
    assert [goal.objective.label for goal in history.goals] == ["accuracy", "latency", "energy"]
    assert not history.evaluated[2] and history.evaluated.sum() == 59
    slow = history.columns["latency_s"] > 12e-3
    assert (history.feasible == (history.evaluated & ~slow)).all() and slow.any()
    fitting = np.flatnonzero(history.feasible)
    points = matrix(history.goals, history.columns)[fitting]
    assert sorted(history.front.tolist()) == fitting[non_dominated(points)].tolist()
    assert (np.diff(history.values[history.front, 0]) <= 0).all()  # best in the first goal first
    assert (np.diff(history.seconds) >= 0).all()


def test_the_file_will_do_and_a_summary_means_it_has_ended(searched, tmp_path):
    folder = searched(tmp_path / "first", 10)
    assert read_history(folder / "store.sqlite").name == "first"
    (folder / "run.json").write_text("{}")
    assert read_history(folder).state == "finished"


def test_other_goals(searched, tmp_path):
    folder = searched(tmp_path / "first", 10)
    history = read_history(folder, "accuracy,macs")
    assert [goal.objective.key for goal in history.goals] == ["accuracy", "macs"]
    with pytest.raises(SearchError, match=r"has no metric 'area_mm2' \(it has accuracy, energy_j, latency_s, macs\)"):
        history.towards(resolve(["area"]))


def test_a_running_search_and_a_killed_one(searched, tmp_path):
    """A process that claims to work on a search is seen to run, and seen to be dead once it is."""
    folder = searched(tmp_path / "first", 10)
    hold = f"from gossamer.search.store import Store; s = Store({str(folder / 'store.sqlite')!r}); s.enter(0); " \
           "print('in', flush=True); import time; time.sleep(60)"  # fmt: skip
    worker = subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE, text=True)
    try:
        assert worker.stdout is not None and worker.stdout.readline() == "in\n"
        assert read_history(folder).state == "running"
        worker.kill()
        worker.wait()
        end = time.monotonic() + 10
        while read_history(folder).state == "running" and time.monotonic() < end:
            time.sleep(0.05)
        assert read_history(folder).state == "stopped"
    finally:
        worker.kill()
        worker.wait()


def test_stores_without_choices_and_yardstick(tmp_path, searched):
    """The keyword interface of before wrote objectives and limits as words."""
    source = read_history(searched(tmp_path / "first", 20))
    store = Store(tmp_path / "old" / "store.sqlite")
    store.settle({"objectives": "accuracy,latency", "limits": "latency<=2ms, accuracy>=70%"})
    store.add(list(source.archive.rows))
    store.close()
    history = read_history(tmp_path / "old")
    assert [limit.text for limit in history.limits] == ["latency<=2ms", "accuracy>=70%"]
    assert history.choices.items[0].name == "gene0" and len(history.choices) == len(CHOICES)


def test_what_is_no_search(tmp_path: Path, searched):
    with pytest.raises(DataError, match="holds no search .*name a run's folder, its store or its URL"):
        read_history(tmp_path)
    empty = Store(tmp_path / "store.sqlite")
    empty.settle({"objectives": "accuracy"})
    empty.close()
    with pytest.raises(DataError, match="nothing is evaluated yet"):
        read_history(tmp_path)
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "store.sqlite").write_text("this is no database at all, but some text of a length\n" * 30)
    with pytest.raises(DataError, match="not a readable store"):
        read_history(tmp_path / "text")
    strange = Store(tmp_path / "strange" / "store.sqlite")
    strange.settle({"yardstick": json.dumps({"metrics": [], "goals": ["speed"], "limits": []})})
    strange.add(list(read_history(searched(tmp_path / "first", 3)).archive.rows))
    strange.close()
    with pytest.raises(DataError, match="does not say what its search optimises .*'speed'"):
        read_history(tmp_path / "strange")
