"""Mistakes on the command line: one sentence on stderr, exit code 2, no traceback, and JSON when it was asked for."""

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
    ],
)
def test_one_sentence(cli, arguments: list[str], said: str) -> None:
    outcome = cli(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("error: ") and outcome.err.count("\n") == 1
    assert said in outcome.err and "Traceback" not in outcome.err


def test_with_json_the_sentence_is_the_document(cli) -> None:
    outcome = cli("targets", "systolc", "--json")
    assert outcome.code == 2
    assert "did you mean 'systolic'" in outcome.document["error"]


def test_version(cli) -> None:
    import gossamer

    assert cli("--version").out == f"gossamer {gossamer.__version__}\n"
