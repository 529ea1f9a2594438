"""The backend seam: compile with and without schedules, what does not fit and why, artifacts, hardware files."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gossamer.backends.base import Infeasible
from gossamer.backends.conformance_nets import float_network, int8_network, sample_inputs
from gossamer.backends.systolic import backend
from gossamer.backends.systolic.hardware import SystolicHardware
from gossamer.backends.systolic.infeasible import why_not
from gossamer.ir.errors import BackendError, HardwareError
from gossamer.ir.hardware_yaml import hardware_yaml, parse_hardware_yaml, read_hardware
from gossamer.ir.layer import Layer
from gossamer.ir.reference import evaluate
from gossamer.ir.schedule import Schedule


def compiled(**values):
    return backend.compile(int8_network().with_hardware(SystolicHardware(**values)))


def with_schedule(module, title, schedule):
    nodes = tuple(replace(n, schedule=schedule) if n.title == title else n for n in module.graph.nodes)
    return module.with_graph(replace(module.graph, nodes=nodes))


def test_compile_gives_a_row_a_layer_and_the_reference_numbers():
    artifact = compiled()
    module = int8_network()
    assert [r.title for r in artifact.reports if r.layer.macs] == ["stem", "depthwise", "classifier"]
    assert artifact.latency_s == pytest.approx(sum(r.latency_s for r in artifact.reports))
    inputs = sample_inputs(module)
    assert np.array_equal(artifact.run(inputs)["y"], evaluate(module, inputs)["y"])


def test_float_layers_do_not_fit_and_it_says_what_to_do():
    reason = backend.compile(float_network())
    assert isinstance(reason, Infeasible)
    assert str(reason) == (
        "stem: needs multipliers for 32-bit weights by 32-bit activations, has 8-bit multipliers (pe_bits); "
        "quantize it (quantize{bits=8})"
    )
    stem = next(node for node in float_network().graph.nodes if node.title == "stem")
    assert "16-bit multipliers" in str(backend.supports(stem))


def test_too_little_sram_says_which():
    layer = Layer("conv", 1, 64, 28, 28, 64, 28, 28, 3, 3, weight_bits=8, activation_bits=8, output_bits=8)
    chip = SystolicHardware(rows=256, cols=256, ofmap_sram_bytes=1024)
    assert not backend.cost([layer], [chip]).fits[0]
    reason = why_not("conv", layer, chip)
    assert str(reason) == (
        "conv: needs ofmap_sram_bytes 2048 for its smallest tile, has 1024; raise it, or make the array smaller"
    )


def test_a_schedule_on_a_node_is_honoured():
    hardware = SystolicHardware(dataflow="os")
    module = int8_network().with_hardware(hardware)
    stem = next(node for node in module.graph.nodes if node.title == "stem")
    schedules = backend.schedules(stem, hardware)
    assert len(schedules) > 2 and schedules[0].dataflow == "os"
    free = backend.compile(module).reports[0]
    first, last = (backend.compile(with_schedule(module, "stem", s)).reports[0] for s in (schedules[0], schedules[-1]))
    assert first == free
    assert last.mapping != free.mapping and last.latency_s >= free.latency_s


def test_a_schedule_this_array_cannot_run_is_refused():
    module = with_schedule(int8_network(), "stem", Schedule("winograd", winograd_m=4))
    reason = backend.compile(module)
    assert isinstance(reason, Infeasible) and reason.where == "stem"
    assert "tile{target=systolic}" in reason.remedy


def test_another_targets_hardware_is_refused():
    from gossamer.ir.hardware import Hardware

    with pytest.raises(BackendError, match="needed 'systolic'"):
        backend.compile(int8_network().with_hardware(Hardware()))
    with pytest.raises(BackendError, match="needed 'systolic'"):
        backend.cost([], [Hardware()])


def test_a_saved_artifact_holds_everything_and_loads_equal(tmp_path):
    artifact = compiled(rows=8, cols=12, dataflow="is")
    artifact.save(tmp_path / "out")
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names == {
        "manifest.json",
        "module.ir",
        "params.npz",
        "hardware.yaml",
        "layers.csv",
        "scalesim.cfg",
        "topology.csv",
        "layout.csv",
    }
    loaded = backend.load(tmp_path / "out")
    assert loaded.module == artifact.module and loaded.reports == artifact.reports
    inputs = sample_inputs(artifact.module)
    assert np.array_equal(loaded.run(inputs)["y"], artifact.run(inputs)["y"])
    lines = (tmp_path / "out" / "layers.csv").read_text().splitlines()
    assert len(lines) == len(artifact.reports) + 1 and "latency_s" in lines[0]
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["target"] == "systolic"


@pytest.mark.parametrize("text", ['{"name": "a web page"}', "[1]", "not JSON"])
def test_another_program_s_manifest_is_left_alone(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(BackendError, match="holds files that are no artifact, needed an empty or new folder"):
        compiled().save(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["manifest.json"]
    assert (tmp_path / "manifest.json").read_text() == text


def test_a_save_that_fails_leaves_the_older_artifact_whole(tmp_path, monkeypatch):
    old = compiled()
    old.save(tmp_path)

    def full(*args, **arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(BackendError, match="cannot be written .No space left on device"):
        compiled(rows=8).save(tmp_path)
    monkeypatch.undo()
    assert backend.load(tmp_path).reports == old.reports
    compiled(rows=8).save(tmp_path)
    assert backend.load(tmp_path).hardware.rows == 8
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize("name", ["manifest.json", "module.ir", "params.npz", "hardware.yaml"])
@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_damaged_artifact_is_one_clear_error(tmp_path, name, damage):
    compiled().save(tmp_path)
    file = tmp_path / name
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 3] + b"\x00{")
    with pytest.raises(BackendError, match=str(tmp_path)):
        backend.load(tmp_path)


def test_hardware_yaml_reads_back():
    for hardware in (
        SystolicHardware(),
        SystolicHardware(dataflow="os", clock_hz=1e9, dram_bytes_per_s=1e12, technology="7nm"),
    ):
        assert parse_hardware_yaml(hardware_yaml(hardware)) == hardware
    assert "clock_hz: 500000000.0  # Hz: clock of the array" in hardware_yaml(SystolicHardware())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rows: 16", "target: NAME"),
        ("target: systolic\nrow: 16", "did you mean 'rows'"),
        ("target: systolic\nrows: 100000", "outside 1 .. 512 PEs"),
        ("target: systolic\nrows: [1, 2]", "needs a number or a word"),
        ("target: [", "not YAML"),
        ("- 1", "needs lines of"),
    ],
)
def test_bad_hardware_files(tmp_path, text, message):
    file = tmp_path / "chip.yaml"
    file.write_text(text)
    with pytest.raises(HardwareError, match=message.replace("[", r"\[")):
        read_hardware(file)
