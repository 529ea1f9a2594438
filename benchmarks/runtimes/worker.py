"""The process an engine lives in: it prepares or opens one network, then runs it whenever the driver says so.

One JSON object a line each way. First {"seconds": ...} of the preparation (with the engine's version, its memory), or
{"error": ...}; then for every {"runs": r, "at_least_s": s} the seconds of at least so many runs, for so long. What
engines print goes to stderr.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

from benchmarks.runtimes.machine import go_first

WARM_RUNS, WARM_S = 2, 0.05  # threads that wake up on one core need some milliseconds to be moved apart
MOST_RUNS = 2000
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    request = json.loads(sys.argv[1])
    os.sched_setaffinity(0, request["cores"])
    _die_with(request["driver"])
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    try:
        run = _prepare(request, answers)
        if request["stage"] == "open":
            go_first()
            for line in sys.stdin:
                _send(answers, _timed(run, **json.loads(line)))
    except Exception as error:  # every engine has its own classes; whatever it says is its row in the table
        _send(answers, {"error": f"{type(error).__name__}: {error}", "kind": type(error).__name__})


def _die_with(driver: int) -> None:
    """A driver that is killed leaves nobody to wake or to end this process."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != driver:
        sys.exit(1)


def _prepare(request: dict[str, Any], answers: Any) -> Any:
    """Build, or open and run once. Memory counts from after the imports to after that run."""
    import numpy as np

    from benchmarks.runtimes.engines import Job, engine

    raw = request["job"]
    job = Job(**{f.name: Path(raw[f.name]) if f.type is Path else raw[f.name] for f in fields(Job)})
    own = engine(request["engine"])
    x = np.load(request["input"])
    version = own.version()
    _forget_peak()
    before, start = memory("VmRSS"), time.perf_counter()
    if request["stage"] == "build":
        own.build(job)
        _send(answers, {"seconds": time.perf_counter() - start, "version": version})
        return None
    run = own.open(job)
    y = run(x)
    seconds = time.perf_counter() - start
    np.save(request["output"], np.asarray(y))
    peak = memory("VmHWM")
    answer = {"seconds": seconds, "version": version, "peak_bytes": peak, "own_bytes": peak - before}
    _send(answers, answer)
    return lambda: run(x)


def _timed(run: Any, runs: int, at_least_s: float) -> dict[str, Any]:
    """Seconds of runs one after the other, behind some that wake threads and fill caches."""
    clock = time.perf_counter
    start, warm = clock(), 0
    while warm < WARM_RUNS or clock() - start < WARM_S:
        run()
        warm += 1
    seconds, waited, start = [], _waited_s(), clock()
    while len(seconds) < runs or (clock() - start < at_least_s and len(seconds) < MOST_RUNS):
        begin = clock()
        run()
        seconds.append(clock() - begin)
    share = (_waited_s() - waited) / (clock() - start)
    return {"seconds": seconds, "waited": share, "peak_bytes": memory("VmHWM")}


def _waited_s() -> float:
    """Seconds that this process's threads could have run but had no core; 0 where the kernel does not count them."""
    total = 0
    with contextlib.suppress(OSError, IndexError):
        for thread in Path("/proc/self/task").iterdir():
            total += int((thread / "schedstat").read_text().split()[1])
    return total * 1e-9


def memory(name: str) -> int:
    """A line of /proc/self/status in bytes: VmRSS now, VmHWM the most there was."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0


def _forget_peak() -> None:
    """VmHWM counts anew from here; where the kernel does not allow it, imports that peaked hide a little."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _send(answers: Any, data: dict[str, Any]) -> None:
    answers.write(json.dumps(data) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
