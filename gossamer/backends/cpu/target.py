"""From hardware to a tvm target. Imported only when something is compiled or run."""

from gossamer.backends.cpu.cpus import NATIVE
from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.codegen.tvm.adapter import Target, host_cpu, instructions
from gossamer.codegen.tvm.forms import DOT, Dot

_PAIRS = {4: "sse2", 8: "avx2", 16: "avx512bw"}
"""Lanes of pmaddwd -> the extension that has it."""


def cpu_of(hardware: CpuHardware) -> str:
    """LLVM's name of the cpu that code is made for."""
    return host_cpu() if hardware.cpu == NATIVE else hardware.cpu


def missing_here(cpu: str) -> tuple[str, ...]:
    """Extensions that code for `cpu` may use and this machine lacks: running it would end the process."""
    return tuple(sorted(instructions(cpu) - instructions(host_cpu())))


def dot_of(hardware: CpuHardware) -> Dot | None:
    """The four-way 8-bit dot product that kernels may use; None where the hardware's instructions have none."""
    lanes, found = hardware.lanes, instructions(cpu_of(hardware))
    vnni = "avx512vnni" in found or (lanes <= 8 and "avxvnni" in found)
    if hardware.int8_dot == DOT and vnni and lanes in _PAIRS:
        return Dot(lanes, "vpdpbusd")
    return Dot(lanes, "pmaddwd") if _PAIRS.get(lanes, "none") in found else None


def target_of(hardware: CpuHardware) -> Target:
    """The compiler's target; 512-bit vectors are kept whole where the hardware asks for them."""
    wide = ("-prefer-256-bit",) if hardware.vector_bits >= 512 else ()
    return Target(cpu_of(hardware), hardware.cores, wide)
