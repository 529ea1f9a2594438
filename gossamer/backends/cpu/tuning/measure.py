"""Schedules of layers, timed: built into one network whose every launch is one of them, in a process of its own.

The process has a time limit and a memory limit. When it crashes or hangs, the batch is halved until the schedule that
does it stands alone; it is recorded as such, the rest are measured without it. One whose results are not those of the
layer's own schedule is recorded as wrong.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from tempfile import TemporaryDirectory

from gossamer.backends.cpu.tuning.database import Measured
from gossamer.backends.cpu.tuning.layers import TunableLayer, rescheduled
from gossamer.ir.errors import BackendError
from gossamer.ir.graph import Module
from gossamer.ir.print import print_module
from gossamer.ir.types import Value

MEMORY_BYTES = 8 << 30
"""Limit of one process."""

START_S, EACH_S = 20.0, 2.0
"""Limit of one process, and more for every schedule in it: some times of what it takes. Of the time that is left a
batch gets half at most, so that one that hangs does not leave the others without."""

LEAST_S = 1.0
"""With less time left no process is started."""


@dataclass(frozen=True)
class Trial:
    """One schedule of one layer."""

    layer: TunableLayer
    schedule: str

    @property
    def own(self) -> bool:
        """Whether it is the schedule that the layer came with: what the others' results are compared with."""
        return self.schedule == self.layer.schedules[0]


def measured(module: Module, trials: Sequence[Trial], end: float = inf) -> tuple[Measured, ...]:
    """What came of every trial for which there was time until `end` (of `time.monotonic`); `module` has its hardware.

    Raises BackendError when not even the layers' own schedules could be measured: then it is not the schedules' fault.
    """
    left = end - time.monotonic()
    if not trials or left < LEAST_S:
        return ()
    limit_s = START_S + EACH_S * len(trials)
    seconds, why = _process(module, trials, min(limit_s, left if len(trials) == 1 else left / 2))
    if seconds is not None:
        if len(trials) == 1 and not trials[0].own:
            return ()  # beside its layer's own schedule it failed, so nobody compared them
        rows = zip(trials, seconds, strict=True)
        return tuple(Measured(t.layer.key, t.schedule, "wrong" if s is None else "ok", s) for t, s in rows)
    if len(trials) > 1:
        first, second = _parts(trials)
        middle = end if end == inf else (time.monotonic() + end) / 2
        found = (*measured(module, first, middle), *measured(module, second, end))
        return tuple({(row.layer, row.schedule): row for row in found}.values())
    (trial,) = trials
    if trial.own and why.status == "crash":
        raise BackendError(f"cpu: measuring a layer as it is compiled anyway failed ({why.words}); see what is wrong")
    hasty = why.status == "timeout" and left < limit_s  # it was given less than its due
    return () if hasty else (Measured(trial.layer.key, trial.schedule, why.status, None),)


def _parts(trials: Sequence[Trial]) -> tuple[Sequence[Trial], Sequence[Trial]]:
    """Two smaller batches; a layer's own schedule is in both that hold others of it, as long as there is a choice."""
    others = [t for t in trials if not t.own]
    own = {t.layer.key: t for t in trials if t.own}
    first, second = others[: (len(others) + 1) // 2], others[(len(others) + 1) // 2 :]
    halves = [[*(own[key] for key in dict.fromkeys(t.layer.key for t in half) if key in own), *half]
              for half in (first, second)]  # fmt: skip
    used = {t.layer.key for t in others}
    halves[1] += [t for key, t in own.items() if key not in used]
    if all(0 < len(half) < len(trials) for half in halves):
        return halves[0], halves[1]
    return trials[: len(trials) // 2], trials[len(trials) // 2 :]


@dataclass(frozen=True)
class _Failure:
    """`status`: crash or timeout; `words`: the last the process said."""

    status: str
    words: str


_NONE = _Failure("ok", "")


Times = list[float | None]
"""Of every trial; None of one that is wrong."""


def _process(module: Module, trials: Sequence[Trial], limit_s: float) -> tuple[Times | None, _Failure]:
    """Seconds of every trial; None and what went wrong."""
    rounds = _rounds(trials)
    variants = [
        {"text": print_module(rescheduled(module, _chosen(one))), "results": [t.layer.results[0].name for t in one]}
        for one in rounds
    ]
    job = {"variants": variants, "memory_bytes": MEMORY_BYTES, "limit_s": limit_s}
    answer, why = _answer(json.dumps(job), limit_s)
    if answer is None:
        return None, why
    order = {(t.layer.key, t.schedule): s for t, s in zip([t for one in rounds for t in one], answer, strict=True)}
    return [order[t.layer.key, t.schedule] for t in trials], why


def _answer(job: str, limit_s: float) -> tuple[Times | None, _Failure]:
    with TemporaryDirectory(prefix="gossamer-", ignore_cleanup_errors=True) as place:  # one that is killed leaves files
        status, found, said = _child(job, limit_s, place)
    if status is None:
        return None, _Failure("timeout", f"nothing after {limit_s:.0f} s")
    try:
        held = json.loads(found)["seconds"] if status == 0 else None
        seconds = None if held is None else [None if s is None else float(s) for s in held]
    except (ValueError, KeyError, TypeError):
        seconds = None
    lines = said.strip().splitlines()
    return seconds, _Failure(
        "crash", lines[-1] if lines else f"exit {status}"
    ) if seconds is None else _NONE


def _rounds(trials: Sequence[Trial]) -> list[list[Trial]]:
    """The trials in rounds that hold every layer at most once: two schedules of a layer are two modules.

    A round runs from first to last, so that a layer finds the caches as other layers left them.
    """
    rounds: list[list[Trial]] = []
    seen: dict[str, int] = {}
    for trial in trials:
        place = seen[trial.layer.key] = seen.get(trial.layer.key, -1) + 1
        if place == len(rounds):
            rounds.append([])
        rounds[place].append(trial)
    return rounds


def _chosen(trials: Sequence[Trial]) -> dict[Value, str]:
    return {t.layer.results[0]: t.schedule for t in trials}


def _child(job: str, limit_s: float, place: str) -> tuple[int | None, str, str]:
    """Exit code, None when it took too long, and both streams of a process that keeps its files in `place`."""
    command = [sys.executable, "-m", "gossamer.backends.cpu.tuning.child"]
    pipe, own = subprocess.PIPE, os.environ | {"TMPDIR": place}
    # a session of its own: the compilers it started end with it
    process = subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True, env=own
    )
    try:
        found, said = process.communicate(job, timeout=limit_s)
    except BaseException as error:  # Ctrl-C too: the terminal's signal does not reach another session
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            return None, "", ""
        raise
    return process.returncode, found, said
