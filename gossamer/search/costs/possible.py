"""Limits that no design can meet, and spaces without a design, are found before anything is trained.

A small space is looked through; in a larger one a descent over one gene at a time, from the best of many random
designs, looks for a design that meets all limits. Where it finds none it says the nearest that it did find. Only what
instant evaluators give can be judged so: costs, counts and published tables; limits on trained accuracy can only be
judged by searching.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import HardwareError, SearchError
from gossamer.search.choices import Genomes
from gossamer.search.evaluators import Evaluator
from gossamer.search.inner import Columns
from gossamer.search.objectives import Limit, show
from gossamer.search.space import CoDesignSpace

SAMPLES = 256
GLANCE = 16
"""So many designs show whether any fits at all."""
SWEEPS = 3
ALL = 20_000
"""Spaces of so many designs are looked through."""


def refuse_impossible(space: CoDesignSpace, instant: Evaluator, limits: Sequence[Limit], seed: int) -> None:
    """SearchError when the space holds no design, or limits cannot be met one by one, or together."""
    first = first_designs(space, seed)
    _refuse_contradictory(space, first)
    columns = instant.evaluate(first[:: max(1, len(first) // GLANCE)]) if instant.metrics else {}
    if columns and _none_fits(columns):
        _refuse_unfit(space, instant, first)
    hard = [limit for limit in limits if _judged(limit, columns)]
    look = _Look(space, instant, first)
    for limit in hard:
        value = look.closest([limit])[0]
        if not limit.holds(value):
            raise SearchError(
                f"limit '{limit.text}' is impossible here: {look.said} is {limit.objective.label} = "
                f"{show(limit.objective, value)}; relax it to that or {'more' if limit.sign > 0 else 'less'}"
            )
    if len(hard) > 1:
        _refuse_together(look, hard)


def first_designs(space: CoDesignSpace, seed: int) -> Genomes:
    """All of a small space; the corners and a sample of a larger one."""
    sizes = tuple(space.choices.sizes.tolist())
    if space.choices.designs <= ALL:
        every = np.stack(np.unravel_index(np.arange(int(np.prod(sizes))), sizes or (1,)), axis=1)
        return np.unique(space.repair(every[:, : len(sizes)].astype(np.int64)), axis=0)
    return np.concatenate([space.corners(), space.sample(SAMPLES, np.random.default_rng(seed))])


def _refuse_contradictory(space: CoDesignSpace, genomes: Genomes) -> None:
    """Hardware whose values exclude each other in every design."""
    if space.target is None or any(space.hardware(genome) is not None for genome in genomes):
        return
    chip = space.hardware_choices.decode(genomes[0][space.network_genes :])
    try:
        space.target.hardware(**{name.removeprefix("hardware."): value for name, value in chip.items()})
        reason = "no hardware could be built"
    except HardwareError as error:
        reason = str(error)
    raise SearchError(
        f"space '{space.name}' on target '{space.target.name}' holds no design: in all {len(genomes)} looked at the "
        f"hardware's values exclude each other ({reason}); give its choices other values"
    )


def _none_fits(columns: Columns) -> bool:
    """Whether every design has an infinite metric."""
    return bool(np.isinf(np.stack(list(columns.values()))).any(axis=0).all())


def _refuse_unfit(space: CoDesignSpace, instant: Evaluator, first: Genomes) -> None:
    """Networks in float on a target that computes with integers, or a small space in which nothing fits."""
    in_float = not space.precision.items
    if space.target is None or not (in_float or space.choices.designs <= ALL and _none_fits(instant.evaluate(first))):
        return
    hint = "its networks are in float: give them bits, as in precision: {weights: [8], activations: [8]}"
    raise SearchError(
        f"none of {len(first):,} designs of space '{space.name}' fits target '{space.target.name}'; "
        f"{hint if in_float else 'widen the hardware or the networks'}"
    )


def _judged(limit: Limit, columns: Columns) -> bool:
    """Whether instant evaluators give what it bounds."""
    try:
        limit.column(columns)
    except KeyError:
        return False
    return True


def _refuse_together(look: "_Look", limits: list[Limit]) -> None:
    values = look.closest(limits)
    if not all(limit.holds(value) for limit, value in zip(limits, values)):
        texts = ", ".join(f"'{limit.text}'" for limit in limits)
        nearest = ", ".join(
            f"{limit.objective.label} = {show(limit.objective, value)}" for limit, value in zip(limits, values)
        )
        raise SearchError(f"limits {texts} are each possible but not together: {look.said} is {nearest}")


class _Look:
    """A search for the design that misses limits by least. `said`: how far it can be trusted."""

    def __init__(self, space: CoDesignSpace, instant: Evaluator, first: Genomes) -> None:
        self._space, self._instant, self._first = space, instant, first
        self._whole = space.choices.designs <= ALL
        self.said = f"the best of all {len(first):,} designs" if self._whole else "the nearest found"

    def closest(self, limits: Sequence[Limit]) -> list[float]:
        """What the limits bound, of the design found that misses them by least."""
        missed = self._missed(limits, self._first)
        best, least = self._first[missed.argmin()], float(missed.min())
        for _ in range(0 if self._whole else SWEEPS):
            if least <= 0:
                break
            around = self._space.choices.neighbours(best)
            around = np.unique(self._space.repair(around), axis=0)
            missed = self._missed(limits, around)
            if missed.min() >= least:
                break
            best, least = self._combined(limits, best, around, missed, least)
        columns = self._instant.evaluate(best[None])
        return [float(limit.column(columns)[0]) for limit in limits]

    def _combined(
        self, limits: Sequence[Limit], best: Genomes, around: Genomes, missed: NDArray[np.float64], least: float
    ) -> tuple[Genomes, float]:
        """All single-gene changes that help, at once and one after the other."""
        order = np.argsort(missed, kind="stable")
        order = order[missed[order] < least]
        tried = self._space.repair(np.stack(list(_trail(best, around[order]))))
        found = self._missed(limits, tried)
        return tried[found.argmin()], float(found.min())

    def _missed(self, limits: Sequence[Limit], genomes: Genomes) -> NDArray[np.float64]:
        metrics = self._instant.evaluate(genomes)
        return np.sum([np.maximum(limit.violation(limit.column(metrics)), 0.0) for limit in limits], axis=0)


def _trail(best: Genomes, changes: Genomes) -> Iterator[Genomes]:
    """The best change, then all of them one upon the other."""
    yield changes[0]
    current = best
    for change in changes:
        current = np.where(change != best, change, current)
        yield current
