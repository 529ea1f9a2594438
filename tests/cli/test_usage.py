"""Mistakes on the command line: one sentence on stderr, exit code 2, no traceback, and JSON when it was asked for."""

import subprocess
import sys

import pytest

COMMANDS = ("compile", "run", "search", "inspect", "targets", "check-backend")


def test_no_arguments_shows_help(cli) -> None:
    outcome = cli()
    assert outcome.code == 2
    assert all(name in outcome.out for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example_and_json(cli, command: str) -> None:
    outcome = cli(command, "--help")
    assert outcome.code == 0
    assert f"Example: gossamer {command}" in " ".join(outcome.out.split())
    assert "--json" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["comple"], "Did you mean 'compile'"),
        (["compile", "net.onnx", "--targt", "cpu"], "--target"),
        (["targets", "systolc"], "did you mean 'systolic'"),
        (["check-backend", "systolc"], "did you mean 'systolic'"),
        (["run", "no-such-folder"], "no such folder"),
        (["compile", "no-such.onnx"], "no-such.onnx"),
        (["compile", "no-such.onnx", "--target", "gpu"], "unknown target 'gpu'"),
        (["inspect", "no-such.onnx"], "no-such.onnx"),
        (["run", __file__], "is a file, needed the folder of a compiled network"),
        (["compile", "no-such.onnx", "--tune", "5parsecs"], "--tune 5parsecs: is no time above 0, needed one with"),
        (["compile", "no-such.onnx", "--tune", "0s"], "--tune 0s: is no time above 0"),
        (["compile", "no-such.onnx", "--tune", "5"], "--tune 5: is no time above 0, needed one with its unit: 60s"),
        (["compile", "no-such.onnx", "-o", f"{__file__}/out"], "test_usage.py is a file; name another"),
    ],
)
def test_one_sentence(cli, arguments: list[str], said: str) -> None:
    outcome = cli(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("error: ") and outcome.err.count("\n") == 1
    assert said in outcome.err and "Traceback" not in outcome.err


@pytest.mark.parametrize("given", ["abc", "-1", "1.5"])
def test_a_number_of_threads_that_is_none(cli, tiny_onnx, monkeypatch, given: str) -> None:
    from gossamer.backends.cpu.hardware import host

    monkeypatch.setenv("GOSSAMER_THREADS", given)
    host.cache_clear()
    outcome = cli("compile", tiny_onnx)
    host.cache_clear()
    assert outcome.code == 2
    assert outcome.err == f"error: GOSSAMER_THREADS = '{given}' is not a whole number of threads >= 1\n"


def test_two_processors_are_one_too_many(cli, tiny_onnx) -> None:
    outcome = cli("compile", tiny_onnx, "--cpu", "znver4", "--hardware", "cpu=haswell")
    assert outcome.code == 2
    assert outcome.err == "error: --cpu znver4: --hardware says cpu=haswell; give one of them\n"


def test_as_a_module() -> None:
    found = subprocess.run([sys.executable, "-m", "gossamer", "--version"], capture_output=True, text=True, check=True)
    assert found.stdout.startswith("gossamer ")


def test_with_json_the_sentence_is_the_document(cli) -> None:
    outcome = cli("targets", "systolc", "--json")
    assert outcome.code == 2
    assert "did you mean 'systolic'" in outcome.document["error"]


def test_version(cli) -> None:
    import gossamer

    assert cli("--version").out == f"gossamer {gossamer.__version__}\n"
