"""From hardware to a tvm target, and kernels to a library. Imported only when something is compiled or run."""

from collections.abc import Mapping

from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.steps import Spec
from gossamer.codegen.tvm.adapter import Library, Target, compile_library, host_cpu

_CPUS = {"avx2": "haswell", "avx512": "skylake-avx512", "avx512_vnni": "icelake-server"}


def target_of(hardware: CpuHardware) -> Target:
    """The compiler's target; 512-bit vectors are kept whole where the hardware asks for them."""
    name = host_cpu()[0] if hardware.isa == "host" else _CPUS[hardware.isa]
    return Target(name, hardware.cores, ("-prefer-256-bit",) if hardware.vector_bits >= 512 else ())


def build_library(kernels: Mapping[Spec, str], hardware: CpuHardware) -> Library:
    """Generate and compile every kernel."""
    return compile_library([spec.function(name) for spec, name in kernels.items()], target_of(hardware))
