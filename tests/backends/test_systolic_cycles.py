"""Compute cycles and SRAM accesses equal SCALE-Sim's, from embedded runs and from its published golden traces."""

import csv
import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

from gossamer.backends.systolic.cycles import IS, OS, WS, array_accesses, array_cycles
from gossamer.backends.systolic.hardware import DATAFLOWS

_spec = importlib.util.spec_from_file_location("systolic_goldens", Path(__file__).with_name("systolic_goldens.py"))
goldens = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(goldens)

DATA = Path(os.environ.get("GOSSAMER_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")) / "scalesim"
CODES = {"ws": WS, "os": OS, "is": IS}


def numbers(*values):
    return tuple(np.float64(v) for v in values)


@pytest.mark.parametrize(("dataflow", "rows", "cols"), goldens.RUNS)
def test_scalesim_runs(dataflow, rows, cols):
    code = CODES[dataflow]
    for (m, n, k), (total, ifmap, weights, ofmap) in zip(
        goldens.SHAPES.values(), goldens.RUNS[dataflow, rows, cols], strict=True
    ):
        assert array_cycles(code, *numbers(m, n, k, rows, cols)) - 1 == total
        reads_a, reads_w, writes = array_accesses(code, *numbers(m, n, k, rows, cols))
        # for os SCALE-Sim adds folds * (R + C) output writes that no array makes
        extra = -(-m // rows) * -(-n // cols) * (rows + cols) if dataflow == "os" else 0
        assert (reads_a, reads_w, writes + extra) == (ifmap, weights, ofmap)


@pytest.mark.parametrize(("dataflow", "rows", "cols", "shape", "cycles", "folder"), goldens.PUBLISHED)
def test_published_numbers(dataflow, rows, cols, shape, cycles, folder):
    assert array_cycles(CODES[dataflow], *numbers(*shape, rows, cols)) - 1 == cycles


@pytest.mark.parametrize(("dataflow", "rows", "cols", "shape", "cycles", "folder"), goldens.PUBLISHED)
def test_golden_traces(dataflow, rows, cols, shape, cycles, folder):
    report = DATA / folder / "COMPUTE_REPORT.csv"
    if not report.exists():
        pytest.skip(f"no published data: {report.name} of {folder} is absent")
    with report.open() as lines:
        row = next(csv.DictReader(lines, skipinitialspace=True))
    assert int(row["Total Cycles"]) - int(row["Stall Cycles"]) == cycles
    assert array_cycles(CODES[dataflow], *numbers(*shape, rows, cols)) - 1 == cycles
    utilisation = 100 * np.prod(shape) / (rows * cols * (cycles + 1))
    assert utilisation == pytest.approx(float(row["Overall Util %"]) * int(row["Total Cycles"]) / cycles, rel=1e-3)


def test_dataflow_codes_are_positions():
    assert [CODES[word] for word in DATAFLOWS] == list(range(len(DATAFLOWS)))
