"""The peer that `gossamer run --check` measures against: onnxruntime on the same model, inputs and threads."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from gossamer.ir.errors import BackendError

if TYPE_CHECKING:
    from gossamer.ir.graph import Array


@dataclass(frozen=True)
class Peer:
    """What onnxruntime answered and how long it took."""

    outputs: "dict[str, Array]"
    latency_s: float
    version: str


def threads() -> int:
    """Threads of everything that computes: `GOSSAMER_THREADS`, or two where there are two."""
    return int(os.environ.get("GOSSAMER_THREADS", min(2, os.cpu_count() or 1)))


def run_peer(model: Path, inputs: "Mapping[str, Array]") -> Peer:
    """Run a model by onnxruntime. Raises BackendError when it is not installed or cannot run the model."""
    try:
        import onnxruntime
    except ImportError:
        raise BackendError(
            "--check compares with onnxruntime, which is not installed: pip install 'gossamer[cpu]'"
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        feed = {item.name: inputs[item.name] for item in session.get_inputs()}
        found = cast("list[Array]", session.run(None, feed))
    except Exception as error:  # onnxruntime raises its own classes, straight from Exception
        raise BackendError(f"{model}: onnxruntime cannot run it ({str(error).splitlines()[0]})") from error
    latency_s = median_seconds(lambda: session.run(None, feed))
    return Peer(
        {item.name: value for item, value in zip(session.get_outputs(), found)}, latency_s, onnxruntime.__version__
    )


def median_seconds(call: Callable[[], object], budget_s: float = 1.0) -> float:
    """Median over as many calls as fit in about a second, five at least, after two to warm up."""
    for _ in range(2):
        call()
    times: list[float] = []
    end = time.perf_counter() + budget_s
    while len(times) < 5 or (time.perf_counter() < end and len(times) < 1000):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]
