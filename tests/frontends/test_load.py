"""`load` tells models apart by content; shapes as typed; modules as text with weights beside."""

import subprocess
import sys
import zipfile

import numpy as np
import pytest
from onnx import helper

from gossamer.frontends import load, load_text, parse_shapes, save_text
from gossamer.ir.errors import FrontendError
from gossamer.ir.graph import Params
from gossamer.ir.reference import evaluate

WEIGHTS = {"w/1": np.arange(8, dtype=np.float32).reshape(4, 2)}


@pytest.fixture
def proto(make):
    return make([helper.make_node("MatMul", ["x", "w/1"], ["y:0"], "mat mul")], {"x": (3, 4)}, ["y:0"], WEIGHTS)


@pytest.fixture
def module(proto):
    return load(proto)


def test_content_decides_not_the_name(module, proto, tmp_path):
    (tmp_path / "model.txt").write_bytes(proto.SerializeToString())
    save_text(module, tmp_path / "text.onnx")
    assert load(tmp_path / "model.txt").graph == load(tmp_path / "text.onnx").graph == module.graph
    assert load(module) is module


def test_text_with_weights_beside(module, tmp_path):
    save_text(module, tmp_path / "net.gsm")
    back = load_text(tmp_path / "net.gsm")
    x = {"x": np.ones((3, 4), np.float32)}
    assert back == module and np.array_equal(evaluate(back, x)["y:0"], evaluate(module, x)["y:0"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.gsm", "net.npz"]


def test_text_without_weights_loads(module, tmp_path):
    (tmp_path / "net.gsm").write_text(f"// a comment first\n{module}\n")
    assert load(tmp_path / "net.gsm").graph == module.graph


def test_weights_are_read_when_used_and_never_unpickled(module, tmp_path):
    save_text(module, tmp_path / "net.gsm")
    with zipfile.ZipFile(tmp_path / "net.npz", "w") as archive, archive.open("w/1.npy", "w") as member:
        np.lib.format.write_array(member, np.asarray([{}], object), allow_pickle=True)
    back = load(tmp_path / "net.gsm")
    with pytest.raises(FrontendError, match=r"net.npz: weight 'w/1' cannot be read: Object arrays cannot be loaded"):
        _ = back.params["w/1"]


def test_bad_text(module, tmp_path):
    (tmp_path / "net.gsm").write_text(str(module).replace("nn.gemm", "nn.gem"))
    with pytest.raises(FrontendError, match=r"net.gsm: 4:\d+.*did you mean 'nn.gemm'"):
        load(tmp_path / "net.gsm")
    (tmp_path / "net.gsm").write_text(str(module))
    (tmp_path / "net.npz").write_bytes(b"no zip")
    with pytest.raises(FrontendError, match="net.npz: the weights cannot be read: File is not a zip file"):
        load(tmp_path / "net.gsm")
    with pytest.raises(FrontendError, match="net.gsm: IR text says every shape itself; leave out the shape of x"):
        load(tmp_path / "net.gsm", {"x": (1, 4)})


def test_weights_that_do_not_fit(module, tmp_path):
    save_text(module, tmp_path / "net.gsm")
    name, array = next(iter(module.params.items()))
    text = (tmp_path / "net.gsm").read_text()
    save_text(module.with_graph(module.graph, Params({name: array.astype(np.float64)})), tmp_path / "wide.gsm")
    with pytest.raises(FrontendError, match=f"wide.npz: weight '{name}' is float64.*, and the text needs float32"):
        _ = load(tmp_path / "wide.gsm").params[name]
    (tmp_path / "net.gsm").write_text(text.replace(f'"{name}"', '"other"'))
    with pytest.raises(FrontendError, match="net.gsm: .*the module has no parameter 'other'"):
        load(tmp_path / "net.gsm")


def test_saved_files_have_the_permissions_of_any_other(module, tmp_path):
    (tmp_path / "plain").touch()
    save_text(module, tmp_path / "net.gsm")
    assert {p.stat().st_mode for p in tmp_path.iterdir()} == {(tmp_path / "plain").stat().st_mode}


def test_a_failed_save_leaves_the_old_file(module, tmp_path):
    save_text(module, tmp_path / "net.gsm")
    before = (tmp_path / "net.npz").read_bytes()
    broken = module.with_graph(module.graph, module.params.updated({"bad": lambda: 1 / 0}))
    with pytest.raises(ZeroDivisionError):
        save_text(broken, tmp_path / "net.gsm")
    assert (tmp_path / "net.npz").read_bytes() == before and len(list(tmp_path.iterdir())) == 2


def test_shapes_as_typed():
    shapes = parse_shapes(["x=1,3,224,224", "y = 2x5", "scalar="])
    assert shapes == {"x": (1, 3, 224, 224), "y": (2, 5), "scalar": ()}


@pytest.mark.parametrize("text", ["x", "x=1,,3", "x=a", "=1,2", "x=-1,3", "x=1.5"])
def test_shapes_that_are_none(text):
    with pytest.raises(FrontendError, match=r"is no shape; write NAME=EXTENT,EXTENT,... as in x=1,3,224,224"):
        parse_shapes([text])


def test_two_shapes_for_one_input():
    with pytest.raises(FrontendError, match="input 'x' is given two shapes"):
        parse_shapes(["x=1", "x=2"])


def test_importing_the_frontends_imports_neither_onnx_nor_torch():
    code = "import sys, gossamer.frontends; sys.exit('onnx' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_text_of_an_absurd_tensor(tmp_path):
    path = tmp_path / "a.gsm"
    path.write_text("module m\n%x: f32[1000000,1000000] = input\n%y: f32[1000000,1000000] = nn.relu %x\nreturn %y\n")
    with pytest.raises(FrontendError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: 'x' declares 1e+12 elements [1000000, 1000000] and may have 8.59e+09"
