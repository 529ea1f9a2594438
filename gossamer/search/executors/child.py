"""One worker process as its pool sees it: started, given a task, watched, killed."""

import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from gossamer.search.choices import Genomes
from gossamer.search.executors.messages import Begin, Task

_PROGRAM = "from gossamer.search.executors.worker import main; main()"
_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "GOSSAMER_THREADS")


class Child:
    """`name`: of the worker; `place`: of the task it has, None while it has none; `ready`: its job has been started."""

    def __init__(self, name: str, job: bytes, threads: int) -> None:
        self.name, self.ready = name, False
        self.place: int | None = None
        self.since = 0.0
        ours, theirs = socket.socketpair()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as the worker lives
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                env=_environment(threads),
                start_new_session=True,  # Ctrl-C is for the search, which then closes its workers
            )
        self.connection = Connection(ours.detach())
        with suppress(BrokenPipeError):
            self.connection.send(Begin(tuple(sys.path), job, threads))

    def give(self, place: int, genome: Genomes) -> None:
        """Begin a task. A worker that is dead by now is found out when its answer is read."""
        self.place, self.since = place, time.monotonic()
        with suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(Task(genome))

    def answer(self) -> Any:
        """The next message; None where the worker is dead."""
        try:
            return self.connection.recv()
        except (EOFError, ConnectionResetError, pickle.UnpicklingError):
            return None

    def seconds(self) -> float:
        """How long it has had its task."""
        return time.monotonic() - self.since

    def memory_bytes(self) -> int:
        """What it holds; 0 where the system does not say."""
        try:
            pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        except (OSError, IndexError, ValueError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    def end(self) -> None:
        """Kill it, at once."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        self.connection.close()

    def last_words(self) -> str:
        """How a dead worker died, and the last line it wrote."""
        code = self._process.wait()
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        self._said.seek(0)
        lines = self._said.read()[-2000:].decode(errors="replace").strip().splitlines()
        return f"{how}: {lines[-1].strip()}" if lines else how


def _environment(threads: int) -> dict[str, str]:
    own = {"OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return {**os.environ, **{name: str(threads) for name in _VARIABLES}, **own}
