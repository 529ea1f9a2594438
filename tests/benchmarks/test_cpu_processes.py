"""The CPU benchmark's processes on a small network: an engine that fails is a row that says so."""

import os
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.runtimes import models, processes, turns
from benchmarks.runtimes.builds import build_of
from benchmarks.runtimes.engines import Job
from benchmarks.runtimes.results import Row
from benchmarks.runtimes.turns import Plan, measure

pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")
pytestmark = pytest.mark.slow

CORE = (min(os.sched_getaffinity(0)),)


def small(path):
    """y = relu(x w), x [1, 8]."""
    from onnx import TensorProto, helper, numpy_helper

    weight = numpy_helper.from_array(np.random.default_rng(1).standard_normal((8, 4)).astype(np.float32), "w")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["z"]), helper.make_node("Relu", ["z"], ["y"])]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])
    graph = helper.make_graph(nodes, "small", [x], [y], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


@pytest.fixture
def net(tmp_path):
    found = models.adopted(small(tmp_path / "small.onnx"), tmp_path / "work")
    return found, models.prepared(found, "fp32", tmp_path / "work")


def test_rows_of_engines_that_run_and_of_those_that_do_not(net):
    found, files = net
    rows = {r.engine: r for r in measure(found, "fp32", files, ["onnxruntime", "torch"], Plan(CORE, 20), print)}
    one = rows["onnxruntime"]
    assert one.valid and one.runs >= 20 and one.error < 1e-6
    assert one.least_ms <= one.p10_ms <= one.median_ms <= one.p90_ms
    assert 0 <= one.own_bytes < one.peak_bytes and one.version
    assert rows["torch"].note == "only networks of the zoo are torch modules" and not rows["torch"].valid


def test_builds_of_others_are_kept_while_nothing_changes(net):
    found, files = net
    measure(found, "fp32", files, ["onnxruntime"], Plan(CORE, 10), print)
    job = Job(found.name, "", "fp32", files / "fp32.onnx", files / "fp32-onnxruntime", 1)
    answer = build_of("onnxruntime", job).kept()
    assert answer is not None and answer["version"]
    assert build_of("onnxruntime", replace(job, threads=2)).kept() is None
    assert build_of("gossamer", job).kept() is None, "what changes is always built anew"
    (files / "fp32.onnx").write_bytes(b"another model")
    assert build_of("onnxruntime", job).kept() is None


def test_engine_that_takes_too_long_is_a_row(net):
    found, files = net
    (only,) = measure(found, "fp32", files, ["onnxruntime"], Plan(CORE, 20, build_s=0.001), print)
    assert only.note == "no answer within 0 s"


class Turns:
    """A worker that answers, or is late."""

    def __init__(self, log, name, late):
        self.log, self.name, self.late = log, name, late

    def ask(self, limit_s, runs, at_least_s):
        self.log.append(f"{self.name} runs")
        if self.late:
            raise processes.EngineError("no answer within 1 s")
        return {"seconds": [0.001] * runs, "waited": 0.0, "peak_bytes": 1}

    def close(self):
        self.log.append(f"{self.name} ends")


def test_engine_that_is_late_takes_nothing_from_the_others():
    log = []
    workers = {"late": Turns(log, "late", True), "fine": Turns(log, "fine", False)}
    rows = {name: Row("net", "fp32", name) for name in workers}
    turns._take_turns(rows, workers, Plan(CORE, 20))
    assert log == ["late runs", "late ends", "fine runs", "fine runs"]
    assert rows["late"].note == "no answer within 1 s" and rows["fine"].runs == 20


def test_int8_is_made_by_onnxruntime_and_runs(net):
    found, files = net
    models.prepared(found, "int8", files.parent)
    kinds = {node.op_type for node in onnx.load(files / "int8.onnx").graph.node}
    assert {"QuantizeLinear", "DequantizeLinear", "MatMul"} <= kinds
    (only,) = measure(found, "int8", files, ["onnxruntime"], Plan(CORE, 10), print)
    assert only.valid


def test_network_that_cannot_be_made_says_why(tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    net = models.adopted(tmp_path / "broken.onnx", tmp_path / "work")
    with pytest.raises(RuntimeError, match="broken, fp32: its file cannot be made: .*broken"):
        models.prepared(net, "fp32", tmp_path / "work")


def test_worker_that_dies_tells_how(net):
    found, files = net
    job = Job(found.name, "", "fp32", files / "fp32.onnx", files, 1)
    worker = processes.Worker(
        "onnxruntime", "open", job, {"input": files / "none.npy", "output": files / "o.npy"}, CORE
    )
    with pytest.raises(processes.EngineError, match="FileNotFoundError"):
        worker.answer(60)
    with pytest.raises(processes.EngineError):
        worker.ask(5, runs=1, at_least_s=0)
    worker.close()
