"""Measured schedules: the database, the processes that fill it, what a compilation makes of it. Not: the times."""

import sqlite3
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

import gossamer as gs
from gossamer import api
from gossamer.backends.cpu.hardware import host
from gossamer.backends.cpu.tuning import child, measure
from gossamer.backends.cpu.tuning.check import same
from gossamer.backends.cpu.tuning.database import Measured, TuningDatabase, database_path
from gossamer.backends.cpu.tuning.layers import TunableLayer, machine_key, rescheduled, tunable_layers
from gossamer.backends.cpu.tuning.measure import Trial, measured
from gossamer.backends.cpu.tuning.tune import _best, _unknown, tuned
from gossamer.ir.errors import BackendError
from gossamer.ir.parse import parse_module
from gossamer.ir.print_values import schedule as schedule_text
from gossamer.ir.reference import evaluate
from gossamer.ir.types import DType

TEXT = """module net
%x: f32[1,16,12,12] = input
%w: f32[32,16,3,3] = ir.param "w"
%v: f32[32,32,3,3] = ir.param "v"
%1: f32[1,32,12,12] = nn.conv2d %x, %w pads=(1,1,1,1)
%2: f32[1,32,12,12] = nn.relu %1
%3: f32[1,32,12,12] = nn.conv2d %2, %v pads=(1,1,1,1)
%4: f32[1,32,12,12] = nn.relu %3
%5: f32[1,32,12,12] = nn.conv2d %4, %v pads=(1,1,1,1)
return %5
"""


@pytest.fixture(scope="module")
def module():
    random = np.random.default_rng(0)
    shapes = {"w": (32, 16, 3, 3), "v": (32, 32, 3, 3)}
    params = {name: random.standard_normal(shape).astype(np.float32) * 0.1 for name, shape in shapes.items()}
    return api.prepare(parse_module(TEXT, params), "cpu")


def schedule(module, layer):
    return next(n for n in module.graph.nodes if n.result == layer.results[0]).schedule


def test_rows_are_kept_per_machine_and_replaced(tmp_path):
    one, other = (TuningDatabase(tmp_path / "t.sqlite", machine) for machine in ("a", "b"))
    one.record(
        [Measured("l", "slow", "ok", 2.0), Measured("l", "bad", "crash", None), Measured("l", "fast", "ok", 1.0)]
    )
    other.record([Measured("l", "fast", "ok", 9.0)])
    one.record([Measured("l", "slow", "ok", 3.0)])
    assert [(r.schedule, r.status, r.seconds) for r in one.of("l")] == [
        ("fast", "ok", 1.0), ("slow", "ok", 3.0), ("bad", "crash", None),
    ]  # fmt: skip
    assert [r.seconds for r in other.of("l")] == [9.0] and one.of("m") == ()


@pytest.mark.parametrize("foreign", ["text", "other database", "cut"])
def test_a_damaged_or_foreign_file_is_moved_aside(tmp_path, foreign):
    path = tmp_path / "t.sqlite"
    if foreign == "text":
        path.write_text("not a database " * 100)
    elif foreign == "other database":
        with sqlite3.connect(path) as connection:
            connection.execute("create table mine (x)")
    else:
        TuningDatabase(path, "a").record([Measured(str(i), "s", "ok", 1.0) for i in range(500)])
        path.write_bytes(path.read_bytes()[:9000])
    before = path.read_bytes()
    with pytest.warns(UserWarning, match="a new one is begun"):
        database = TuningDatabase(path, "a")
    database.record([Measured("l", "s", "ok", 1.0)])
    assert len(database.of("l")) == 1
    (kept,) = tmp_path.glob("t.sqlite.bad-*")
    assert kept.read_bytes() == before


WRITER = """
import sys
from pathlib import Path
from gossamer.backends.cpu.tuning.database import Measured, TuningDatabase
name = sys.argv[2]
database = TuningDatabase(Path(sys.argv[1]), "a")
for i in range(50):
    database.record([Measured(f"{name}{i}", "s", "ok", float(i)), Measured("shared", name, "ok", float(i))])
"""


def test_two_processes_write_at_once(tmp_path):
    path = tmp_path / "t.sqlite"
    running = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in "pq"]
    assert [process.wait() for process in running] == [0, 0]
    database = TuningDatabase(path, "a")
    assert all(database.of(f"{name}{i}")[0].seconds == i for name in "pq" for i in range(50))
    assert len(database.of("shared")) == 2


