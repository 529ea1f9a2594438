"""Weights in files beside the model, and nowhere else."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from gossamer.frontends import load
from gossamer.ir.errors import FrontendError
from gossamer.ir.reference import evaluate

WEIGHT = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.fixture
def folder(tmp_path):
    inner = tmp_path / "model"
    inner.mkdir()
    (tmp_path / "secret").write_bytes(WEIGHT.tobytes())
    (inner / "weights.bin").write_bytes(b"skip" + WEIGHT.tobytes())
    return inner


@pytest.fixture
def saved(make, folder):
    """Write a model whose weight is kept at `location`."""

    def save(location, **more):
        proto = make([helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": (1, 4)}, constants={"w": WEIGHT})
        tensor = proto.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, "offset": 4, "length": 48, **more}.items():
            tensor.external_data.add(key=key, value=str(value))
        onnx.save(proto, folder / "net.onnx")
        return folder / "net.onnx"

    return save


def refused(path):
    with pytest.raises(FrontendError) as caught:
        load(path)
    return str(caught.value).removeprefix(f"{path}: ")


def test_weights_are_read_when_used(saved):
    module = load(saved("weights.bin"))
    assert np.array_equal(evaluate(module, {"x": np.ones((1, 4), np.float32)})["y"], WEIGHT.sum(0, keepdims=True))


def test_half_precision_and_defaults(make, folder):
    proto = make([helper.make_node("Add", ["x", "w"], ["y"])], {"x": (2,)}, constants={"w": np.ones(2, np.float32)})
    tensor = proto.graph.initializer[0]
    tensor.CopyFrom(TensorProto(name="w", data_type=TensorProto.BFLOAT16, dims=[2], data_location=TensorProto.EXTERNAL))
    tensor.external_data.add(key="location", value="half.bin")
    (folder / "half.bin").write_bytes(bytes.fromhex("803f 0040".replace(" ", "")))
    proto.graph.node.insert(0, helper.make_node("Cast", ["w"], ["f"], to=TensorProto.FLOAT))
    proto.graph.node[1].input[1] = "f"
    onnx.save(proto, folder / "half.onnx")
    module = load(folder / "half.onnx")
    assert evaluate(module, {"x": np.zeros(2, np.float32)})["y"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("location", ["../secret", "/etc/hostname", "sub/../../secret", "..\\secret", "C:\\secret", ""])
def test_paths_that_leave_the_folder(location, saved):
    where = f"tensor 'w' is kept in '{location}', which is outside the model's folder"
    assert refused(saved(location, offset=0)) == f"{where}; external data must lie beside the model"


def test_links_that_leave_the_folder(saved, folder):
    (folder / "link").symlink_to(folder.parent / "secret")
    assert "outside the model's folder" in refused(saved("link", offset=0))


def test_a_link_made_after_loading_is_not_followed(saved, folder):
    module = load(saved("weights.bin"))
    (folder / "weights.bin").unlink()
    (folder / "weights.bin").symlink_to(folder.parent / "secret")
    with pytest.raises(FrontendError, match="outside the model's folder"):
        _ = module.params["w"]


@pytest.mark.parametrize("location", ["a\0b", "circle", "x" * 5000], ids=["zero byte", "circle", "too long"])
def test_names_that_no_file_can_have(location, saved, folder):
    (folder / "circle").symlink_to("circle")
    message = refused(saved(location))
    assert message.endswith("which cannot be a file; export it again") and message.isprintable() and len(message) < 200


def test_missing_file(saved):
    assert refused(saved("other.bin")) == "tensor 'w' is in 'other.bin', which is missing; copy it beside the model"


def test_short_file(saved):
    message = "tensor 'w' needs 58 bytes of 'weights.bin', which has 52; copy it again"
    assert refused(saved("weights.bin", offset=10)) == message


@pytest.mark.parametrize("more", [{"length": 47}, {"offset": -1}])
def test_lengths_that_contradict_the_shape(more, saved):
    assert "tensor 'w' is malformed: it needs 48 bytes and declares" in refused(saved("weights.bin", **more))


def test_offset_that_is_no_number(saved):
    message = "tensor 'w' is malformed: its external data has no whole offset and length"
    assert refused(saved("weights.bin", offset="many")) == message
