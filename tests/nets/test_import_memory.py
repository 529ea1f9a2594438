"""What an import costs: weights are kept where the file's bytes are, not copied once more."""

import json
import subprocess
import sys

import pytest

from gossamer.frontends import zoo

pytest.importorskip("torch")

MEASURED = """
import json, os, resource, sys
import gossamer.frontends.onnx.importer
from gossamer.frontends import load
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
module = load(sys.argv[1])
print(json.dumps([peak() - before, os.path.getsize(sys.argv[1]), len(module.params)]))
"""


@pytest.mark.slow
def test_import_of_100_megabytes_stays_below_two_and_a_half_times_the_file(tmp_path):
    path = tmp_path / "resnet50.onnx"
    zoo.save_onnx(zoo.build("resnet50"), path, zoo.input_shape("resnet50"))
    found = subprocess.run([sys.executable, "-c", MEASURED, str(path)], check=True, capture_output=True)
    extra, size, params = json.loads(found.stdout)
    assert size > 100e6 and params == 267
    assert extra < 2.5 * size  # measured: 2.0
