"""Systolic-array accelerators, priced analytically and run through the reference: the target `systolic`."""

from gossamer.backends.systolic.backend import SystolicBackend

backend = SystolicBackend()

__all__ = ["SystolicBackend", "backend"]
