"""What the import of a large network takes, in processor time of this process, so that other work does not count."""

import time

import pytest

from gossamer.frontends import load, zoo
from gossamer.ir.text import parse_module, print_module

pytest.importorskip("torch")


def seconds(call, times: int) -> float:
    """The least of some runs."""
    found: list[float] = []
    for _ in range(times):
        start = time.process_time()
        call()
        found.append(time.process_time() - start)
    return min(found)


@pytest.mark.slow
def test_resnet50_is_read_printed_and_parsed_in_no_time(tmp_path):
    path = tmp_path / "resnet50.onnx"
    zoo.save_onnx(zoo.build("resnet50"), path, zoo.input_shape("resnet50"))
    assert seconds(lambda: load(path), 3) < 1.5  # measured: 0.13
    module = load(path)
    assert seconds(lambda: parse_module(print_module(module)), 5) < 0.1  # measured: 0.03
