"""A returned network compiled for the machine at hand, in a process of its own with a time and a memory limit.

    python -m gossamer.search.host network.ir params.npz OUT

The compiler's memory and its crashes stay outside the search: a failure is a sentence in the design's notes.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from gossamer.ir.errors import GossamerError
from gossamer.ir.graph import Module, Params
from gossamer.search.threads import threads

TIME_LIMIT_S = 120.0
MEMORY_LIMIT_BYTES = 12 << 30


def compile_for_host(module: Module, folder: Path, time_limit_s: float = TIME_LIMIT_S) -> str:
    """Write the artifact of target `cpu` into `folder`; "" when done, else why not."""
    with tempfile.TemporaryDirectory() as work:
        text, params = Path(work, "network.ir"), Path(work, "params.npz")
        text.write_text(str(module), encoding="utf-8")
        np.savez(params, **{name: np.asarray(array) for name, array in module.params.items()})  # type: ignore[arg-type]
        command = [sys.executable, "-m", "gossamer.search.host", str(text), str(params), str(folder)]
        environment = os.environ | {"TVM_NUM_THREADS": str(threads())}
        try:
            done = subprocess.run(
                command,
                env=environment,
                capture_output=True,
                text=True,
                timeout=time_limit_s,
                preexec_fn=_limit_memory,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"not compiled for the host: took more than {time_limit_s:.0f} s"
    if done.returncode == 0:
        return ""
    said = [line for line in done.stderr.strip().splitlines() if line.strip()]
    reason = said[-1].strip() if said else f"the compiler stopped with code {done.returncode}"
    return f"not compiled for the host: {reason}"


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))


def main(text: str, params: str, folder: str) -> int:
    """What runs in the process. The parent reads the last line of stderr."""
    from gossamer.backends.base import Infeasible
    from gossamer.ir.registry import BACKENDS
    from gossamer.ir.text import parse_module
    from gossamer.passes.pipeline import run_pipeline

    try:
        with np.load(params, allow_pickle=False) as stored:
            module = parse_module(
                Path(text).read_text(encoding="utf-8"), Params({name: stored[name] for name in stored.files})
            )
        artifact = BACKENDS.load("cpu").compile(run_pipeline(module, "tile{target=cpu}"))
        if isinstance(artifact, Infeasible):
            raise GossamerError(str(artifact))
        artifact.save(folder)
    except GossamerError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
