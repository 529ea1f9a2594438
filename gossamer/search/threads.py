"""How many threads a search computes with: GOSSAMER_THREADS, or two (one on a single core).

A fixed number, because the order of floating-point sums, and with it trained weights, depends on it.
"""

import os

from gossamer.ir.errors import SearchError


def threads() -> int:
    """SearchError when GOSSAMER_THREADS is no positive whole number."""
    given = os.environ.get("GOSSAMER_THREADS", "")
    if not given:
        return min(2, os.cpu_count() or 1)
    if not given.isdecimal() or int(given) < 1:
        raise SearchError(f"GOSSAMER_THREADS = '{given}' is not a whole number of threads >= 1")
    return int(given)


def limit_threads() -> None:
    """Tell torch. Where other processes compete for the cores, its threads must sleep at a barrier: spinning ones were
    measured to take five times the processor time."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch is loaded
    import torch

    torch.set_num_threads(threads())
