"""A network compiled by Gossamer, layer by layer: time, share of it, GFLOP/s against the machine's measured peak.

Two operations a multiply-accumulate of the layer as the network has it, so that Winograd may pass the peak.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.runtimes.machine import go_first
from benchmarks.runtimes.peak import peak_flops_per_s


@dataclass(frozen=True)
class Timed:
    """`gflops`: billions of operations a second; `predicted_s`: by the cost model that chose the schedule."""

    title: str
    op: str
    algorithm: str
    schedule: str
    macs: int
    seconds: float
    predicted_s: float = 0.0

    @property
    def gflops(self) -> float:
        return 2e-9 * self.macs / self.seconds if self.seconds else 0.0


def layer_by_layer(files: Path, precision: str, cores: tuple[int, ...], runs: int) -> tuple[list[Timed], float]:
    """Layers in order of execution, and the peak in GFLOP/s, all on these cores."""
    os.sched_setaffinity(0, cores)
    os.environ["GOSSAMER_THREADS"] = str(len(cores))
    import gossamer as gs

    go_first()
    peak = peak_flops_per_s(cores) / 1e9
    artifact: Any = gs.compile(gs.load(files / f"{precision}.onnx"), "cpu", hardware={"cores": len(cores)})
    seconds = artifact.profile({artifact.inputs[0].name: np.load(files / "input.npy")}, runs)
    rows = [
        Timed(x.title, x.op, x.algorithm, x.schedule, x.macs, s, x.predicted_s or 0.0)
        for x, s in zip(artifact.layers, seconds)
    ]
    return rows, peak


def table(title: str, layers: list[Timed], peak: float) -> str:
    """Markdown; views, which do nothing, are left out."""
    total = sum(layer.seconds for layer in layers) or 1.0
    macs = sum(layer.macs for layer in layers)
    lines = [
        f"{title}: fp32 peak measured {peak:.0f} GFLOP/s; layers {total * 1e3:.2f} ms, "
        f"{2e-9 * macs / total:.0f} GFLOP/s, {2e-7 * macs / total / peak:.0f} % of it",
        "",
        "| layer | operator | algorithm | schedule | us | predicted | of all | MMAC | GFLOP/s | of peak |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *(_row(x, total, peak) for x in layers if x.seconds)]) + "\n"


def _row(layer: Timed, total: float, peak: float) -> str:
    speed = (f"{layer.gflops:.0f}", f"{100 * layer.gflops / peak:.0f} %") if layer.macs else ("", "")
    cells = [
        layer.title, layer.op, layer.algorithm, layer.schedule, f"{layer.seconds * 1e6:.0f}",
        f"{layer.predicted_s * 1e6:.0f}" if layer.predicted_s else "",
        f"{100 * layer.seconds / total:.1f} %", f"{layer.macs / 1e6:.1f}" if layer.macs else "", *speed,
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"
