"""The peer that `gossamer run --check` measures against: onnxruntime on the same model, inputs and threads.

A network that came as something else than ONNX is compared with what the IR says it means, which is no matter of speed.
"""

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from gossamer.ir.errors import BackendError

if TYPE_CHECKING:
    from gossamer.ir.graph import Array

BLOCK = 10
REST_S = 0.05


@dataclass(frozen=True)
class Peer:
    """Something else that runs the same network. `timed`: is its speed worth a comparison?"""

    name: str
    run: "Callable[[Mapping[str, Array]], Mapping[str, Array]]"
    timed: bool = True


def load_peer(model: Path, threads: int | None = None) -> Peer:
    """The model in onnxruntime, on so many threads, by default as a search takes: GOSSAMER_THREADS or two.

    Raises BackendError when that is not installed or cannot load it."""
    from gossamer.search.threads import threads as usual

    try:
        import onnxruntime
    except ImportError:
        need = "--check compares with onnxruntime, which is not installed: pip install 'gossamer[cpu]'"
        raise BackendError(need) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or usual()
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

    return Peer(f"onnxruntime {onnxruntime.__version__}", run)


def reference_peer(text: Path) -> Peer:
    """The network in a file of IR text, evaluated by definition. Raises FrontendError when it cannot be read."""
    from gossamer.frontends.text import load_text
    from gossamer.ir.reference import evaluate

    module = load_text(text)
    return Peer("the IR's reference", lambda inputs: evaluate(module, inputs), timed=False)


def seconds_in_turns(*calls: Callable[[], object], runs: int, budget_s: float = math.inf) -> list[list[float]]:
    """Seconds of at least BLOCK runs of each, `runs` where the budget allows, in turns so that all meet like weather.

    A turn is a block of runs behind a rest and two runs to warm up: after a run an engine's threads spin for a while,
    and single runs in turns were measured to make both engines up to three times slower than they are alone.
    """
    times: list[list[float]] = [[] for _ in calls]
    end = time.perf_counter() + budget_s
    while not times[0] or (time.perf_counter() < end and len(times[0]) < runs):
        for call, own in zip(calls, times):
            time.sleep(REST_S)
            block = [_seconds(call) for _ in range(BLOCK + 2)]
            own.extend(block[2:])
    return times


def median_seconds(*calls: Callable[[], object], budget_s: float = 2.0) -> list[float]:
    """The median of each, taken in turns."""
    return [statistics.median(own) for own in seconds_in_turns(*calls, runs=1000, budget_s=budget_s)]


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