def test_a_path_that_cannot_be_written_is_one_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendError, match="tuning database cannot be used"):
        TuningDatabase(tmp_path / "file" / "t.sqlite", "a")


def test_where_the_database_is(monkeypatch, tmp_path):
    monkeypatch.setenv("GOSSAMER_TUNING", str(tmp_path / "mine"))
    assert database_path(None) == tmp_path / "mine"
    assert database_path("off") is None
    monkeypatch.delenv("GOSSAMER_TUNING")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert database_path(None) == tmp_path / "gossamer" / "tuning.sqlite"


def test_equal_layers_are_one(module):
    layers = tunable_layers(module, module.hardware)
    assert all(len(layer.schedules) > 2 and len(set(layer.schedules)) == len(layer.schedules) for layer in layers)
    assert sum(len(layer.results) for layer in layers) == 3
    assert layers[0].work >= layers[-1].work
    wider = module.with_hardware(replace(host(), cores=1))
    assert machine_key(wider.hardware, "x") != machine_key(module.hardware, "x")


@pytest.mark.slow
def test_every_schedule_is_measured_in_a_process_and_gives_the_same_result(module):
    layer = tunable_layers(module, module.hardware)[0]
    trials = [Trial(layer, text) for text in layer.schedules[:4]]
    rows = measured(module, trials)
    assert [(r.layer, r.schedule, r.status) for r in rows] == [(layer.key, t.schedule, "ok") for t in trials]
    assert all(r.seconds is not None and 0 < r.seconds < 1 for r in rows)
    x = {"x": np.random.default_rng(1).standard_normal((1, 16, 12, 12)).astype(np.float32)}
    wanted = evaluate(module, x)["5"]
    for text in layer.schedules:
        found = api.build(rescheduled(module, dict.fromkeys(layer.results, text)), "cpu").run(x)["5"]
        np.testing.assert_allclose(found, wanted, atol=2e-5)


@pytest.mark.slow
def test_what_computes_something_else_is_found_recorded_and_never_chosen(module, monkeypatch, tmp_path):
    layer = next(one for one in tunable_layers(module, module.hardware) if one.results[0].name == "4")
    own, bad, good = layer.schedules[:3]
    printed = measure.print_module

    def wrongly(scheduled):
        """A wrong schedule takes the border for something else."""
        text = printed(scheduled)
        taken = schedule_text(schedule(scheduled, layer)) == bad
        return text.replace("nn.conv2d %2, %v pads=(1,1,1,1)", "nn.conv2d %2, %v pads=(0,2,2,0)") if taken else text

    monkeypatch.setattr(measure, "print_module", wrongly)
    rows = measured(module, [Trial(layer, text) for text in (own, bad, good)])
    assert [r.status for r in rows] == ["ok", "wrong", "ok"] and rows[1].seconds is None
    database = TuningDatabase(tmp_path / "t.sqlite", "a")
    database.record(rows)
    assert database.of(layer.key)[-1].status == "wrong"
    assert bad not in _unknown(layer, database) and _best(layer, database) != bad


@pytest.mark.parametrize("found, dtype, equal", [
    ([1.0, 100.05], "f32", True), ([1.0, 101.0], "f32", False), ([1.0, np.nan], "f32", False),
    ([1.0, 101.0], "bf16", True), ([2, 100], "i8", True), ([3, 100], "i8", False),
])  # fmt: skip
def test_results_may_differ_by_rounding_only(found, dtype, equal):
    kind = DType.parse(dtype)
    assert same(np.array(found, kind.numpy), np.array([1, 100], kind.numpy), kind) == equal


def test_a_schedule_that_hangs_leaves_time_for_the_others(monkeypatch):
    layer, spent, now = TunableLayer("x", (), ("own", *"abcdefg"), 0), [], [0.0]

    def process(_, trials, limit_s):
        hangs = any(t.schedule == "c" for t in trials)
        spent.append((len(trials), limit_s))
        now[0] += limit_s if hangs else min(2.0, limit_s)
        return (None, measure._Failure("timeout", "")) if hangs else ([1.0] * len(trials), measure._NONE)

    monkeypatch.setattr(measure, "_process", process)
    monkeypatch.setattr(measure.time, "monotonic", lambda: now[0])
    module = parse_module(TEXT)
    rows = measured(module, [Trial(layer, text) for text in layer.schedules], 60.0)
    assert {r.schedule for r in rows} == set(layer.schedules) - {"c"} and now[0] < 60
    assert spent[0] == (8, 30.0) and all(seconds <= 30 for _, seconds in spent)
    now[0] = 0.0
    rows = measured(module, [Trial(layer, text) for text in ("own", "c")], 60.0)  # the next time, all else is known
    assert {r.schedule: r.status for r in rows} == {"own": "ok", "c": "timeout"}


