"""Candidates in worker processes of this machine: the default for whatever trains, builds or measures.

    Processes(workers=2, timeout_s=300, memory_bytes=4_000_000_000)

A candidate that takes too long or too much memory is killed and recorded as failed. A worker that dies is replaced and
its candidate tried once more, in case the machine and not the candidate was to blame; then it is recorded as failed.
"""

import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import wait

from gossamer.ir import errors
from gossamer.ir.errors import GossamerError, SearchError
from gossamer.search.choices import Genomes
from gossamer.search.executors.base import Job, Outcome, Pool
from gossamer.search.executors.child import Child
from gossamer.search.executors.messages import Done, Ready, Refused
from gossamer.search.objectives import Objective
from gossamer.search.threads import threads as available

TICK_S = 0.1
"""How often times and memory are looked at."""
RETRIES = 1


@dataclass(frozen=True)
class Processes:
    """`workers`: 0 for as many as GOSSAMER_THREADS (else two); `threads`: of each; `timeout_s`, `memory_bytes`: most a
    candidate may take, 0 for no limit. Memory counts what the worker holds besides (torch alone: 300 MB).
    """

    workers: int = 0
    threads: int = 1
    timeout_s: float = 0.0
    memory_bytes: int = 0

    def __post_init__(self) -> None:
        for name, least in (("workers", 0), ("threads", 1), ("timeout_s", 0), ("memory_bytes", 0)):
            if getattr(self, name) < least:
                raise SearchError(f"executor processes: {name} = {getattr(self, name)} must be at least {least}")

    def start(self, job: Job) -> Pool:
        return ProcessPool(job, self)


@dataclass
class _Waiting:
    """Tasks not yet given to a worker. `left` counts the tries a place still has."""

    source: Iterator[tuple[int, Genomes]]
    again: list[int] = field(default_factory=list)
    genomes: dict[int, Genomes] = field(default_factory=dict)
    left: dict[int, int] = field(default_factory=dict)

    def draw(self) -> int | None:
        """The next place to evaluate; None when there is none."""
        if self.again:
            return self.again.pop(0)
        place, genome = next(self.source, (None, None))
        if place is not None and genome is not None:
            self.genomes[place], self.left[place] = genome, RETRIES
        return place


class ProcessPool(Pool):
    """See Processes."""

    def __init__(self, job: Job, settings: Processes) -> None:
        self._settings, self._count = settings, 0
        self._job = _pickled(job)
        self._metrics: tuple[Objective, ...] | None = None
        self._children = [self._child() for _ in range(settings.workers or available())]
        try:
            while self._metrics is None:
                self._events()
        except BaseException:
            self.close()
            raise

    @property
    def metrics(self) -> tuple[Objective, ...]:
        assert self._metrics is not None
        return self._metrics

    @property
    def workers(self) -> int:
        return len(self._children)

    def stream(self, tasks: Iterable[tuple[int, Genomes]]) -> Iterator[Outcome]:
        waiting = _Waiting(iter(tasks))
        try:
            while self._busy(waiting):
                for child, message in self._events():
                    yield from self._after(child, message, waiting)
                for child in self._children:
                    yield from self._limited(child)
        finally:
            for child in self._children:
                if child.place is not None:  # the answer to a task that nobody waits for must not come later
                    self._replace(child)

    def close(self) -> None:
        for child in self._children:
            child.end()
        self._children = []

    def _busy(self, waiting: _Waiting) -> bool:
        """Give tasks to the workers that are free; whether any task is still under way or waits for a worker."""
        for child in self._children:
            if child.ready and child.place is None:
                place = waiting.draw()
                if place is None:
                    break
                child.give(place, waiting.genomes[place])
        starting = not any(child.ready for child in self._children)
        return starting or bool(waiting.again) or any(child.place is not None for child in self._children)

    def _events(self) -> list[tuple[Child, Done | None]]:
        """Tasks answered since, None where the worker died over it."""
        by_connection = {child.connection: child for child in self._children}
        found: list[tuple[Child, Done | None]] = []
        for connection in wait(list(by_connection), TICK_S):
            child = by_connection[connection]  # pyright: ignore[reportArgumentType]
            message = child.answer()
            if isinstance(message, Refused):
                raise _error(message)
            if isinstance(message, Ready):
                child.ready, self._metrics = True, message.metrics
            elif message is None and not child.ready:
                raise SearchError(f"a worker process ended before it was ready ({child.last_words()})")
            else:
                found.append((child, message))
        return found

    def _after(self, child: Child, done: Done | None, waiting: _Waiting) -> Iterator[Outcome]:
        place, child.place = child.place, None
        if done is not None and place is not None:
            yield Outcome(place, done.values, done.seconds, child.name, done.failure)
            return
        words, seconds = child.last_words() if done is None else "", child.seconds()
        self._replace(child)
        if place is None:
            return
        if waiting.left[place]:
            waiting.left[place] -= 1
            waiting.again.append(place)
        else:
            yield self._failed(place, seconds, child.name, f"the worker died over it, twice ({words})")

    def _limited(self, child: Child) -> Iterator[Outcome]:
        """Whether the task of a worker takes too much."""
        place, most = child.place, self._settings
        if place is None:
            return
        failure = ""
        if most.timeout_s and child.seconds() > most.timeout_s:
            failure = f"took more than {most.timeout_s:g} s"
        elif most.memory_bytes and child.memory_bytes() > most.memory_bytes:
            failure = f"held more than {most.memory_bytes / 1e6:.0f} MB of memory"
        if failure:
            self._replace(child)
            yield self._failed(place, child.seconds(), child.name, failure)

    def _failed(self, place: int, seconds: float, worker: str, why: str) -> Outcome:
        return Outcome(place, {item.key: float("nan") for item in self.metrics}, seconds, worker, why)

    def _replace(self, child: Child) -> None:
        child.end()
        self._children[self._children.index(child)] = self._child()

    def _child(self) -> Child:
        self._count += 1
        return Child(f"process {self._count}", self._job, self._settings.threads)


def _pickled(job: Job) -> bytes:
    try:
        return pickle.dumps(job)
    except Exception as error:  # pickle raises what it likes
        raise SearchError(
            f"these evaluators cannot be sent to another process ({error}); use executor serial"
        ) from None


def _error(message: Refused) -> GossamerError:
    kind = getattr(errors, message.error, SearchError)
    return kind(message.message)
