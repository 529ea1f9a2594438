"""What every test runs under: no schedules that were measured and no kernels that were compiled before the run."""

import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("GOSSAMER_TUNING", "off")

_OWN = Path(tempfile.gettempdir()) / f"gossamer-tests-{os.getpid()}"
"""Kernels of this run; the processes it starts take the name from the environment."""

os.environ.setdefault("GOSSAMER_KERNELS", str(_OWN))


def pytest_sessionfinish():
    shutil.rmtree(_OWN, ignore_errors=True)
