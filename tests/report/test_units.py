"""Numbers as people read them."""

import math

import pytest

from gossamer.backends.systolic.hardware import SystolicHardware
from gossamer.report.units import brief, percent, quantity, show


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.00123, "s", "1.23 ms"),
        (999.6e-6, "s", "1 ms"),
        (1814073344, "", "1.81 G"),
        (0.0, "J", "0 J"),
        (0.25, "mm2", "0.25 mm2"),
        (12345.0, "B", "12.3 kB"),
        (math.inf, "s", "does not fit"),
        (math.nan, "s", "unknown"),
    ],
)
def test_quantity(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


def test_accuracy_is_a_percentage() -> None:
    assert percent(0.9644) == "96.4 %" == show("accuracy", 0.9644, "")
    assert show("latency_s", 2e-6, "s") == "2 us"


def test_hardware_in_a_few_words() -> None:
    chip = SystolicHardware.build({"rows": 8, "ifmap_sram_bytes": 4096, "clock_hz": 2e8})
    assert brief(chip).startswith("rows 8, cols 16, ws, ifmap_sram 4 KiB") and "clock 200 MHz" in brief(chip)
