"""The benchmarks of chosen and tuned schedules, on a network of one layer."""

import json
import sys

import numpy as np
import pytest

from benchmarks import cpu_latency_model, cpu_ranking, cpu_tuning
from gossamer import api
from gossamer.ir.parse import parse_module

TEXT = """module small
%x: f32[1,16,14,14] = input
%w: f32[32,16,3,3] = ir.param "w"
%y: f32[1,32,14,14] = nn.conv2d %x, %w pads=(1,1,1,1)
return %y
"""


@pytest.fixture
def network(tmp_path):
    weight = np.random.default_rng(0).standard_normal((32, 16, 3, 3)).astype(np.float32)
    api.export(parse_module(TEXT, {"w": weight}), tmp_path / "small.onnx")
    return tmp_path / "small.onnx"


def printed(main, arguments, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["benchmark", *map(str, arguments), "--json"])
    assert main() == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_ranking(network, monkeypatch, capsys):
    (row,) = printed(cpu_ranking.main, [network, "--tiles", 3, "--threads", 1], monkeypatch, capsys)
    assert row["schedules"] >= 8 and row["failed"] == 0  # three tiles, five of Winograd's or more, im2col
    assert row["pick_s"] >= row["best_s"] > 0


@pytest.mark.slow
def test_tuning(network, monkeypatch, capsys):
    rows = printed(cpu_tuning.main, [network, "--seconds", 0, "--threads", 1], monkeypatch, capsys)
    assert [row["given_s"] for row in rows] == [0.0, float("inf")]
    assert "1 distinct layer" in rows[1]["words"] and all(row["median_ms"] > 0 for row in rows)


def test_latency_model_predicts_from_what_was_kept(tmp_path, monkeypatch, capsys):
    """Networks whose layers were all measured: the sum is the time but for the call."""
    rows = [{"key": f"k{i}", "schedule": "s", "features": {}, "seconds": 1.0} for i in range(3)]
    kept = [{"space": "ofa-mobilenetv2", "seconds": 6e-3, "rows": rows, "layers": [1e-3, 2e-3, 3e-3]}] * 4
    (tmp_path / "kept.json").write_text(json.dumps(kept))
    given = ["--networks", 1, "--held", 2, "--keep", tmp_path / "kept.json"]
    found = printed(cpu_latency_model.main, given, monkeypatch, capsys)
    assert found["networks"] == 4 and found["known_layers"] == 1.0
    assert found["scores"]["known + learned"]["median_error"] < 0.01
