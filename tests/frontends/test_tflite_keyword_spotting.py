"""int8 keyword spotting, bit-true: what the CPU backend computes is what devices printed (MLPerf Tiny v1.0 logs).

The inputs are printed by a third device (Syntiant, v0.7), transposed and as (q - 83) * 299.368 in 16 bits. Where that
leaves 16 bits (q < -26) the input is lost: 87 of the 1,000 samples hold such a number, the other 913 are exact.
"""

import re

import numpy as np
import pytest

from gossamer.api import compile as compile_module
from gossamer.frontends import load

ZERO, FACTOR, CLIPPED = 83, 299.368, -32768
SAMPLES, UNCLIPPED = 1000, 913
STM = "v1.0_STM_NUCLEO_L4R5ZI_kws_accuracy_log.txt"
MICROTVM = "v1.0_OctoML_microtvm_native_L4R5ZI_kws_accuracy_log.txt"
SYNTIANT = "v0.7_syntiant_9120_0v9_kws_accuracy_log.txt"


@pytest.fixture(scope="module")
def folder(data_folder):
    found = data_folder / "mlperf_tiny_kws_logs"
    if not found.is_dir():
        pytest.skip("the device logs are not here: set GOSSAMER_DATA")
    return found


@pytest.fixture(scope="module")
def scores(folder, data_folder):
    """What we compute for every unclipped sample [913, 12], as integers."""
    pytest.importorskip("tflite")
    pytest.importorskip("tvm")
    module = load(data_folder / "mlperf_tiny_models" / "kws_ref_model.tflite")
    artifact = compile_module(module, target="cpu")
    (given,) = module.graph.inputs
    (result,) = module.graph.outputs
    return np.concatenate([artifact.run({given.name: x[None]})[result.name] for x in inputs(folder)[unclipped(folder)]])


def inputs(folder):
    """[1000, 49, 10, 1]: time, feature."""
    q = np.rint(printed(folder) / FACTOR) + ZERO
    return q.reshape(SAMPLES, 10, 49, 1).transpose(0, 2, 1, 3).astype(np.int8)


def unclipped(folder):
    return ~(printed(folder) == CLIPPED).any(axis=1)


def printed(folder):
    text = (folder / SYNTIANT).read_text(errors="replace")
    return np.array([line.split() for line in re.findall(r"dut: ((?:-?\d+ ){490})", text)], np.int64)


def results(folder, log):
    """The scores a device printed, as text and as numbers."""
    rows = re.findall(r"m-results-\[([^\]]*)\]", (folder / log).read_text(errors="replace"))
    texts = np.array([row.split(",") for row in rows])[unclipped(folder)]
    return texts, texts.astype(float)


def real(scores):
    return (scores.astype(int) + 128) / 256


def test_the_logs_hold_what_they_should(folder):
    assert printed(folder).shape == (SAMPLES, 490)
    assert unclipped(folder).sum() == UNCLIPPED
    exact = (inputs(folder).transpose(0, 2, 1, 3).reshape(SAMPLES, 490).astype(int) - ZERO) * FACTOR
    assert np.abs(exact - printed(folder))[unclipped(folder)].max() < 1


@pytest.mark.parametrize("log", [STM, MICROTVM])
def test_every_class_is_the_device_s(folder, scores, log):
    np.testing.assert_array_equal(scores.argmax(axis=1), results(folder, log)[1].argmax(axis=1))


def test_every_score_is_printed_alike_by_stm(folder, scores):
    np.testing.assert_array_equal(np.char.mod("%.3f", real(scores)), results(folder, STM)[0])


def test_scores_of_microtvm(folder, scores):
    """It cuts a half in the fourth decimal off (0.4375 is printed 0.437), and rounds one sample's softmax otherwise."""
    device = np.rint(results(folder, MICROTVM)[1] * 256) - 128
    others = (scores != device).any(axis=1)
    assert others.sum() == 1
    assert np.abs(scores - device).max() == 1


def test_every_score_is_litert_s(folder, scores, data_folder):
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    model = data_folder / "mlperf_tiny_models" / "kws_ref_model.tflite"
    interpreter = litert.Interpreter(str(model), num_threads=1)
    interpreter.allocate_tensors()
    given, result = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    for x, found in zip(inputs(folder)[unclipped(folder)], scores, strict=True):
        interpreter.set_tensor(given, x[None])
        interpreter.invoke()
        np.testing.assert_array_equal(found, interpreter.get_tensor(result)[0])


def test_accuracy(folder, scores):
    lines = (folder / "kws01.y_labels.csv").read_text().split()
    labels = np.array([int(line.split(",")[2]) for line in lines])[unclipped(folder)]
    assert (scores.argmax(axis=1) == labels).mean() == pytest.approx(0.908, abs=5e-4)
