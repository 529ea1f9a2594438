"""With --json nothing but the document reaches stdout, whatever libraries print."""

import json
import os
import sys

import numpy as np
import pytest
from rich.console import Console

from gossamer.cli.output import Output, plain


def test_stray_prints_go_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with Output(as_json=True) as out:
        print("a library talks")
        os.write(1, b"so does its native half\n")
        out.answer({"x": 1})
    streams = capfd.readouterr()
    assert json.loads(streams.out) == {"x": 1}
    assert "library" in streams.err and "native" in streams.err


def test_no_document_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="boom"), Output(as_json=True) as out:
        out.answer({"x": 1})
        raise ValueError("boom")
    assert capfd.readouterr().out == ""


def test_plain_makes_json_of_anything() -> None:
    value = {"a": np.float32(0.5), "b": np.arange(2), "c": float("inf"), "d": (None, True), 3: {"e": {1}}}
    assert plain(value) == {"a": 0.5, "b": [0, 1], "c": None, "d": [None, True], "3": {"e": [1]}}
    json.dumps(plain(value), allow_nan=False)


def test_text_is_not_taken_for_markup(capfd: pytest.CaptureFixture[str]) -> None:
    with Output(as_json=False) as out:
        out.text({}, "%x: f32[bold][/bold]\n")
    assert capfd.readouterr().out == "%x: f32[bold][/bold]\n"


def test_names_in_progress_and_remarks_are_not_taken_for_markup(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "gossamer.cli.output.error_console", lambda: Console(file=sys.stderr, force_terminal=True, width=80)
    )
    with Output(as_json=False) as out:
        with out.working("reading a[/x].onnx") as now:
            now("measuring [/y]")
        out.note("not timed: [/z]")
    said = capfd.readouterr().err
    assert "measuring [/y]" in said and "not timed: [/z]" in said
