"""torch on the zoo's own modules, with the weights that the ONNX file was written from.

int8 is left out: torch does not read QDQ files, and another way to quantise would be another network.
"""

import os
from dataclasses import dataclass
from typing import Any

from benchmarks.runtimes.engines import Job, Run, Unsupported


@dataclass(frozen=True)
class Eager:
    """Operator by operator, in the memory format that torch recommends for images."""

    def version(self) -> str:
        import torch

        return torch.__version__.split("+")[0]

    def build(self, job: Job) -> None:
        """Nothing to ship but the weights."""

    def open(self, job: Job) -> Run:
        import torch

        model = self.prepare(_model(job))

        def run(x: Any) -> Any:
            with torch.inference_mode():
                return model(torch.from_numpy(x)).numpy()

        return run

    def prepare(self, model: Any) -> Any:
        return model


@dataclass(frozen=True)
class Compiled(Eager):
    """torch.compile with the weights frozen into the code: norms folded, weights packed ahead."""

    def prepare(self, model: Any) -> Any:
        import torch
        from torch._inductor import config

        config.freezing = True
        return torch.compile(model)

    def open(self, job: Job) -> Run:
        # nothing of an earlier run: the seconds of compilation are reported
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(job.folder / "inductor")
        return super().open(job)


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
