"""Gossamer: compiled to a folder; what runs loads the folder."""

import os
from dataclasses import dataclass
from typing import Any

from benchmarks.runtimes.engines import Job, Run


@dataclass(frozen=True)
class Gossamer:
    """As `gossamer compile --tune-db off` does it: nothing that was measured before is known."""

    def version(self) -> str:
        import gossamer as gs

        return gs.__version__

    def build(self, job: Job) -> None:
        os.environ["GOSSAMER_KERNELS"] = "off"  # the time of a first compile
        self._compile(job, tune_db="off")

    def open(self, job: Job) -> Run:
        import gossamer as gs

        artifact: Any = gs.load_artifact(job.folder / "artifact")
        name = artifact.inputs[0].name

        def run(x: Any) -> Any:
            (y,) = artifact.run({name: x}).values()
            return y

        return run

    @staticmethod
    def _compile(job: Job, **options: Any) -> None:
        import gossamer as gs

        module = gs.load(job.model)
        gs.compile(module, "cpu", hardware={"cores": job.threads}, **options).save(job.folder / "artifact")


@dataclass(frozen=True)
class Tuned(Gossamer):
    """As `gossamer compile --tune` does it."""

    def build(self, job: Job) -> None:
        self._compile(job, tune_s=job.tune_s, tune_db=job.folder / "tuning.sqlite")
