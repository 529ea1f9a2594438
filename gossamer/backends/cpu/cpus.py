"""Processors that code can be made for, by LLVM's names, and what of their vectors a generator must know.

`native` is the machine that compiles. The others are those x86-64 names of LLVM whose vector extensions the run time
looks for before it runs anything (`runtime/cpu.c`): code for a newer machine is refused on an older one, not tried.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

NATIVE = "native"


@dataclass(frozen=True)
class Vectors:
    """Width and number of the vector registers; 8-bit products per 32-bit lane and instruction."""

    vector_bits: int
    vector_registers: int
    int8_dot: int


SSE, AVX2, AVX2_VNNI = Vectors(128, 16, 1), Vectors(256, 16, 1), Vectors(256, 16, 4)
AVX512, AVX512_VNNI = Vectors(512, 32, 1), Vectors(512, 32, 4)

_NAMES = {
    SSE: "x86-64 x86-64-v2 nehalem westmere sandybridge ivybridge silvermont goldmont tremont",
    AVX2: "x86-64-v3 haswell broadwell skylake znver1 znver2 znver3",
    AVX2_VNNI: "alderlake raptorlake meteorlake arrowlake lunarlake gracemont sierraforest grandridge",
    AVX512: "x86-64-v4 skylake-avx512 cannonlake",
    AVX512_VNNI: (
        "cascadelake cooperlake icelake-client icelake-server tigerlake rocketlake sapphirerapids emeraldrapids "
        "graniterapids znver4 znver5"
    ),
}

KNOWN = {name: vectors for vectors, names in _NAMES.items() for name in names.split()}
"""LLVM's name of a cpu -> its vectors."""

CHOICES = (NATIVE, *KNOWN)


def vectors_of(cpu: str) -> Vectors | None:
    """The vectors of a known cpu, or of this machine; None for an unknown name."""
    return _own_vectors() if cpu == NATIVE else KNOWN.get(cpu)


def flags() -> frozenset[str]:
    """What /proc/cpuinfo says this machine offers; nothing where there is none."""
    return frozenset(cpuinfo().get("flags", "").split())


def cpuinfo() -> dict[str, str]:
    """The fields of the last processor in /proc/cpuinfo; none where the system has no such file."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {}
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


@cache
def _own_vectors() -> Vectors:
    found = flags()
    wide, dot = "avx512f" in found, 4 if {"avx512_vnni", "avx_vnni"} & found else 1
    bits = 512 if wide else 256 if "avx2" in found else 128
    return Vectors(bits, 32 if wide or not found else 16, dot)
