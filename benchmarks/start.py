"""How long a user waits for `import gossamer` and `gossamer --help`, best of seven, in a new process each.

python benchmarks/start.py
"""

import subprocess
import sys
from time import perf_counter

CASES = (
    ("import gossamer", ["-c", "import gossamer"], 0.3),
    ("gossamer --help", ["-m", "gossamer.cli", "--help"], 0.5),
)


def seconds(command: list[str]) -> float:
    start = perf_counter()
    subprocess.run([sys.executable, *command], capture_output=True, check=True)
    return perf_counter() - start


if __name__ == "__main__":
    for name, command, target in CASES:
        print(f"{name:16} {min(seconds(command) for _ in range(7)):.3f} s   target {target} s")
