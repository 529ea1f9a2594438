"""Candidates on many machines, through Ray (the extra `ray`).

    Ray(workers=16)                       # a cluster on this machine
    Ray(workers=64, address="auto")       # the cluster this machine belongs to

Every worker is an actor that holds one worker process, so limits of time and memory and the second try after a crash
work as in `processes`; an actor that is lost with its machine is replaced, and its candidate tried once more.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gossamer.ir.errors import GossamerError, SearchError
from gossamer.search.choices import Genomes
from gossamer.search.executors.base import Job, Outcome, Pool
from gossamer.search.executors.processes import RETRIES, Processes
from gossamer.search.objectives import Objective


@dataclass(frozen=True)
class Ray:
    """`workers`: 0 for one per processor of the cluster; `address`: of a running cluster ("auto" finds it), "" starts
    one on this machine; `threads`, `timeout_s`, `memory_bytes`: of a worker, as in `processes`.
    """

    workers: int = 0
    address: str = ""
    threads: int = 1
    timeout_s: float = 0.0
    memory_bytes: int = 0

    def __post_init__(self) -> None:
        if self.workers < 0:
            raise SearchError(f"executor ray: workers = {self.workers} must be at least 0")
        self.each()

    def each(self) -> Processes:
        """What an actor holds."""
        return Processes(1, self.threads, self.timeout_s, self.memory_bytes)

    def start(self, job: Job) -> Pool:
        try:
            import ray
        except ImportError:
            raise SearchError("executor 'ray' needs Ray: pip install 'gossamer[ray]'") from None
        own = not ray.is_initialized()
        if own:
            _connect(ray, self)
        try:
            count = self._count(int(ray.cluster_resources().get("CPU", 0)))
            return RayPool(job, self, count, own)
        except BaseException:
            if own:
                ray.shutdown()
            raise


    def _count(self, processors: int) -> int:
        """How many workers. SearchError where Ray would wait for processors that the cluster does not have."""
        count = self.workers or max(1, processors // self.threads)
        if count * self.threads > processors:
            raise SearchError(
                f"executor ray: {count} workers of {self.threads} threads need {count * self.threads} processors, and "
                f"the cluster has {processors}; ask for fewer, or add machines first"
            )
        return count


class Evaluating:
    """The actor: a pool of one process."""

    def __init__(self, job: Job, settings: Processes) -> None:
        self._job, self._settings = job, settings
        self._pool: Pool | None = None

    def metrics(self) -> tuple[Objective, ...] | GossamerError:
        """Starts the job. What is the input's fault comes back as a value: Ray would wrap it."""
        try:
            self._pool = self._settings.start(self._job)
        except GossamerError as error:
            return error
        return self._pool.metrics

    def evaluate(self, place: int, genome: Genomes, name: str) -> Outcome | GossamerError:
        try:
            if self._pool is None:
                self._pool = self._settings.start(self._job)
            found = next(iter(self._pool.stream([(place, genome)])))
        except GossamerError as error:
            return error
        return Outcome(place, found.values, found.seconds, name, found.failure)


@dataclass
class _Task:
    """A candidate under way. `tries`: how often it may still be lost."""

    place: int
    genome: Genomes
    worker: int
    tries: int


class RayPool(Pool):
    """See Ray."""

    def __init__(self, job: Job, settings: Ray, count: int, own: bool) -> None:
        import ray

        self._ray, self._own, self._settings = ray, own, settings
        self._job = ray.put(job)
        self._actors = [self._actor() for _ in range(count)]
        self._metrics: tuple[Objective, ...] = self._value(self._actors[0].metrics.remote())

    @property
    def metrics(self) -> tuple[Objective, ...]:
        return self._metrics

    @property
    def workers(self) -> int:
        return len(self._actors)

    def stream(self, tasks: Iterable[tuple[int, Genomes]]) -> Iterator[Outcome]:
        source, free = iter(tasks), list(range(len(self._actors)))
        pending: dict[Any, _Task] = {}
        try:
            while self._feed(source, free, pending):
                (reference, *_), _ = self._ray.wait(list(pending))
                yield from self._after(pending.pop(reference), reference, free, pending)
        finally:
            for task in pending.values():
                self._replace(task.worker)

    def close(self) -> None:
        for actor in self._actors:
            self._kill(actor)
        self._actors = []
        if self._own and self._ray.is_initialized():
            self._ray.shutdown()
        self._own = False

    def _feed(self, source: Iterator[tuple[int, Genomes]], free: list[int], pending: dict[Any, _Task]) -> bool:
        """Tasks to the workers that are free; whether any is under way."""
        while free:
            place, genome = next(source, (None, None))
            if place is None or genome is None:
                break
            self._begin(_Task(place, genome, free.pop(0), RETRIES), pending)
        return bool(pending)

    def _begin(self, task: _Task, pending: dict[Any, _Task]) -> None:
        reference = self._actors[task.worker].evaluate.remote(task.place, task.genome, f"ray {task.worker + 1}")
        pending[reference] = task

    def _after(
        self, task: _Task, reference: Any, free: list[int], pending: dict[Any, _Task]
    ) -> Iterator[Outcome]:
        try:
            outcome = self._value(reference)
        except self._ray.exceptions.RayActorError as error:
            self._replace(task.worker)
            if task.tries:
                self._begin(_Task(task.place, task.genome, task.worker, task.tries - 1), pending)
                return
            missing = {item.key: float("nan") for item in self._metrics}
            words = f"its worker was lost, twice ({str(error).splitlines()[0]})"
            outcome = Outcome(task.place, missing, 0.0, f"ray {task.worker + 1}", words)
        free.append(task.worker)
        yield outcome

    def _value(self, reference: Any) -> Any:
        found = self._ray.get(reference)
        if isinstance(found, GossamerError):
            raise found
        return found

    def _actor(self) -> Any:
        remote = self._ray.remote(num_cpus=self._settings.threads, max_restarts=0)(Evaluating)
        return remote.remote(self._job, self._settings.each())

    def _replace(self, worker: int) -> None:
        self._kill(self._actors[worker])
        self._actors[worker] = self._actor()

    def _kill(self, actor: Any) -> None:
        with suppress(Exception):  # it may be dead, or the cluster gone
            self._ray.kill(actor)


def _connect(ray: Any, settings: Ray) -> None:
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    try:
        if settings.address:
            ray.init(address=settings.address, **quiet)
        else:
            ray.init(num_cpus=settings.workers * settings.threads or None, include_dashboard=False, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = settings.address or "this machine"
        raise SearchError(f"executor ray: no cluster at {where} ({str(error).splitlines()[0]})") from None
