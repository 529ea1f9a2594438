"""`python -m benchmarks` (or `make bench`): every benchmark here, one after the other, each in a process of its own.

A benchmark is a file of this folder that prints its numbers beside the target it is held to.
"""

import subprocess
import sys
from pathlib import Path


def main() -> int:
    failed = 0
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        print(f"--- {path.stem.replace('_', ' ')}", flush=True)
        failed += subprocess.run([sys.executable, path]).returncode != 0
    return 1 if failed else 0


sys.exit(main())
