"""The CPU target: kernels through TVM, a roofline cost model, artifacts that run anywhere with the same kind of CPU."""

from gossamer.backends.cpu.backend import CpuBackend

backend = CpuBackend()

__all__ = ["CpuBackend", "backend"]
