"""Devices that published tables have latencies of, by the names of their files."""

HELP_DEVICES = (
    "pixel3",
    "raspi4",
    "samsung_a50",
    "essential_ph_1",
    "gold_6240",
    "silver_4114",
    "1080ti_1",
    "2080ti_1",
    "2080ti_32",
    "titanx_1",
    "eyeriss",
    "fpga",
)
"""NAS-Bench-201 on twelve devices (Lee et al. 2021, HELP): phones, a Raspberry Pi, Xeons, GPUs at batch 1 and 32, and
the models of Eyeriss and an FPGA."""


def devices() -> tuple[str, ...]:
    """Names that `--target` takes for searches over tables."""
    return HELP_DEVICES
