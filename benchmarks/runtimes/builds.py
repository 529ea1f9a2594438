"""What other runtimes made of a network, kept from one run of the benchmark to the next in the folder of --work.

Gossamer is built anew every time, since it is what changes. A build is used again while the model, the runtime's
version, its file here and the number of threads are the same; its seconds are those it took then.
"""

import hashlib
import json
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.runtimes.engines import DISTRIBUTIONS, Job, source

FILE = "built.json"


@dataclass(frozen=True)
class Build:
    """The folder of one engine on one network."""

    folder: Path
    key: str

    def kept(self) -> dict[str, Any] | None:
        """What the build answered when it was made, where it still holds."""
        try:
            data = json.loads((self.folder / FILE).read_text())
        except (OSError, ValueError):
            return None
        return data["answer"] if self.key and data.get("key") == self.key else None

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def keep(self, answer: dict[str, Any]) -> None:
        (self.folder / FILE).write_text(json.dumps({"key": self.key, "answer": answer}))


def build_of(engine: str, job: Job) -> Build:
    """The key is empty for what is never kept."""
    if engine not in DISTRIBUTIONS:
        return Build(job.folder, "")
    try:
        installed = version(DISTRIBUTIONS[engine])
    except PackageNotFoundError:
        return Build(job.folder, "")
    digest = hashlib.sha256(job.model.read_bytes() + source(engine).read_bytes())
    return Build(job.folder, f"{engine} {installed} {job.threads} {digest.hexdigest()}")
