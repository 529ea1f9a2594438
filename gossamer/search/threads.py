"""How many threads a search computes with: GOSSAMER_THREADS, or two (one on a single core).

A fixed number, because the order of floating-point sums, and with it trained weights, depends on it.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Torch computes with `count` threads in the block, where it is loaded by then or loaded within.

    A worker process and this one then round alike: the order of sums depends on the number of threads.
    """
    before = _torch_threads()
    asked, os.environ["GOSSAMER_THREADS"] = os.environ.get("GOSSAMER_THREADS"), str(count)
    _set_torch_threads(count)
    try:
        yield
    finally:
        if asked is None:
            del os.environ["GOSSAMER_THREADS"]
        else:
            os.environ["GOSSAMER_THREADS"] = asked
        _set_torch_threads(before or threads())


def _torch_threads() -> int:
    """0 where torch is not loaded."""
    torch = sys.modules.get("torch")
    return torch.get_num_threads() if torch else 0


def _set_torch_threads(count: int) -> None:
    torch = sys.modules.get("torch")
    if torch and torch.get_num_threads() != count:
        torch.set_num_threads(count)
