"""The MLIR text itself: its words, its form, what it leaves to others."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from gossamer.codegen.mlir import export_mlir, save_mlir
from gossamer.codegen.mlir.types import literal
from gossamer.ir.build import GraphBuilder
from gossamer.ir.errors import BackendError
from gossamer.ir.graph import Module
from gossamer.ir.op import Op
from gossamer.ir.ops import Relu
from gossamer.ir.text import parse_module
from gossamer.ir.types import BF16, F32, F64, I8, U8, TensorType, Value

from . import mlir_help, op_cases


def module_of(body, **params):
    return parse_module(f"module net\n%x: f32[1,4,7,6] = input\n{body}\nreturn %y\n", params)


def test_a_convolution_is_a_pad_a_fill_and_a_generic():
    text = export_mlir(op_cases.case("nn.conv2d"))
    operations = re.findall(r"(?:= |^ +)((?:tensor|linalg|arith|func|math)\.\w+)", text, re.MULTILINE)
    assert operations.count("linalg.generic") == 2  # the sum of products, and the bias
    assert operations.count("tensor.pad") == 1 and operations.count("linalg.fill") == 1
    assert "-> (n, oc_o * 2 + ic, oh * 2 + kh, ow + kw * 2)" in text
    assert '"reduction", "reduction", "reduction"]' in text


def test_names_of_the_network_stay():
    text = export_mlir(module_of("%act.1 = nn.relu %x\n%y = nn.tanh %act.1"))
    assert '%x: tensor<1x4x7x6xf32> {gossamer.name = "x"}' in text
    assert "%act.1 = linalg.generic" in text and text.startswith("module @net {")


def test_large_constants_are_resources_and_small_ones_stand_in_the_text():
    text = export_mlir(op_cases.case("nn.batch_norm"))
    assert "dense_resource" not in text and "arith.constant dense<[" in text
    w = np.ones((8, 4, 3, 3), np.float32)
    text = export_mlir(module_of('%w: f32[8,4,3,3] = ir.param "a.w"\n%y = nn.conv2d %x, %w', **{"a.w": w}))
    assert "dense_resource<" in text and len(text) < 2 * w.nbytes + 4000


def test_weights_as_arguments():
    module = op_cases.case("nn.gemm")
    text = export_mlir(module, weights_as_arguments=True)
    assert re.search(r'func.func @main\(.*%g: tensor<3x6xf32> \{gossamer.name = "g"\}, %k: tensor<3xf32>', text)
    mlir_help.verified(text)
    inputs, params = op_cases.inputs(), op_cases.parameters()
    found = mlir_help.run(text, [*(inputs[v.name] for v in module.graph.inputs), params["g"], params["k3"]])
    np.testing.assert_allclose(found[0], inputs["m"] @ params["g"].T + params["k3"], rtol=1e-5, atol=1e-6)


@dataclass(frozen=True)
class Riddle(Op, name="test.riddle"):
    """Opaque: no loop nest."""

    x: Value
    depth: int = 3
    scale: float = 0.5
    mode: str = 'a "b"'
    axes: tuple[int, ...] = (1, 2)

    def infer(self):
        return (self.x.type,)


def test_opaque_ops_stand_in_generic_form():
    text = export_mlir(module_of("%a = nn.relu %x\n%r = test.riddle %a axes=(1,)\n%y = nn.tanh %r"))
    attributes = 'depth = 3 : i64, scale = 0.5 : f64, mode = "a \\22b\\22", axes = [1 : i64]'
    form = f'%r = "gossamer.test.riddle"(%a) {{{attributes}}} : (tensor<1x4x7x6xf32>) -> tensor<1x4x7x6xf32>'
    assert form in text, text[:1500]
    module = mlir_help.verified(text)
    assert "gossamer.test.riddle" in str(module)
    ir = pytest.importorskip("iree.compiler.ir", reason="IREE's compiler is not installed")
    with ir.Context() as context:
        context.allow_unregistered_dialects = True
        assert ir.Module.parse(text).operation.verify()


def test_names_from_files_cannot_break_the_text():
    builder = GraphBuilder()
    x = builder.input('x"}\n', TensorType(F32, (1, 4, 7, 6)))
    a = builder.add(Relu(x), "%é // \\")
    y = builder.add(Riddle(a, mode='"}\n'), "1 = return")
    text = export_mlir(Module('net" {\n', builder.finish((y,))))
    assert len(mlir_help.verified(text).body.block.ops) == 1
    assert text.count("\n") == len(text.splitlines()) and text.isascii()


def test_iree_opt_accepts_every_op(tmp_path):
    compiler = pytest.importorskip("iree.compiler", reason="IREE's compiler is not installed")
    names = [*op_cases.CASES, *op_cases.QUANTISED]
    path = tmp_path / "ops.mlir"
    save_mlir(op_cases.together(names), path)
    tool = next(Path(compiler.__path__[0]).rglob("iree-opt"))
    done = subprocess.run([tool, path, "-o", tmp_path / "again.mlir"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "again.mlir").read_text().count("linalg.generic") == path.read_text().count("linalg.generic")


def test_numbers():
    assert literal(0.1, F32) == "0.1" and literal(1e-5, F32) == "1.0e-05" and literal(2.0, F32) == "2.0"
    assert literal(float("inf"), F32) == "0x7F800000" and literal(float("-inf"), BF16) == "0xFF80"
    assert literal(float("-inf"), I8) == "-128" and literal(200, U8) == "-56" and literal(1 / 3, F64) == repr(1 / 3)


def test_winograd_is_written_as_its_transforms(prepared):
    text = export_mlir(prepared("resnet18", "fold-bn,fuse,winograd{m=2}"))
    assert "%winograd_b" in text and "%winograd_g" in text and "%winograd_a" in text


def test_missing_weights_and_files(tmp_path):
    bare = parse_module('module net\n%x: f32[3] = input\n%w: f32[3] = ir.param "w"\n%y = math.add %x, %w\nreturn %y\n')
    with pytest.raises(BackendError, match="net: the module holds no weights for 'w'; export them as arguments"):
        export_mlir(bare)
    save_mlir(bare, tmp_path / "net.mlir", weights_as_arguments=True)
    mlir_help.verified((tmp_path / "net.mlir").read_text())
    assert [file.name for file in tmp_path.iterdir()] == ["net.mlir"]