def test_a_layers_own_schedule_is_in_both_halves_of_a_batch():
    one, other = (TunableLayer(key, (), ("own", "a", "b", "c"), 0) for key in "xy")
    trials = [Trial(one, text) for text in one.schedules] + [Trial(other, "own")]

    def halves(batch):
        return [[(t.layer.key, t.schedule) for t in half] for half in measure._parts(batch)]

    assert halves(trials) == [[("x", "own"), ("x", "a"), ("x", "b")], [("x", "own"), ("x", "c"), ("y", "own")]]
    assert halves([Trial(one, "own"), Trial(one, "a")]) == [[("x", "own")], [("x", "a")]]
    assert halves([Trial(one, "own"), Trial(one, "a"), trials[-1]]) == [[("x", "own"), ("x", "a")], [("y", "own")]]


@pytest.mark.slow
def test_what_needs_too_much_memory_is_a_crash(module, monkeypatch):
    layer = tunable_layers(module, module.hardware)[0]
    monkeypatch.setattr(measure, "MEMORY_BYTES", 64 << 20)
    (row,) = measured(module, [Trial(layer, layer.schedules[1])])
    assert (row.status, row.seconds) == ("crash", None)


def test_a_database_that_goes_away_is_begun_anew(tmp_path):
    database = TuningDatabase(tmp_path / "t.sqlite", "a")
    for file in tmp_path.iterdir():
        file.unlink()
    assert database.of("l") == ()
    for file in tmp_path.iterdir():
        file.unlink()
    database.record([Measured("l", "s", "ok", 1.0)])
    assert len(database.rows()) == 1


FULL = """
import resource, signal, sys
from pathlib import Path
from gossamer.backends.cpu.tuning.database import Measured, TuningDatabase
database = TuningDatabase(Path(sys.argv[1]), "a")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
for i in range(200):
    database.record([Measured(str(i), "s" * 100, "ok", 1.0)])
"""


def test_a_disk_that_is_full_is_one_error_and_keeps_what_is_there(tmp_path):
    done = subprocess.run([sys.executable, "-c", FULL, tmp_path / "t.sqlite"], capture_output=True, text=True)
    assert "BackendError" in done.stderr or "UnusableDatabase" in done.stderr
    assert "t.sqlite: the tuning database cannot be used (" in done.stderr.splitlines()[-1]
    assert TuningDatabase(tmp_path / "t.sqlite", "a").of("0")[0].seconds == 1.0


