"""`search` on the command line: a small search, its folder and its report; wrong settings; Ctrl-C."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gossamer.search.engine as engine
from gossamer.search.estimators.train import Training


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search as it is, but for a supernet that is hardly trained."""
    real: Callable[..., Any] = engine.search
    monkeypatch.setattr(engine, "search", lambda **options: real(**options, training=Training(steps=4), population=8))


@pytest.mark.slow
def test_a_small_search_leaves_a_table_a_report_and_a_folder_a_design(cli, quick: None, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = ("search", "--budget", "16", "--designs", "2", "--no-host", "-o", folder)
    outcome = cli(*command, "--json")
    assert outcome.code == 0, outcome.err
    document = outcome.document
    assert document["evaluations"] == 16 and 1 <= len(document["front"]) <= 2
    assert {"accuracy", "latency_s", "energy_j", "area_mm2"} <= set(document["front"][0]["metrics"])
    assert {"pareto.csv", "pareto.svg", "report.html"} <= {path.name for path in folder.iterdir()}
    assert "application/json" in (folder / "report.html").read_text(encoding="utf-8")

    again = cli(*command)
    assert again.code == 0, again.err
    assert "report.html" in again.out and "accuracy" in again.out
    other = cli(*command, "--seed", "1")
    assert other.code == 2 and "seed" in other.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--target", "sistolic"], "did you mean 'systolic'"),
        (["--space", "mobilnet"], "did you mean 'mobilenet'"),
        (["--objectives", "accuracy,latencey"], "did you mean 'latency'"),
        (["--budget", "soon"], "neither a time"),
        (["--limit", "latency<=2mm"], "measured in"),
        (["--limit", "latency<=1ns"], "the nearest"),
        (["--data", "mnist:nowhere"], "nowhere"),
        (["--strategy", "randon"], "did you mean 'random'"),
    ],
)
def test_settings_that_are_wrong(cli, quick: None, tmp_path: Path, options: list[str], said: str) -> None:
    outcome = cli("search", "--budget", "8", "-o", tmp_path / "run", *options)
    assert outcome.code == 2, outcome.out
    last = outcome.err.splitlines()[-1]
    assert last.startswith("error: ") and said in last and "Traceback" not in outcome.err


def test_a_folder_that_is_a_file(cli, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("mine")
    outcome = cli("search", "--budget", "8", "-o", tmp_path / "run")
    assert outcome.code == 2 and outcome.err.startswith("error: ")
    assert (tmp_path / "run").read_text() == "mine"


@pytest.mark.parametrize("extra", [[], ["--json"]])
def test_ctrl_c_before_anything_was_found(
    cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, extra: list[str]
) -> None:
    def interrupted(**options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "search", interrupted)
    outcome = cli("search", "-o", tmp_path / "run", *extra)
    assert outcome.code == 130 and "interrupted" in outcome.err
    assert not extra or json.loads(outcome.out) == {"error": "interrupted"}
