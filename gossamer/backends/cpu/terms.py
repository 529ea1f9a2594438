"""What keeps a layer from being faster: the seconds that each part of a machine is busy with it, as a model has them.

Parts work side by side, so `latency_s` is less than their sum and at least the largest of them. Constants that several
models share stand here too.
"""

from dataclasses import dataclass

LAUNCH_S = 3e-6
"""Calling one kernel and waking the other threads."""

MOVED_BYTES_PER_CYCLE = 8.0
"""What a core moves to and from its caches while it does little else."""

PARTS = {
    "compute_s": "compute", "loads_s": "loads", "l2_s": "L2", "l3_s": "L3", "dram_s": "DRAM", "other_s": "other",
    "launch_s": "launch",
}  # fmt: skip
"""Field -> the part's name in tables."""


@dataclass(frozen=True)
class Terms:
    """compute: products in the vector units; loads: their operands from the first-level cache; l2: weights from there;
    l3, dram: bytes from these; other: transforms, gathering, what becomes of the sums; launch: waking threads.
    """

    compute_s: float = 0.0
    loads_s: float = 0.0
    l2_s: float = 0.0
    l3_s: float = 0.0
    dram_s: float = 0.0
    other_s: float = 0.0
    launch_s: float = 0.0
    latency_s: float = 0.0

    @property
    def bound(self) -> str:
        """The part that is busy longest."""
        return PARTS[max(PARTS, key=lambda name: float(getattr(self, name)))]
