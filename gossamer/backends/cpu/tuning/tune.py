"""Better schedules for a module, within a time: what the database knows, then measurements of what it does not.

Layers with the most work come first; of each, a few schedules at a time, those the analytical choice likes best,
then those that a model learned from all measurements so far expects to be faster than what was found (`learned.py`).
The schedule that a module came with is kept unless another is clearly faster.
"""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.tuning.database import Measured, TuningDatabase, UnusableDatabase, database_path
from gossamer.backends.cpu.tuning.layers import TunableLayer, machine_key, rescheduled, tunable_layers
from gossamer.backends.cpu.tuning.learned import LatencyModel, fitted, promising
from gossamer.backends.cpu.tuning.measure import LEAST_S, Trial, measured
from gossamer.ir.errors import BackendError
from gossamer.ir.graph import Module

TRIALS_AT_ONCE = 24
"""Schedules in one process: some seconds of compilation."""

FIRST = 5
"""Schedules of a layer that are tried before the next layer's."""

ROUND = 3
"""Schedules of a layer that are tried before a model learns from them and orders the rest anew."""

CLEARLY = 0.98
"""Share of the first schedule's time that another may take at most, to be taken instead."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Tuned:
    """A module with its schedules. Of `layers` distinct ones, `known` were in the database before, `changed` got
    another schedule; `trials` were measured now, `failed` of them crashed or took too long; `hasty`: there was no time
    for any."""

    module: Module
    layers: int
    known: int
    changed: int
    trials: int
    failed: int
    hasty: bool = False

    def __str__(self) -> str:
        failed = f", {self.failed} of them failed" if self.failed else ""
        hasty = " (too little time, give more)" if self.hasty else ""
        return (
            f"{self.layers} distinct layer{_s(self.layers)} with a choice of schedules, {self.known} known before; "
            f"{self.trials} schedule{_s(self.trials)} measured now{failed}{hasty}; "
            f"{self.changed} layer{_s(self.changed)} not as by default"
        )


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def tuned_module(
    module: Module, seconds: float, named: "Path | str | None" = None, progress: Progress | None = None
) -> Tuned | None:
    """`tuned` with the database that `named`, the environment or the user's cache says.

    None when there is nothing to do: no time given and nothing known of these layers, or no database wanted.
    """
    from gossamer.backends.cpu.target import cpu_of, missing_here  # tvm takes seconds to import

    path, hardware = database_path(named), module.hardware
    assert isinstance(hardware, CpuHardware)
    if path is None and seconds > 0:
        raise BackendError("tuning measures into a database, found 'off'; name a file")
    if path is None or (seconds <= 0 and not path.exists()):
        return None
    lacking = missing_here(cpu_of(hardware))
    if lacking and seconds > 0:
        raise BackendError(
            f"cpu: schedules are measured on the machine they are for, this one lacks {', '.join(lacking)} of a "
            f"{cpu_of(hardware)}; leave the tuning time out, or tune there"
        )
    try:
        found = tuned(module, TuningDatabase(path, machine_key(hardware, cpu_of(hardware))), seconds, progress)
    except UnusableDatabase as error:
        if seconds > 0 or named is not None:
            raise
        warnings.warn(f"{error}; compiled without it", stacklevel=2)  # nobody asked for it
        return None
    return None if seconds <= 0 and not found.known and not found.changed else found


def tuned(
    module: Module,
    database: TuningDatabase,
    seconds: float = 0.0,
    progress: Progress | None = None,
    exhaustive: bool = False,
) -> Tuned:
    """`seconds`: how long to measure; 0: only use what is known. `module` carries its hardware.

    `exhaustive`: nothing is left out because a learned model expects it to be slower.
    """
    hardware = module.hardware
    assert isinstance(hardware, CpuHardware)
    end = time.monotonic() + seconds
    layers = tunable_layers(module, hardware)
    todo = {layer.key: _unknown(layer, database) for layer in layers}
    known, trials, failed = sum(len(todo[layer.key]) < len(layer.schedules) for layer in layers), 0, 0
    for batch in _batches(layers, todo, database, end, exhaustive):
        if end - time.monotonic() < LEAST_S:
            break
        if progress is not None:
            progress(f"measuring {len(batch)} schedules of {len({t.layer.key for t in batch})} layers")
        found = measured(module, batch, end)
        database.record(_comparable(found, batch, database))
        trials, failed = trials + len(found), failed + sum(m.status != "ok" for m in found)
    chosen = {value: text for layer in layers if (text := _best(layer, database)) for value in layer.results}
    changed = sum(layer.results[0] in chosen for layer in layers)
    hasty = seconds > 0 and any(todo.values()) and not trials and end - time.monotonic() < LEAST_S
    return Tuned(rescheduled(module, chosen), len(layers), known, changed, trials, failed, hasty)


def _comparable(found: Sequence[Measured], batch: Sequence[Trial], database: TuningDatabase) -> list[Measured]:
    """Times as they would have been beside those known: the machine is not as fast now as it was then.

    Every layer's own schedule was measured again; by what it took then and now the others are scaled.
    """
    own = {t.layer.key: t.layer.schedules[0] for t in batch}
    now = {m.layer: m.seconds for m in found if m.schedule == own[m.layer]}
    then = {key: next((r.seconds for r in database.of(key) if r.schedule == own[key]), None) for key in own}
    scale = {key: (old / new) if (old := then[key]) and (new := now.get(key)) else 1.0 for key in own}
    features = {t.layer.key: dict(zip(t.layer.schedules, t.layer.features, strict=True)) for t in batch}
    return [
        replace(m, seconds=m.seconds and m.seconds * scale[m.layer], features=features[m.layer][m.schedule])
        for m in found
    ]


def _unknown(layer: TunableLayer, database: TuningDatabase) -> list[str]:
    known = {row.schedule for row in database.of(layer.key)}
    return [text for text in layer.schedules if text not in known]


def _batches(
    layers: tuple[TunableLayer, ...],
    todo: Mapping[str, list[str]],
    database: TuningDatabase,
    end: float,
    exhaustive: bool,
) -> Iterator[list[Trial]]:
    """First the best few of every layer, then the rest: a few at a time, by what was recorded of the batches before;
    all at once where nothing can be learned. A layer ends when nothing better is expected.
    After `end` nothing is learned."""
    best = {layer.key: layer.schedules[:FIRST] for layer in layers}
    yield from _grouped(layers, {key: [t for t in texts if t in best[key]] for key, texts in todo.items()})
    left = {key: [t for t in texts if t not in best[key]] for key, texts in todo.items()}
    while any(left.values()) and end - time.monotonic() >= LEAST_S:
        model = None if exhaustive else fitted(database)
        if model is None:
            yield from _grouped(layers, left)
            return
        wanted = {layer.key: _promising(model, layer, left[layer.key], database) for layer in layers}
        left = {key: texts[ROUND:] for key, texts in wanted.items()}
        yield from _grouped(layers, {key: texts[:ROUND] for key, texts in wanted.items()})


def _promising(model: LatencyModel, layer: TunableLayer, left: list[str], database: TuningDatabase) -> list[str]:
    features = dict(zip(layer.schedules, layer.features, strict=True))
    return promising(model, database.of(layer.key), {text: features[text] for text in left})


def _grouped(layers: tuple[TunableLayer, ...], wanted: Mapping[str, list[str]]) -> list[list[Trial]]:
    """Trials in batches. A layer's own schedule is in every batch the others are in: only times of one process are
    compared."""
    batches: list[list[Trial]] = []
    for layer in layers:
        if not wanted[layer.key]:
            continue
        group = [Trial(layer, text) for text in dict.fromkeys((layer.schedules[0], *wanted[layer.key]))]
        if batches and len(batches[-1]) + len(group) <= TRIALS_AT_ONCE:
            batches[-1] += group
        else:
            batches.append(group)
    return batches


def _best(layer: TunableLayer, database: TuningDatabase) -> str | None:
    """The fastest schedule when it is clearly faster than the first, or that failed; None to keep that."""
    own = layer.schedules[0]
    rows = [row for row in database.of(layer.key) if row.schedule in layer.schedules]
    timed = {row.schedule: row.seconds for row in rows if row.seconds is not None}
    if not timed or own not in {row.schedule for row in rows}:
        return None
    best = min(timed, key=timed.__getitem__)
    return best if own not in timed or timed[best] < CLEARLY * timed[own] else None
