"""A CPU as data: cores, vectors, caches, clock; and the one this process runs on.

`vector_bits` decides the lanes of every kernel (float32 lanes = vector_bits / 32) and `vector_registers` how large a
register tile may be, so the same generator serves AVX-512 (512, 32), AVX2 (256, 16) and narrower machines.
"""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gossamer.ir.hardware import Hardware, parameter


@dataclass(frozen=True)
class CpuHardware(Hardware, target="cpu"):
    """One processor, as its compiler and its cost model see it."""

    cores: int = parameter(2, unit="threads", low=1, high=256, search=(1, 2, 4, 8), doc="worker threads of a kernel")
    clock_hz: float = parameter(2.8e9, unit="Hz", low=1e8, high=1e10, doc="sustained core clock under vector load")
    isa: str = parameter(
        "host", unit="", choices=("host", "avx2", "avx512", "avx512_vnni"),
        doc="instruction set compiled for; host: whatever this machine has",
    )  # fmt: skip
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
    flags, clock = _processor()
    wide = "avx512f" in flags
    vector_bits = 512 if wide else 256 if "avx2" in flags else 128
    threads = int(os.environ.get("GOSSAMER_THREADS", min(2, os.cpu_count() or 1)))
    default = CpuHardware()
    return CpuHardware(
        cores=threads,
        clock_hz=clock or default.clock_hz,
        vector_bits=vector_bits,
        vector_registers=32 if wide or not flags else 16,
        int8_dot=4 if "avx512_vnni" in flags else 1,
        l1_bytes=_cache_bytes(0) or default.l1_bytes,
        l2_bytes=_cache_bytes(2) or default.l2_bytes,
        l3_bytes=_cache_bytes(3) or default.l3_bytes,
    )


def _processor() -> tuple[set[str], float]:
    """(feature flags, clock in Hz) from /proc/cpuinfo; (nothing, 0) where there is none."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set(), 0.0
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return set(fields.get("flags", "").split()), float(fields.get("cpu MHz", "0") or 0) * 1e6


def _cache_bytes(index: int) -> int:
    try:
        text = Path(f"/sys/devices/system/cpu/cpu0/cache/index{index}/size").read_text().strip()
    except OSError:
        return 0
    return int(text[:-1]) * {"K": 1 << 10, "M": 1 << 20}.get(text[-1], 1)
