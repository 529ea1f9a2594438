"""One small report, with names that would break a careless page."""

import pytest

from gossamer.report.data import Design, LayerRow, SearchReport
from gossamer.search.objectives import objective

HOSTILE = '</script><img src=x onerror="alert(1)">'


def _layer(label: str) -> LayerRow:
    return LayerRow(label, "conv", "1x8x8x8 -> 1x16x8x8, 3x3", 4, 8, 73728, 1e-5, 2e-7, 12, 4096.0, 0.5, "ws")


def _design(name: str, accuracy: float, latency_s: float, area_mm2: float) -> Design:
    values = {"accuracy": accuracy, "latency_s": latency_s, "area_mm2": area_mm2}
    hardware = {"rows": 16, "dataflow": "ws", "clock_hz": 5e8}
    return Design(
        name,
        values,
        {"width": "0.5"},
        hardware,
        "rows 16, ws",
        (_layer("stem"), _layer(HOSTILE)),
        f"module {name}\n",
        ("model.onnx",),
    )


@pytest.fixture
def report() -> SearchReport:
    designs = (_design("d0", 0.98, 2e-4, 0.9), _design("d1", 0.95, 5e-5, 0.4), _design("d2", 0.91, 6e-6, 0.4))
    explored = ((0.98, 2e-4, 0.9), (0.9, 3e-4, 1.0), (0.5, 1e-5, float("inf")))
    objectives = tuple(objective(name) for name in ("accuracy", "latency", "area"))
    return SearchReport(HOSTILE, {"seed": "0"}, {"designs": "3"}, objectives, designs, explored, ("a note",))
