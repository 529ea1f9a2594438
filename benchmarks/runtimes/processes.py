"""The driver's end of a worker: a process that is started, asked, stopped while others work, and ended in time.

A worker that is not its turn is stopped (SIGSTOP), all its threads with it, so that no engine's habit of spinning
after a run takes time from the next one. Whatever goes wrong is an EngineError with one line for the table.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.runtimes.engines import Job

ROOT = Path(__file__).parents[2]


class EngineError(Exception):
    """The engine could not do it; the message says why."""


class Worker:
    """One process. Commands go in as lines, answers come out as lines."""

    def __init__(self, engine: str, stage: str, job: Job, files: dict[str, Path], cores: Sequence[int]) -> None:
        request = {"engine": engine, "stage": stage, "job": asdict(job), "cores": list(cores),
                   "driver": os.getpid(), **files}  # fmt: skip
        self._log = (job.folder / f"{stage}.log").open("w+b")
        threads = str(job.threads)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.runtimes.worker", json.dumps(request, default=str)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, cwd=ROOT, start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": threads, "GOSSAMER_THREADS": threads},
        )  # fmt: skip
        self._unread = b""

    def answer(self, limit_s: float) -> dict[str, Any]:
        """The next line. Raises EngineError: the worker said so, died, or took longer."""
        line = self._line(time.monotonic() + limit_s)
        if line is None:
            raise EngineError(f"no answer within {limit_s:.0f} s")
        if not line:
            raise EngineError(self._last_words())
        data = json.loads(line)
        if "error" in data:
            unsupported = data["kind"] == "Unsupported"
            raise EngineError(data["error"].removeprefix("Unsupported: ") if unsupported else data["error"])
        return data

    def ask(self, limit_s: float, **command: Any) -> dict[str, Any]:
        """Wake it, let it do something, stop it again."""
        self._signal(signal.SIGCONT)
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise EngineError(self._last_words()) from None
        found = self.answer(limit_s)
        self.rest()
        return found

    def rest(self) -> None:
        self._signal(signal.SIGSTOP)

    def close(self) -> None:
        """All its processes: compilers start some of their own."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            stream.close()  # type: ignore[union-attr]

    def _line(self, end: float) -> bytes | None:
        """b"" at the end of the stream, None when the time is over."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not selector.select(max(0.0, end - time.monotonic())):
                    return None
                more = os.read(self._process.stdout.fileno(), 1 << 20)
                if not more:
                    return b""
                self._unread += more
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _last_words(self) -> str:
        code = self._process.wait()
        self._log.seek(0)
        lines = [line.strip() for line in self._log.read().decode(errors="replace").splitlines() if line.strip()]
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        return f"{how}: {lines[-1]}" if lines else how
