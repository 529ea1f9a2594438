"""A CPU as data: cores, vectors, caches, clock; and the one this process runs on.

`vector_bits` decides the lanes of every kernel (float32 lanes = vector_bits / 32) and `vector_registers` how large a
register tile may be, so the same generator serves AVX-512 (512, 32), AVX2 (256, 16) and narrower machines.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from gossamer.backends.cpu.cpus import CHOICES, NATIVE, cpuinfo, vectors_of
from gossamer.ir.errors import HardwareError
from gossamer.ir.hardware import Hardware, Number, parameter


@dataclass(frozen=True)
class CpuHardware(Hardware, target="cpu"):
    """One processor, as its compiler and its cost model see it."""

    cores: int = parameter(2, unit="threads", low=1, high=256, search=(1, 2, 4, 8), doc="worker threads of a kernel")
    clock_hz: float = parameter(2.8e9, unit="Hz", low=1e8, high=1e10, doc="sustained core clock under vector load")
    cpu: str = parameter(
        NATIVE, unit="", choices=CHOICES, doc="LLVM's name of the processor compiled for; native: this machine's"
    )
    vector_bits: int = parameter(
        512, unit="bits", low=128, high=1024, search=(128, 256, 512), doc="width of a vector register"
    )
    vector_registers: int = parameter(32, unit="registers", low=8, high=64, doc="vector registers a kernel may use")
    fma_units: int = parameter(
        2, unit="units", low=1, high=4, search=(1, 2), doc="vector multiply-adds started per cycle and core"
    )
    loads_per_cycle: float = parameter(
        1.0, unit="loads", low=0.5, high=4, search=(1, 2),
        doc="whole vectors loaded from the first-level cache per cycle",
    )  # fmt: skip
    int8_dot: int = parameter(
        4, unit="products", low=1, high=4, search=(1, 4),
        doc="8-bit products per 32-bit lane and multiply-add: 4 with VNNI, else 1",
    )  # fmt: skip
    l1_bytes: int = parameter(48 << 10, unit="bytes", low=1 << 12, high=1 << 24, doc="first-level data cache per core")
    l2_bytes: int = parameter(
        1280 << 10, unit="bytes", low=1 << 14, high=1 << 28, search=(256 << 10, 512 << 10, 1 << 20, 2 << 20),
        doc="second-level cache per core",
    )  # fmt: skip
    l3_bytes: int = parameter(32 << 20, unit="bytes", low=0, high=1 << 31, doc="last-level cache, shared")
    l3_bytes_per_s: float = parameter(
        20e9, unit="B/s", low=1e8, high=1e13, doc="read bandwidth from the last-level cache, all cores"
    )
    dram_bytes_per_s: float = parameter(
        12e9, unit="B/s", low=1e8, high=1e13, doc="read bandwidth from memory, all cores"
    )
    core_power_w: float = parameter(
        7.5, unit="W", low=1e-3, high=1e3, doc="power of a busy core (a 36-core server part draws 270 W)"
    )
    dram_j_per_byte: float = parameter(
        1.6e-10, unit="J/B", low=0, high=1e-6, doc="energy of a byte from memory (20 pJ a bit, DDR4)"
    )

    @classmethod
    def build(cls, values: Mapping[str, Number]) -> "Hardware":
        """As of any target; where a cpu is given, its vectors are those of that cpu but for what is given too."""
        return super().build(_implied(values) | dict(values))

    def changed(self, values: Mapping[str, Number]) -> "Hardware":
        """As of any target; a cpu brings its vectors with it but for what is given too."""
        return super().changed(_implied(values) | dict(values))

    @property
    def lanes(self) -> int:
        """32-bit numbers in a vector."""
        return self.vector_bits // 32

    @property
    def peak_macs_per_s(self) -> float:
        """float32 multiply-accumulates per second, all cores."""
        return self.cores * self.clock_hz * self.fma_units * self.lanes


@cache
def host() -> CpuHardware:
    """This machine, as far as the system tells; else defaults. Threads: GOSSAMER_THREADS, or at most 2."""
    vectors = vectors_of(NATIVE)
    clock = float(cpuinfo().get("cpu MHz", "0") or 0) * 1e6
    default = CpuHardware()
    return CpuHardware(
        cores=_threads(),
        clock_hz=clock or default.clock_hz,
        **({} if vectors is None else asdict(vectors)),
        l1_bytes=_cache_bytes(0) or default.l1_bytes,
        l2_bytes=_cache_bytes(2) or default.l2_bytes,
        l3_bytes=_cache_bytes(3) or default.l3_bytes,
    )


def _threads() -> int:
    given = os.environ.get("GOSSAMER_THREADS", "")
    if given and not given.isdecimal():
        raise HardwareError(f"GOSSAMER_THREADS = '{given}' is not a whole number of threads >= 1")
    return int(given) if given else min(2, os.cpu_count() or 1)


def _implied(values: Mapping[str, Number]) -> dict[str, Number]:
    """What the vectors of a cpu among the values are; nothing without one, or for a name that is not known."""
    vectors = vectors_of(str(values["cpu"])) if "cpu" in values else None
    return {} if vectors is None else asdict(vectors)


def _cache_bytes(index: int) -> int:
    try:
        text = Path(f"/sys/devices/system/cpu/cpu0/cache/index{index}/size").read_text().strip()
    except OSError:
        return 0
    return int(text[:-1]) * {"K": 1 << 10, "M": 1 << 20}.get(text[-1], 1)
