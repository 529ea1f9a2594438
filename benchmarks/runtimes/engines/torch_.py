"""torch on the zoo's own modules, with the weights that the ONNX file was written from.

int8 is left out: torch does not read QDQ files, and another way to quantise would be another network.
"""

import os
import time
from dataclasses import dataclass
from typing import Any

from benchmarks.runtimes.engines import Job, Run, Unsupported

FORMATS = ("contiguous_format", "channels_last")
TRIES = 5


@dataclass(frozen=True)
class Eager:
    """Operator by operator, in the memory format that is faster: which one that is depends on the network."""

    def version(self) -> str:
        import torch

        return torch.__version__.split("+")[0]

    def build(self, job: Job) -> None:
        (job.folder / "format").write_text(_faster_format(job))

    def open(self, job: Job) -> Run:
        import torch

        memory_format = getattr(torch, (job.folder / "format").read_text())
        model = _model(job).to(memory_format=memory_format)
        return _inference(lambda x: model(x.contiguous(memory_format=memory_format)))


@dataclass(frozen=True)
class Compiled:
    """torch.compile with the weights frozen into the code: norms folded, weights packed ahead, formats its own."""

    def version(self) -> str:
        return Eager().version()

    def build(self, job: Job) -> None:
        """It compiles when it first runs, and keeps the kernels for another process."""
        import numpy as np

        self.open(job)(np.load(job.model.with_name("input.npy")))

    def open(self, job: Job) -> Run:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(job.folder / "inductor")
        import torch
        from torch._inductor import config

        config.freezing = True
        return _inference(torch.compile(_model(job)))


def _inference(model: Any) -> Run:
    import torch

    def run(x: Any) -> Any:
        with torch.inference_mode():
            return model(torch.from_numpy(x)).numpy()

    return run


def _faster_format(job: Job) -> str:
    """By the fastest of a few runs of each."""
    import numpy as np
    import torch

    x = np.load(job.model.with_name("input.npy"))
    least: dict[str, float] = {}
    for name in FORMATS:
        memory_format = getattr(torch, name)
        model = _model(job).to(memory_format=memory_format)
        run = _inference(lambda x, m=model, f=memory_format: m(x.contiguous(memory_format=f)))
        least[name] = min(_seconds(run, x) for _ in range(TRIES))
    return min(least, key=lambda name: least[name])


def _seconds(run: Run, x: Any) -> float:
    start = time.perf_counter()
    run(x)
    return time.perf_counter() - start


def _model(job: Job) -> Any:
    """The module with its weights; none of the zoo's settling, which takes memory."""
    if job.precision != "fp32":
        raise Unsupported("torch reads no QDQ files")
    if not job.zoo:
        raise Unsupported("only networks of the zoo are torch modules")
    import torch

    from gossamer.frontends import zoo

    torch.set_num_threads(job.threads)
    entry = zoo.ENTRIES[job.zoo]
    with torch.device("meta"):
        model = zoo.maker(entry)(entry.classes, 1.0)
    weights = torch.load(job.model.with_name("weights.pt"), weights_only=True, mmap=True)
    model.load_state_dict(weights, assign=True)
    return model.eval().requires_grad_(False)
