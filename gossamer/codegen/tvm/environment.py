"""Imports tvm for the first time, on our terms; `adapter` imports this before it names tvm.

tvm imports torch where that is installed: seconds for nothing. Its thread pool, which compiled networks do not use,
counts half the cores unless the environment says otherwise.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

os.environ.setdefault("TVM_NUM_THREADS", "1")
os.environ.setdefault("TVM_FFI_DISABLE_TORCH_C_DLPACK", "1")


@contextmanager
def _hidden(package: str) -> Iterator[None]:
    """Inside, importing the package fails as if it were not installed; one already imported is left alone."""
    absent = package not in sys.modules
    if absent:
        sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if absent:
            del sys.modules[package]


with _hidden("torch"):
    import tvm  # noqa: F401
