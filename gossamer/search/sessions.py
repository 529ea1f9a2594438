"""Who works on a search, and whether they still do.

A session is one process. It is dead when it said so, when its process is gone (seen from the same machine), or when its
beat in the store has stood still for LEASE_S: clocks of different machines are never compared.
"""

import json
import os
import platform
import socket
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Event, Thread
from typing import Any

import gossamer
from gossamer.search.tables import SHARING

LEASE_S = 30.0
BEAT_S = 5.0


@dataclass(frozen=True)
class Session:
    """One process. `host` also tells containers of one machine apart; `process`: its number and when it was born."""

    id: str
    host: str
    process: str
    seed: str
    versions: str
    started_s: float

    @staticmethod
    def new(seed: str) -> "Session":
        process = f"{os.getpid()} {_born(os.getpid())}"
        return Session(uuid.uuid4().hex, _host(), process, seed, json.dumps(versions()), time.time())

    def row(self) -> dict[str, Any]:
        """As the columns of the table `session`."""
        named = {name: getattr(self, name) for name in ("id", "host", "process", "seed", "versions", "started_s")}
        return {**named, "beat": 0, "ended": 0, "standing": SHARING}


@dataclass
class Watch:
    """Tells dead sessions from live ones by what is seen of them over time."""

    lease_s: float = LEASE_S
    _seen: dict[str, tuple[int, float]] = field(default_factory=dict)

    def dead(self, row: Any) -> bool:
        """Of a row of the table `session`."""
        if row.ended or (row.host == _host() and _gone(row.process)):
            return True
        now = time.monotonic()
        beat, since = self._seen.get(row.id, (None, now))
        if beat != row.beat:
            since = now
            self._seen[row.id] = (row.beat, now)
        return now - since > self.lease_s


class Heart:
    """Calls `beat` every BEAT_S until it is stopped. A beat that fails is only missed: the search itself will say what
    is wrong with the store.
    """

    def __init__(self, beat: Callable[[], None]) -> None:
        self._stopped = Event()
        self._beat = beat
        self._thread = Thread(target=self._run, name="gossamer-heart", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.wait(BEAT_S):
            try:
                self._beat()
            except Exception:  # whatever a database may raise: see the class
                continue

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()


def versions() -> dict[str, str]:
    """What else numbers may depend on."""
    found = {"gossamer": gossamer.__version__, "python": platform.python_version(), "machine": platform.machine()}
    for package in ("numpy", "torch", "xgboost", "pymoo"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _gone(process: str) -> bool:
    """Whether a process of this machine, as "number born", is no more; its number may have gone to another."""
    number, _, born = process.partition(" ")
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, ValueError, OverflowError):
        return False
    return born != _born(int(number))


def _born(process: int) -> str:
    """When a process was started, in clock ticks; "" where the system does not say, or it is a zombie."""
    try:
        state, *fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state == "Z" else fields[18]


def _host() -> str:
    """Name, boot and process namespace: processes that can see each other by number have these in common."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts += [Path("/proc/sys/kernel/random/boot_id").read_text().strip(), os.readlink("/proc/self/ns/pid")]
    return " ".join(parts)
