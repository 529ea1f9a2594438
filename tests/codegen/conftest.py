"""Narrow networks that several exporters are tried on; each is built once a session."""

import os
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def image():
    return np.random.default_rng(4).standard_normal((1, 3, 32, 32)).astype(np.float32)


@pytest.fixture(scope="session")
def network(tmp_path_factory):
    """network(name) is a narrow network of the zoo, by way of an ONNX file, for 32 x 32 images and 10 classes."""
    pytest.importorskip("torch")
    from gossamer.frontends import load, zoo

    made = {}

    def get(name):
        if name not in made:
            path = tmp_path_factory.mktemp("nets") / f"{name}.onnx"
            zoo.save_onnx(zoo.build(name, classes=10, width=0.125), path, size=32)
            made[name] = load(path)
        return made[name]

    return get


@pytest.fixture(scope="session")
def prepared(network, image):
    """prepared(name, passes): the network after a pipeline, calibrated on the image."""
    from gossamer.api import inspect

    def get(name, passes):
        return inspect(network(name), passes, calibration={"x": image})[-1].module

    return get


@pytest.fixture(scope="session")
def data():
    """The folder of published data; tests that need it are skipped without it."""
    root = Path(__file__).parents[2]
    folder = Path(os.environ.get("GOSSAMER_DATA", root.parent / "shared" / "data"))
    if not (folder / "onnx_mlperf_tiny").is_dir():
        pytest.skip("published data is not here: set GOSSAMER_DATA")
    return folder
