"""What tuning time buys: one network tuned for longer and longer, and what each result takes, run in turns.

    python benchmarks/cpu_tuning.py resnet18.onnx             # 0, 30, 60, 120 and 180 s, then every schedule
    python benchmarks/cpu_tuning.py resnet18.onnx --seconds 20,60 --json

Every step goes on with the database of the one before. The last step measures what the learned model left out, for as
long as that takes: its result stands for the best there is. The compiled networks then run in turns of some runs each;
a time is the median over all turns.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from gossamer import api
from gossamer.backends.cpu.target import cpu_of
from gossamer.backends.cpu.tuning.database import TuningDatabase
from gossamer.backends.cpu.tuning.layers import machine_key
from gossamer.backends.cpu.tuning.tune import tuned
from gossamer.cli.options import random_inputs

TURNS, TURN_S = 30, 0.1
EVERY, MOST_S = float("inf"), 3600.0


@dataclass(frozen=True)
class Step:
    """`given_s`: tuning time it had, all steps before it together; `spent_s`: what it and they took."""

    given_s: float
    spent_s: float
    words: str
    median_ms: float


def built(module, seconds, folder):
    """Artifacts, and (given, spent, words) of every step."""
    database = TuningDatabase(folder / "tuning.sqlite", machine_key(module.hardware, cpu_of(module.hardware)))
    artifacts, steps, spent, before = [], [], 0.0, 0.0
    for given in (*seconds, EVERY):
        start, exhaustive = time.monotonic(), given == EVERY
        found = tuned(module, database, MOST_S if exhaustive else given - before, exhaustive=exhaustive)
        spent, before = spent + (time.monotonic() - start if given else 0.0), given
        artifacts.append(api.build(found.module, "cpu"))
        steps.append((given, spent, str(found)))
        print(f"{'every schedule' if exhaustive else f'{given:.0f} s'}: {found}", file=sys.stderr, flush=True)
    return artifacts, steps


def medians_ms(artifacts, inputs):
    """Of each, in turns."""
    spent = [[] for _ in artifacts]
    for _ in range(TURNS):
        for artifact, times in zip(artifacts, spent):
            artifact.run(inputs)
            end = time.perf_counter() + TURN_S
            while time.perf_counter() < end:
                start = time.perf_counter()
                artifact.run(inputs)
                times.append(time.perf_counter() - start)
    return [1e3 * float(np.median(times)) for times in spent]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", type=Path, help="an ONNX file")
    parser.add_argument("--seconds", default="0,30,60,120,180", help="tuning times")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    module = api.prepare(api.load(chosen.network), "cpu", hardware={"cores": chosen.threads})
    with TemporaryDirectory() as folder:
        artifacts, steps = built(module, [float(s) for s in chosen.seconds.split(",")], Path(folder))
        times = medians_ms(artifacts, random_inputs(module.graph.inputs))
    rows = [Step(*step, ms) for step, ms in zip(steps, times)]
    if chosen.json:
        print(json.dumps([asdict(row) for row in rows]))
        return 0
    best = min(row.median_ms for row in rows)
    print("| tuning time, s | taken, s | median, ms | of the best |\n|---|---|---|---|")
    for row in rows:
        given = "every schedule" if row.given_s == EVERY else f"{row.given_s:.0f}"
        print(f"| {given} | {row.spent_s:.0f} | {row.median_ms:.2f} | {row.median_ms / best:.3f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
