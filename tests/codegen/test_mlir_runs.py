"""IR -> MLIR: xDSL accepts it, IREE compiles it, and what that computes is what the reference does."""

import numpy as np
import pytest

from gossamer.frontends import load
from gossamer.ir.text import parse_module

from . import mlir_help, op_cases

GROUPS = 3


@pytest.mark.slow
@pytest.mark.parametrize("group", range(GROUPS))
def test_every_op(group):
    names = [name for name in op_cases.CASES if name != "bf16"][group::GROUPS]
    mlir_help.check(op_cases.together(names), op_cases.inputs())


def test_bf16():
    """IREE may round a product of bf16 numbers the other way: one unit in the last of 8 bits."""
    mlir_help.check(op_cases.case("bf16"), op_cases.inputs(), tolerance=2.0**-8)


@pytest.mark.slow
def test_precision():
    """The same rounding at the same places: not one integer differs."""
    mlir_help.check(op_cases.together(list(op_cases.QUANTISED)), op_cases.inputs())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "passes"),
    [
        ("resnet18", ""),
        ("resnet18", "fold-bn,fuse,winograd{m=2}"),
        ("mobilenet_v2", "fold-bn,fuse"),
        ("resnet18", "fold-bn,fuse,quantize{bits=8}"),
    ],
    ids=["resnet18", "winograd", "mobilenet_v2", "int8"],
)
def test_networks(name, passes, prepared, image):
    mlir_help.check(prepared(name, passes), {"x": image})


@pytest.mark.slow
def test_mlperf_tiny_resnet8(data):
    module = load(data / "onnx_mlperf_tiny" / "resnet8.onnx")
    (value,) = module.graph.inputs
    x = np.random.default_rng(2).standard_normal(value.shape).astype(np.float32)
    mlir_help.check(module, {value.name: x}, tolerance=1e-4)


@pytest.mark.slow
def test_a_transformer_block():
    rng = np.random.default_rng(0)
    shapes = {"n": (16,), "q": (16, 48), "o": (16, 16), "u": (16, 32), "d": (32, 16)}
    params = {name: rng.standard_normal(shape).astype(np.float32) / 4 for name, shape in shapes.items()}
    module = parse_module(BLOCK, params)
    mlir_help.check(module, {"x": rng.standard_normal((1, 9, 16)).astype(np.float32)})


BLOCK = """module block
%x: f32[1,9,16] = input
%n: f32[16] = ir.param "n"
%wq: f32[16,48] = ir.param "q"
%wo: f32[16,16] = ir.param "o"
%wu: f32[16,32] = ir.param "u"
%wd: f32[32,16] = ir.param "d"
%a = nn.layer_norm %x, %n, %n axis=-1
%b = nn.matmul %a, %wq
%c = tensor.reshape %b shape=(1,9,3,2,8)
%t = tensor.transpose %c perm=(2,0,3,1,4)
%q, %k, %v = tensor.split %t sizes=(1,1,1) axis=0
%kt = tensor.transpose %k perm=(0,1,2,4,3)
%s = nn.matmul %q, %kt
%p = nn.softmax %s axis=-1
%h = nn.matmul %p, %v
%h2 = tensor.transpose %h perm=(0,1,3,2,4)
%h3 = tensor.reshape %h2 shape=(1,9,16)
%o = nn.matmul %h3, %wo
%r = math.add %x, %o
%m = nn.layer_norm %r, %n, %n axis=-1
%u = nn.matmul %m, %wu
%g = nn.gelu %u
%d = nn.matmul %g, %wd
%y = math.add %r, %d
return %y
"""

LSTM = """module lstm
%x: f32[6,2,5] = input
%h: f32[2,4] = ir.param "h"
%wi: f32[16,5] = ir.param "wi"
%wh: f32[16,4] = ir.param "wh"
%b: f32[16] = ir.param "b"
%hn, %cn, %y = ir.scan %h, %h, %x, %wi, %wh, %b states=2 scanned=1 steps=6 reverse=REVERSE body={
    %h: f32[2,4] = input
    %c: f32[2,4] = input
    %x: f32[2,5] = input
    %wi: f32[16,5] = input
    %wh: f32[16,4] = input
    %b: f32[16] = input
    %h2, %c2 = nn.lstm_cell %x, %h, %c, %wi, %wh, %b
    %o = nn.relu %h2
    return %h2, %c2, %o
}
return %y, %cn
"""


@pytest.mark.slow
@pytest.mark.parametrize("reverse", ["false", "true"])
def test_an_lstm_is_a_loop(reverse):
    rng = np.random.default_rng(1)
    shapes = {"h": (2, 4), "wi": (16, 5), "wh": (16, 4), "b": (16,)}
    params = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    module = parse_module(LSTM.replace("REVERSE", reverse), params)
    x = rng.standard_normal((6, 2, 5)).astype(np.float32)
    text = mlir_help.check(module, {"x": x})
    assert text.count("scf.for") == 1


@pytest.mark.slow
def test_an_lstm_unrolled():
    from gossamer.passes.unroll import Unroll

    rng = np.random.default_rng(1)
    shapes = {"h": (2, 4), "wi": (16, 5), "wh": (16, 4), "b": (16,)}
    params = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    module = Unroll().run(parse_module(LSTM.replace("REVERSE", "false"), params))
    text = mlir_help.check(module, {"x": rng.standard_normal((6, 2, 5)).astype(np.float32)})
    assert "scf.for" not in text
