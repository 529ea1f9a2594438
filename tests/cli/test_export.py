"""`gossamer export`: every format by the file's name, what it says, what it refuses."""

import json
import subprocess
import sys

import numpy as np
import onnx
import pytest

from gossamer.cli.main import main
from gossamer.frontends import load
from gossamer.frontends.text import save_text
from gossamer.ir.reference import evaluate
from gossamer.ir.text import parse_module

NET = """module net
%x: f32[2,3] = input
%w: f32[4,3] = ir.param "fc.weight"
%a = nn.gemm %x, %w transpose_b=true
%y = nn.relu %a
return %y
"""


@pytest.fixture
def model(tmp_path):
    module = parse_module(NET, {"fc.weight": np.arange(12, dtype=np.float32).reshape(4, 3) - 5})
    save_text(module, tmp_path / "net.gsm")
    return tmp_path / "net.gsm"


def output(model, x):
    return next(iter(evaluate(load(model), {"x": x}).values()))


def test_onnx_and_text_read_back(model, tmp_path, capsys):
    x = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)
    for name in ("out.onnx", "out.gsm"):
        assert main(["export", str(model), "-o", str(tmp_path / name), "-p", "fuse"]) == 0
        np.testing.assert_allclose(output(tmp_path / name, x), output(model, x), rtol=1e-6)
    assert "wrote" in capsys.readouterr().out
    assert [n.op_type for n in onnx.load(tmp_path / "out.onnx").graph.node] == ["Gemm", "Relu"]


def test_mlir(model, tmp_path, capsys):
    assert main(["export", str(model), "-o", str(tmp_path / "out.mlir"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["files"] == {str(tmp_path / "out.mlir"): (tmp_path / "out.mlir").stat().st_size}
    assert "linalg.generic" in (tmp_path / "out.mlir").read_text()
    arguments = ["export", str(model), "-o", str(tmp_path / "args.txt"), "--format", "mlir", "--weights-as-arguments"]
    assert main(arguments) == 0
    assert '%w: tensor<4x3xf32> {gossamer.name = "w"}' in (tmp_path / "args.txt").read_text()


@pytest.mark.slow
def test_torch_source(model, tmp_path):
    pytest.importorskip("torch")
    assert main(["export", str(model), "-o", str(tmp_path / "out.py")]) == 0
    program = "import torch; from out import Network; n = Network()\n"
    program += "print(list(n.state_dict()), n(torch.ones(2, 3)).tolist())"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['fc.weight'] [[0.0, 0.0, 6.0, 15.0], [0.0, 0.0, 6.0, 15.0]]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "out.xyz"], "out.xyz: the format '.xyz' is not known; known: onnx (.onnx), mlir (.mlir), torch (.py), "
                            "text (.gsm)"),
        (["-o", "out.onnx", "--format", "tflite"], "out.onnx: the format 'tflite' is not known"),
        (["-o", "net.gsm"], "net.gsm: exists; name a new file, or give --force"),
        (["-o", "net.py"], "net.npz: exists; name a new file, or give --force"),
        (["-o", "out.onnx", "--weights-as-arguments"], "out.onnx: weights can be arguments in MLIR alone"),
    ],
)  # fmt: skip
def test_mistakes(arguments, message, model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = sorted(p.name for p in tmp_path.iterdir())
    assert main(["export", str(model), *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"error: {message}")
    assert sorted(p.name for p in tmp_path.iterdir()) == before
