"""SCALE-Sim's input files: their text, and that what SCALE-Sim reported for them are our compute cycles."""

import configparser
import importlib.util
from pathlib import Path

import pytest

from gossamer.backends.systolic import backend
from gossamer.backends.systolic.hardware import SystolicHardware
from gossamer.codegen.scalesim import Array, entries, layout_text, scalesim_files, topology_text
from gossamer.ir.layer import Layer

_place = Path(__file__).parents[1] / "backends" / "systolic_goldens.py"
_spec = importlib.util.spec_from_file_location("systolic_goldens", _place)
goldens = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(goldens)

INT8 = {"weight_bits": 8, "activation_bits": 8, "output_bits": 8}
LAYERS = {
    "stem": Layer("conv", 1, 3, 32, 32, 16, 16, 16, 3, 3, 2, 2, **INT8),
    "depthwise": Layer("conv", 1, 6, 16, 16, 6, 8, 8, 3, 3, 2, 2, groups=6, **INT8),
    "multiplier": Layer("conv", 1, 4, 9, 9, 8, 9, 9, 3, 3, groups=4, **INT8),
    "grouped": Layer("conv", 2, 8, 9, 9, 12, 9, 9, 3, 3, groups=2, **INT8),
    "dilated": Layer("conv", 1, 8, 12, 12, 12, 8, 8, 3, 3, dilation_h=2, dilation_w=2, **INT8),
    "strides": Layer("conv", 1, 8, 12, 12, 12, 6, 12, 3, 3, 2, 1, **INT8),
    "gemm": Layer("gemm", 7, 33, 1, 1, 20, 1, 1, **INT8),
    "pool": Layer("pool", 1, 8, 4, 4, 8, 2, 2, 2, 2, 2, 2, **INT8),
}

TOPOLOGY = """\
Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,
stem,33,33,3,3,3,16,2,
DP_depthwise,17,17,3,3,6,1,2,
DP_multiplier,11,11,3,3,4,2,1,
grouped_group0,20,11,3,3,4,6,1,
grouped_group1,20,11,3,3,4,6,1,
dilated,10,10,3,3,8,12,1,
strides,8,14,3,3,8,12,1,
gemm,7,1,1,1,33,20,1,
"""
"""What was given to scalesim 3.0.0 for `goldens.TOPOLOGY_RUNS`."""


def test_topology():
    assert topology_text(list(LAYERS.items())) == TOPOLOGY


@pytest.mark.parametrize("name", goldens.TOPOLOGY_RUNS)
def test_scalesim_reported_our_compute_cycles(name):
    chips = [SystolicHardware(dataflow=d, rows=r, cols=c) for d, r, c in goldens.TOPOLOGY_CHIPS]
    costs = backend.cost([LAYERS[name]] * len(chips), chips)
    assert tuple(costs.compute_cycles) == goldens.TOPOLOGY_RUNS[name]


def test_a_layout_row_for_every_topology_row():
    names = [line.split(",")[0] for line in layout_text(list(LAYERS.items())).splitlines()[1:]]
    assert names == [line.split(",")[0] for line in TOPOLOGY.splitlines()[1:]]
    depthwise = next(line for line in layout_text(list(LAYERS.items())).splitlines() if line.startswith("DP_depthwise"))
    assert depthwise.split(",")[5] == "6"


def test_names_that_scalesim_would_misread():
    (entry,) = entries("block,1/DP conv", LAYERS["stem"])
    assert entry.name == "block_1_Dp_conv"
    twice = topology_text([("same", LAYERS["stem"]), ("same", LAYERS["stem"])])
    assert [line.split(",")[0] for line in twice.splitlines()[1:]] == ["same", "same_2"]


def test_config_reads_back():
    files = scalesim_files("net one", Array(12, 14, "os", 36 * 1024, 1500, 4096), [])
    config = configparser.ConfigParser()
    config.read_string(files["scalesim.cfg"])
    array = config["architecture_presets"]
    assert (array["ArrayHeight"], array["ArrayWidth"], array["Dataflow"]) == ("12", "14", "os")
    assert (array["IfmapSramSzkB"], array["FilterSramSzkB"], array["OfmapSramSzkB"]) == ("36", "2", "4")
    assert config["general"]["run_name"] == "net_one"
