"""`compile` and `run` on the analytical target, which needs no compiler: tables, folders, checks, refusals."""

import errno
import json
from pathlib import Path

import numpy as np
import pytest

from gossamer.cli.run import compare, outputs_table

INT8 = "fold-bn,fuse,quantize{bits=8},tile{target=systolic}"


@pytest.fixture
def compiled(cli, tiny_onnx: Path, calibration: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    outcome = cli("compile", tiny_onnx, "--target", "systolic", "-p", INT8, "--calibrate", calibration, "-o", folder)
    assert outcome.code == 0, outcome.err
    assert "conv 3x3" in outcome.out and "3x8x8 -> 8x8x8" in outcome.out and "saved in" in outcome.out
    return folder


def test_the_folder_holds_what_run_needs(compiled: Path) -> None:
    names = {path.name for path in compiled.iterdir()}
    assert {"manifest.json", "design.ir", "source.onnx", "layers.json"} <= names
    layers = json.loads((compiled / "layers.json").read_text())["layers"]
    assert sum(layer["macs"] for layer in layers) == 8 * 8 * 8 * 27 + 80


@pytest.mark.slow
def test_run_prints_outputs_and_checks_against_onnxruntime(cli, compiled: Path, tmp_path: Path) -> None:
    document = cli("run", compiled, "--check", "--tolerance", "0.1", "--json").document
    assert document["check"]["passed"] and 0 < document["check"]["max_abs_error"] < 0.1
    assert document["peer_latency_s"] > 0
    assert document["outputs"]["y"]["shape"] == [1, 10]


@pytest.mark.slow
def test_a_failed_check_is_exit_code_1_and_says_by_how_much(cli, compiled: Path) -> None:
    outcome = cli("run", compiled, "--check", "--tolerance", "1e-9")
    assert outcome.code == 1
    assert "BEYOND" in outcome.out


@pytest.mark.slow
def test_a_folder_with_brackets_in_its_name(cli, tiny_onnx: Path, calibration: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out [x]"
    outcome = cli("compile", tiny_onnx, "--target", "systolic", "-p", INT8, "--calibrate", calibration, "-o", folder)
    assert outcome.out.replace("\n", "").endswith("out [x]") and cli("run", folder).code == 0


def test_names_of_outputs_are_not_taken_for_markup(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    Console(width=80).print(outputs_table({"outputs": {"logits[b]": {"shape": (1, 2), "type": "float32"}}}))
    assert "logits[b]  1x2" in capsys.readouterr().out


def test_the_tolerance_grows_with_outputs_above_1_unless_it_is_given() -> None:
    wanted = {"y": np.array([-50.0, 3.0], np.float32)}
    found = {"y": wanted["y"] + np.float32(1e-3)}
    checked = compare(found, wanted, None)
    assert checked["tolerance"] == pytest.approx(50e-4) and checked["passed"]
    assert not compare(found, wanted, 1e-4)["passed"]
    small = {"y": wanted["y"] / 100}
    assert compare(small, small, None)["tolerance"] == 1e-4


@pytest.mark.slow
def test_run_takes_and_writes_arrays(cli, compiled: Path, tmp_path: Path) -> None:
    x, y = tmp_path / "x.npy", tmp_path / "y.npz"
    np.save(x, np.ones((1, 3, 8, 8), np.float32))
    assert cli("run", compiled, "--input", x, "-o", y).code == 0
    with np.load(y) as found:
        assert found["y"].shape == (1, 10)
    refused = cli("run", compiled, "--input", x, "-o", y)
    assert refused.code == 2 and "exists" in refused.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.ones((1, 3, 9, 9), np.float32), "8, 8"),
        (None, "no such file"),
        (b"garbage", "is no .npy or .npz"),
        (b"PK\x03\x04garbage", "is no .npy or .npz"),
        (np.full((1, 3, 8, 8), "a"), "'x' is an array of <U1, needed real numbers"),
        (np.ones((1, 3, 8, 8), complex), "'x' is an array of complex128, needed real numbers"),
    ],
)
def test_bad_inputs(cli, compiled: Path, tmp_path: Path, array: object, said: str) -> None:
    path = tmp_path / "bad.npy"
    if isinstance(array, bytes):
        path.write_bytes(array)
    elif array is not None:
        np.save(path, array)
    outcome = cli("run", compiled, "--input", path)
    assert outcome.code == 2 and outcome.err.count("\n") == 1
    assert said in outcome.err


def test_an_earlier_result_is_replaced_only_when_forced(
    cli, compiled: Path, tiny_onnx: Path, calibration: Path
) -> None:
    again = ("compile", tiny_onnx, "--target", "systolic", "-p", INT8, "--calibrate", calibration, "-o", compiled)
    refused = cli(*again)
    assert refused.code == 2 and "--force" in refused.err
    assert cli(*again, "--force").code == 0


def test_a_folder_with_other_things_is_never_touched(cli, tiny_onnx: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("five years")
    outcome = cli("compile", tiny_onnx, "--target", "systolic", "-o", tmp_path, "--force")
    assert outcome.code == 2 and "not empty" in outcome.err
    assert (tmp_path / "thesis.tex").read_text() == "five years"


def test_what_does_not_fit_says_what_would_help(cli, tiny_onnx: Path, tmp_path: Path) -> None:
    outcome = cli("compile", tiny_onnx, "--target", "systolic", "-p", "fold-bn,fuse", "-o", tmp_path / "out")
    assert outcome.code == 2
    assert "8-bit multipliers" in outcome.err and "quantize" in outcome.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-p", "fold-bm"], "did you mean 'fold-bn'"),
        (["-p", "quantize{bitz=8}"], "bits"),
        (["--hardware", "rowz=4"], "did you mean 'rows'"),
        (["--hardware", "rows=0"], "outside 1 .. 512"),
        (["--shape", "x"], "write NAME="),
        (["--calibrate", "nothing.npy"], "nothing.npy: no such file"),
    ],
)
def test_options_that_are_wrong(cli, tiny_onnx: Path, tmp_path: Path, options: list[str], said: str) -> None:
    outcome = cli("compile", tiny_onnx, "--target", "systolic", "-o", tmp_path / "out", *options)
    assert outcome.code == 2 and outcome.err.count("\n") == 1
    assert said in outcome.err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_saved_folder_loads_from_python_and_what_python_saves_runs(cli, compiled: Path, tmp_path: Path) -> None:
    import gossamer as gs

    artifact = gs.load_artifact(compiled)
    artifact.save(tmp_path / "again")
    assert cli("run", tmp_path / "again").code == 0
    refused = cli("run", tmp_path / "again", "--check")
    assert refused.code == 2 and "source.onnx" in refused.err
    assert artifact.run({"x": np.zeros((1, 3, 8, 8), np.float32)})["y"].shape == (1, 10)


@pytest.mark.parametrize(("text", "said"), [("{", "cannot be read"), ('{"target": "vanished"}', "unknown target")])
def test_a_damaged_folder(cli, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    outcome = cli("run", tmp_path)
    assert outcome.code == 2 and said in outcome.err


def test_a_full_disk_leaves_nothing_behind(
    cli, tiny_onnx: Path, calibration: Path, tmp_path: Path, monkeypatch
) -> None:
    def full(model: Path, place: Path) -> None:
        place.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gossamer.cli.bundle._copy_source", full)
    folder = tmp_path / "out"
    outcome = cli("compile", tiny_onnx, "--target", "systolic", "-p", INT8, "--calibrate", calibration, "-o", folder)
    assert outcome.code == 2 and "no space left on device" in outcome.err
    assert list(tmp_path.iterdir()) == []
