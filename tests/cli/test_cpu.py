"""The path of the README on this machine's CPU: compile, run in another process, compare with onnxruntime."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def compiled(tiny_onnx: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("cpu") / "out"
    command = [sys.executable, "-m", "gossamer.cli", "compile", tiny_onnx, "-o", folder, "--json"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    return json.loads(result.stdout)


def test_every_layer_has_a_schedule_and_a_time(compiled: dict) -> None:
    assert all(layer["measured_s"] > 0 for layer in compiled["layers"])
    conv = next(layer for layer in compiled["layers"] if layer["kind"] == "conv 3x3")
    assert conv["algorithm"] and conv["schedule"] and conv["macs"] == 8 * 8 * 8 * 27


def test_another_process_runs_it_and_agrees_with_onnxruntime(compiled: dict) -> None:
    command = [sys.executable, "-m", "gossamer.cli", "run", compiled["output"], "--check", "--json"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["check"]["max_abs_error"] < 1e-4


def test_from_python(tiny_onnx: Path, tmp_path: Path) -> None:
    import numpy as np

    import gossamer as gs

    artifact = gs.compile(gs.load(tiny_onnx), target="cpu")
    y = artifact.run({"x": np.ones((1, 3, 8, 8), np.float32)})["y"]
    artifact.save(tmp_path / "out")
    again = gs.load_artifact(tmp_path / "out").run({"x": np.ones((1, 3, 8, 8), np.float32)})["y"]
    assert np.array_equal(y, again)


def test_it_says_why(tiny_onnx: Path, cli) -> None:
    document = cli("compile", tiny_onnx, "--explain", "--json", "--tune-db", "off").document
    rows = document["explained"]
    assert [row["title"] for row in rows] == [line["name"] for line in document["layers"]]
    conv = next(row for row in rows if row["macs"] == 8 * 8 * 8 * 27)
    assert conv["bound"] in conv["parts_s"] and conv["parts_s"][conv["bound"]] == max(conv["parts_s"].values())
    line = next(line for line in document["layers"] if line["name"] == conv["title"])
    assert (conv["predicted_s"], conv["measured_s"]) == (line["predicted_s"], line["measured_s"])
    assert conv["macs_per_byte"] == pytest.approx(8 * 8 * 8 * 27 / (4 * (3 * 64 + 8 * 27 + 8 * 64)))
    assert conv["flops_per_s"] == pytest.approx(2 * conv["macs"] / conv["measured_s"])
    assert 0 < conv["peak_share"] < 1 and conv["runner_up"] and conv["runner_up_ratio"] > 0

    shown = cli("compile", tiny_onnx, "--explain", "--no-measure", "--tune-db", "off").out
    assert all(word in shown for word in ("bound by", "of peak", "next best", "its time", conv["bound"]))


def test_it_says_why_in_a_narrow_terminal_too(tiny_onnx: Path, cli, monkeypatch) -> None:
    from rich.console import Console

    monkeypatch.setattr("gossamer.cli.output.wide_console", lambda: Console(width=70))
    shown = cli("compile", tiny_onnx, "--explain", "--no-measure", "--tune-db", "off").out
    explained = shown[shown.index("predicted ") : shown.index("Times in microseconds")]
    assert all(word in explained for word in ("bound by ", "MAC/B", "next best ")) and "…" not in explained
    assert all(len(line) <= 70 for line in shown.splitlines())


def test_a_database_that_is_none_is_one_line_of_warning(tiny_onnx: Path, cli, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no database " * 500)
    found = cli("compile", tiny_onnx, "--no-measure", "--tune-db", tmp_path / "notes.txt", "--json")
    assert found.code == 0 and found.document["layers"]
    assert found.err.startswith("warning: ") and found.err.count("\n") == 1 and "a new one is begun" in found.err


def test_calibration_inputs_of_many_samples(tiny_onnx: Path, calibration: Path, cli) -> None:
    pipeline = "fold-bn,fuse,quantize{bits=8},tile{target=cpu}"
    found = cli("compile", tiny_onnx, "-p", pipeline, "--calibrate", calibration, "--tune-db", "off", "--json")
    assert found.code == 0, found.err
    assert all(line["measured_s"] is not None for line in found.document["layers"])


def test_winograd_says_its_error(tiny_onnx: Path, cli) -> None:
    found = cli("compile", tiny_onnx, "--explain", "--json", "--passes", "fuse,winograd{m=4}", "--tune-db", "off")
    row = next(row for row in found.document["explained"] if row["algorithm"] == "winograd(m=4)")
    assert 1e-8 < row["relative_error"] < 1e-4 and row["parts_s"]["other"] > 0


def test_a_target_that_cannot_explain_says_so(tiny_onnx: Path, cli) -> None:
    found = cli("compile", tiny_onnx, "--target", "systolic", "--explain")
    assert found.code == 2 and "systolic: cannot explain its choices; leave --explain out" in found.err


def test_for_another_cpu(tiny_onnx: Path, cli, tmp_path: Path) -> None:
    from gossamer.backends.cpu.cpus import KNOWN
    from gossamer.backends.cpu.target import missing_here

    cpu = next((cpu for cpu in reversed(KNOWN) if missing_here(cpu)), None)
    if cpu is None:
        pytest.skip("this machine has everything that a known cpu has")
    made = cli("compile", tiny_onnx, "--cpu", cpu, "-o", tmp_path / "out", "--json")
    assert made.code == 0 and f"not timed: made for a {cpu}, this machine lacks its" in made.err
    assert all(line["measured_s"] is None for line in made.document["layers"])
    found = cli("run", tmp_path / "out")
    assert found.code == 2 and f"out: made for a {cpu}, this machine lacks its" in found.err


def test_an_unknown_cpu_is_one_error_that_lists_the_known(tiny_onnx: Path, cli) -> None:
    found = cli("compile", tiny_onnx, "--cpu", "pentium9")
    assert found.code == 2 and "cpu.cpu: 'pentium9' is none of native, x86-64" in found.err and "znver5" in found.err
    found = cli("compile", tiny_onnx, "--cpu", "icelake")
    assert "did you mean 'icelake-" in found.err


def test_ctrl_c_while_tuning_says_what_becomes_of_it(tiny_onnx: Path, cli, tmp_path: Path, monkeypatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gossamer.backends.cpu.tuning.tune.measured", interrupted)
    found = cli("compile", tiny_onnx, "--tune", "9s", "--tune-db", tmp_path / "t.sqlite", "-o", tmp_path / "out")
    assert found.code == 130 and not (tmp_path / "out").exists()
    assert found.err == "what was measured until now is kept; the same command goes on from there\nerror: interrupted\n"
