"""Schedules of layers, timed: built into one network whose every launch is one of them, in a process of its own.

The process has a time limit and a memory limit. When it crashes or hangs, the batch is halved until the schedule that
does it stands alone; it is recorded as such, the rest are measured without it.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from gossamer.backends.cpu.tuning.database import Measured
from gossamer.backends.cpu.tuning.layers import TunableLayer, rescheduled
from gossamer.ir.graph import Module
from gossamer.ir.print import print_module
from gossamer.ir.types import Value

MEMORY_BYTES = 8 << 30
TIME_S = 120.0
"""Limits of one process."""


@dataclass(frozen=True)
class Trial:
    """One schedule of one layer."""

    layer: TunableLayer
    schedule: str


def measured(module: Module, trials: Sequence[Trial], limit_s: float = TIME_S) -> tuple[Measured, ...]:
    """What came of every trial; `module` carries its hardware."""
    if not trials:
        return ()
    seconds, why = _process(module, trials, limit_s)
    if seconds is not None:
        return tuple(Measured(t.layer.key, t.schedule, "ok", s) for t, s in zip(trials, seconds, strict=True))
    if len(trials) == 1:
        return (Measured(trials[0].layer.key, trials[0].schedule, why, None),)
    half = len(trials) // 2
    return (*measured(module, trials[:half], limit_s), *measured(module, trials[half:], limit_s))


def _process(module: Module, trials: Sequence[Trial], limit_s: float) -> tuple[list[float] | None, str]:
    """(seconds of every trial, "ok"), or (None, what went wrong)."""
    rounds = _rounds(trials)
    variants = [
        {"text": print_module(rescheduled(module, _chosen(one))), "results": [t.layer.results[0].name for t in one]}
        for one in rounds
    ]
    job = json.dumps({"variants": variants, "memory_bytes": MEMORY_BYTES})
    command = [sys.executable, "-m", "gossamer.backends.cpu.tuning.child"]
    try:
        done = subprocess.run(command, input=job, capture_output=True, text=True, timeout=limit_s)
    except subprocess.TimeoutExpired:
        return None, "timeout"
    try:
        answer = json.loads(done.stdout)["seconds"] if done.returncode == 0 else None
    except (ValueError, KeyError, TypeError):
        answer = None
    if answer is None:
        return None, "crash"
    order = {(t.layer.key, t.schedule): s for t, s in zip([t for one in rounds for t in one], answer, strict=True)}
    return [float(order[t.layer.key, t.schedule]) for t in trials], "ok"


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
