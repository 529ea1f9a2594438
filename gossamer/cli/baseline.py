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
    """onnxruntime with a model loaded."""

    version: str
    run: "Callable[[Mapping[str, Array]], dict[str, Array]]"


def threads() -> int:
    """Threads of everything that computes: `GOSSAMER_THREADS`, or two where there are two."""
    return int(os.environ.get("GOSSAMER_THREADS", min(2, os.cpu_count() or 1)))


def load_peer(model: Path) -> Peer:
    """The model in onnxruntime. Raises BackendError when that is not installed or cannot load it."""
    try:
        import onnxruntime
    except ImportError:
        need = "--check compares with onnxruntime, which is not installed: pip install 'gossamer[cpu]'"
        raise BackendError(need) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own classes, straight from Exception
        raise BackendError(f"{model}: onnxruntime cannot load it ({str(error).splitlines()[0]})") from error
    inputs = [item.name for item in session.get_inputs()]
    outputs = [item.name for item in session.get_outputs()]

    def run(given: "Mapping[str, Array]") -> "dict[str, Array]":
        found = cast("list[Array]", session.run(outputs, {name: given[name] for name in inputs}))
        return dict(zip(outputs, found))

    return Peer(onnxruntime.__version__, run)


def median_seconds(*calls: Callable[[], object], budget_s: float = 2.0) -> list[float]:
    """The median of each, called in turns so that all meet the same weather; at least five rounds, two to warm up."""
    for call in calls * 2:
        call()
    times: list[list[float]] = [[] for _ in calls]
    end = time.perf_counter() + budget_s
    while len(times[0]) < 5 or (time.perf_counter() < end and len(times[0]) < 1000):
        for call, own in zip(calls, times):
            start = time.perf_counter()
            call()
            own.append(time.perf_counter() - start)
    return [sorted(own)[len(own) // 2] for own in times]
