import gzip
import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from gossamer.ir.errors import DataError
from gossamer.search.datasets.base import load_data


def png(value, side=8):
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.full((side, side), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


def tar_of(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def pngs(count=24):
    members = {"train.csv": b"x", "train/": b""}
    for k in range(count):
        members[f"train/{k % 3}/{k}.png"] = png(k)
        members[f"test/{k % 3}/{k}.png"] = png(100 + k)
    return members


def idx(array, rank):
    return bytes((0, 0, 8, rank)) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def idx_folder(folder, images=30):
    rng = np.random.default_rng(0)
    for part in ("train", "t10k"):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(
            idx(rng.integers(0, 256, (images, 8, 9)).astype(np.uint8), 3)
        )
        labels = idx((np.arange(images) % 10).astype(np.uint8), 1)
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    return folder


def test_digits_are_split_once_by_seed():
    data, again, other = load_data("digits", 1), load_data("digits", 1), load_data("digits", 2)
    assert data.fingerprint == again.fingerprint != other.fingerprint
    assert (data.input_shape, data.classes) == ((1, 8, 8), 10)
    parts = (data.train, data.validation, data.held_out)
    assert sum(map(len, parts)) == 1797 and len(data.held_out) == 360
    assert data.train.floats().min() >= 0 and data.train.floats().max() == 1.0
    assert data.calibration.shape == (128, 1, 8, 8)


def test_parts_share_no_image():
    data = load_data("digits", 0)
    images = np.concatenate([part.pixels for part in (data.train, data.validation, data.held_out)]).reshape(1797, -1)
    from sklearn.datasets import load_digits

    assert sorted(map(bytes, images)) == sorted(map(bytes, load_digits().images.astype(np.uint8).reshape(1797, -1)))


@pytest.mark.parametrize(
    "name, said", [("digit", "did you mean 'digits'"), ("mnist", "needs a path"), ("mnist:/no/where", "no such file")]
)
def test_unknown_data_says_what_is_known(name, said):
    with pytest.raises(DataError, match=said):
        load_data(name)


def test_pngs_in_a_tar_are_read_without_unpacking(tmp_path):
    before = set(os.listdir(tmp_path))
    data = load_data(f"mnist:{tar_of(tmp_path / 'm.tar.gz', pngs())}")
    assert set(os.listdir(tmp_path)) - before == {"m.tar.gz"}
    assert (len(data.train), len(data.validation), len(data.held_out)) == (22, 2, 24)
    assert data.classes == 3 and data.input_shape == (1, 8, 8)


@pytest.mark.parametrize("change, said", [
    ({"train/1/bad.png": b"not a png"}, "train/1/bad.png is not a readable PNG"),
    ({"train/1/big.png": png(1, 65)}, "65x65"),
    ({"train/1/fat.png": b"\x89PNG" + bytes(70000)}, "70004 bytes"),
    ({"train/1/odd.png": png(1, 9)}, "several sizes"),
])  # fmt: skip
def test_bad_members_are_named(tmp_path, change, said):
    with pytest.raises(DataError, match=said):
        load_data(f"mnist:{tar_of(tmp_path / 'm.tar.gz', pngs() | change)}")


def test_members_that_climb_out_are_not_followed(tmp_path):
    path = tar_of(tmp_path / "m.tar.gz", pngs() | {"../../train/1/evil.png": png(1)})
    data = load_data(f"mnist:{path}")
    assert len(data.train) + len(data.validation) == 25
    assert not (tmp_path.parent / "train").exists()


def test_truncated_tar(tmp_path):
    whole = tar_of(tmp_path / "m.tar.gz", pngs()).read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cut.tar.gz"):
        load_data(f"mnist:{tmp_path / 'cut.tar.gz'}")


def test_idx_files(tmp_path):
    data = load_data(f"mnist:{idx_folder(tmp_path)}")
    assert data.input_shape == (1, 8, 9) and data.classes == 10 and len(data.held_out) == 30


@pytest.mark.parametrize("harm, said", [
    (lambda f: (f / "t10k-images-idx3-ubyte").unlink(), "no t10k-images"),
    (lambda f: (f / "train-images-idx3-ubyte").write_bytes(b"hello"), "not an IDX file"),
    (lambda f: os.truncate(f / "train-images-idx3-ubyte", 500), "truncated"),
    (lambda f: (f / "train-images-idx3-ubyte").write_bytes(bytes((0, 0, 8, 3)) + b"\xff" * 12), "that is not MNIST"),
    (lambda f: (f / "train-labels-idx1-ubyte.gz").write_bytes(b"\x1f\x8bxx"), "cannot be read"),
])  # fmt: skip
def test_broken_idx_files(tmp_path, harm, said):
    harm(idx_folder(tmp_path))
    with pytest.raises(DataError, match=said):
        load_data(f"mnist:{tmp_path}")


@pytest.mark.slow
def test_the_published_mnist():
    shared = Path(os.environ.get("GOSSAMER_DATA", Path(__file__).parents[3] / "shared/data"))
    path = shared / "mnist_png/mnist-pngs.tar.gz"
    if not path.exists():
        pytest.skip(f"no MNIST at {path}; GOSSAMER_DATA names the folder of published data")
    data = load_data(f"mnist:{path}")
    assert (len(data.train) + len(data.validation), len(data.held_out)) == (60000, 10000)
    assert data.input_shape == (1, 28, 28) and data.classes == 10