def test_a_database_nobody_named_is_no_obstacle(module, tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    monkeypatch.setenv("GOSSAMER_TUNING", str(tmp_path / "folder"))
    with pytest.warns(UserWarning, match="cannot be used .is a folder.*; compiled without it"):
        assert api.tune(module, "cpu") == (module, "")
    for seconds, named in ((5.0, None), (0.0, tmp_path / "folder")):
        with pytest.raises(BackendError, match="is a folder"):
            api.tune(module, "cpu", seconds, named)


@pytest.mark.slow
def test_what_crashes_or_hangs_is_found_and_recorded(module, monkeypatch, tmp_path):
    layer = tunable_layers(module, module.hardware)[0]
    bad = layer.schedules[1]
    script = tmp_path / "python"
    script.write_text(
        "#!/bin/sh\njob=$(cat)\ncase \"$job\" in *'" + bad.removeprefix("@schedule ").split(" layout")[0] + "'*) "
        + "kill -SEGV $$;; esac\nexec " + sys.executable + ' "$@" <<EOF\n$job\nEOF\n'
    )  # fmt: skip
    script.chmod(0o755)
    monkeypatch.setattr(measure.sys, "executable", str(script))
    rows = measured(module, [Trial(layer, text) for text in layer.schedules[:3]])
    assert [r.status for r in rows] == ["ok", "crash", "ok"]
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    assert measured(module, [Trial(layer, bad)], end=time.monotonic() + 1.5) == ()  # too little time says nothing
    monkeypatch.setattr(measure, "START_S", 0.5)
    monkeypatch.setattr(measure, "EACH_S", 0.0)
    (row,) = measured(module, [Trial(layer, bad)])
    assert (row.status, row.seconds) == ("timeout", None)
    script.write_text("#!/bin/sh\necho no compiler >&2\nexit 3\n")
    with pytest.raises(BackendError, match="no compiler"):
        measured(module, [Trial(layer, layer.schedules[0])])


def test_the_fastest_known_schedule_is_taken_where_it_is_clearly_faster(module, tmp_path):
    database = TuningDatabase(tmp_path / "t.sqlite", "a")
    first, *others = tunable_layers(module, module.hardware)
    own, second, third = first.schedules[:3]
    assert tuned(module, database).module == module
    database.record([Measured(first.key, own, "ok", 1.0), Measured(first.key, second, "ok", 0.99)])
    assert tuned(module, database).changed == 0
    database.record([Measured(first.key, third, "ok", 0.5), Measured(first.key, second, "timeout", None)])
    database.record([Measured(first.key, own, "crash", None)])
    assert tuned(module, database).changed == 1
    database.record([Measured(first.key, own, "ok", 1.0)])
    found = tuned(module, database)
    assert found.changed == 1 and schedule(found.module, first) != schedule(module, first)
    assert rescheduled(module, dict.fromkeys(first.results, third)) == found.module
    assert all(schedule(found.module, layer) == schedule(module, layer) for layer in others)


def test_times_of_a_slower_hour_are_scaled(module, tmp_path, monkeypatch):
    database = TuningDatabase(tmp_path / "t.sqlite", "a")
    layer = tunable_layers(module, module.hardware)[0]
    own, *others = layer.schedules
    database.record([Measured(layer.key, own, "ok", 1.0)])

    def slow(_, trials, end):
        return tuple(Measured(t.layer.key, t.schedule, "ok", 4.0 if t.schedule == own else 3.0) for t in trials)

    monkeypatch.setattr("gossamer.backends.cpu.tuning.tune.measured", slow)
    tuned(module, database, 60.0)
    times = {row.schedule: row.seconds for row in database.of(layer.key)}
    assert times == {own: 1.0, **dict.fromkeys(others, 0.75)}


@pytest.mark.slow
def test_a_second_compilation_measures_nothing(tmp_path, monkeypatch):
    path = tmp_path / "t.sqlite"
    monkeypatch.setattr("gossamer.backends.cpu.tuning.tune.FIRST", 2)
    source = parse_module(TEXT, {"w": np.zeros((32, 16, 3, 3), "f4"), "v": np.zeros((32, 32, 3, 3), "f4")})
    ready = api.prepare(source, "cpu")
    assert api.tune(ready, "cpu", 0.0, path) == (ready, "")
    once, words = api.tune(ready, "cpu", 300.0, path)
    assert "0 known" in words and "0 schedules" not in words
    monkeypatch.setattr(measure, "_process", lambda *_: pytest.fail("measured again"))
    again, words = api.tune(ready, "cpu", 300.0, path)
    assert again == once and " 0 schedules measured now" in words
    assert gs.compile(source, "cpu", tune_db=path).layers


def test_bad_requests(module):
    with pytest.raises(BackendError, match="has no schedules to measure"):
        api.tune(module, "systolic", 5.0)
    with pytest.raises(BackendError, match="found 'off'; name a file"):
        api.tune(module, "cpu", 5.0, "off")


@pytest.mark.slow
def test_the_child_times_every_trial_by_itself(module):
    layers = tunable_layers(module, module.hardware)[:2]
    text = str(module)
    seconds = child.timed([{"text": text, "results": [layer.results[0].name for layer in layers]}])
    assert len(seconds) == 2 and all(0 < s < 1 for s in seconds)


def test_too_little_time_is_said(module, tmp_path):
    found = tuned(module, TuningDatabase(tmp_path / "t.sqlite", "a"), measure.LEAST_S / 2)
    assert "0 schedules measured now (too little time, give more)" in str(found)


def test_of_layers_that_nobody_measured_nothing_is_said(module, tmp_path):
    TuningDatabase(tmp_path / "t.sqlite", "a")
    assert api.tune(module, "cpu", 0.0, tmp_path / "t.sqlite") == (module, "")


def test_a_process_that_takes_too_long_leaves_no_files(tmp_path, monkeypatch):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\ntouch $TMPDIR/left\nsleep 60\n")
    program.chmod(0o755)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(sys, "executable", str(program))
    assert measure._answer("{}", 0.5)[1].status == "timeout"
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize(("place", "why"), [("", "is a folder"), ("file/t.sqlite", "File exists")])
def test_a_place_where_no_database_can_be(tmp_path, place, why):
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendError, match=rf"the tuning database cannot be used \({why}\); name another file"):
        TuningDatabase(tmp_path / place, "a")
