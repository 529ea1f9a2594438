"""Gossamer's CPU backend against onnxruntime: the same ONNX file, the same threads, the same process.

    python benchmarks/cpu.py                             # ResNet-18 and MobileNetV2 of the zoo
    python benchmarks/cpu.py my.onnx --winograd 4 --runs 50 --json

Runs are taken in turns, in blocks behind a rest that lets the other engine's threads go to sleep; what counts is the
ratio of medians (below 1: Gossamer is faster). Absolute times on a busy machine mean little.
"""

import argparse
import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gossamer.cli.baseline import seconds_in_turns


@dataclass(frozen=True)
class Result:
    """Medians over the runs; `error`: largest difference over the largest output; `predicted_ms`: by the roofline."""

    model: str
    threads: int
    runs: int
    gossamer_ms: float
    onnxruntime_ms: float
    ratio: float
    ratio_of_fastest: float
    predicted_ms: float
    compile_s: float
    error: float


def compare(path: Path, threads: int, runs: int, winograd: int) -> Result:
    """Compile the file, check it, time both in turns."""
    import onnxruntime

    import gossamer as gs

    module = gs.load(path)
    passes = "simplify,fold-bn,fuse,dce" + (f",winograd{{m={winograd}}}" if winograd else "") + ",tile{target=cpu}"
    start = time.perf_counter()
    artifact: Any = gs.compile(module, target="cpu", passes=passes, hardware={"cores": threads})
    compile_s = time.perf_counter() - start
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    inputs = {v.name: random.standard_normal(v.shape).astype(v.dtype.numpy) for v in module.graph.inputs}
    found, wanted = artifact.run(inputs), session.run(None, inputs)
    error = max(_error(found[o.name], w) for o, w in zip(session.get_outputs(), wanted))
    turns = seconds_in_turns(lambda: artifact.run(inputs), lambda: session.run(None, inputs), runs=runs)
    ours, theirs = (np.array(own) for own in turns)
    predicted = sum(layer.predicted_s or 0.0 for layer in artifact.layers)
    return Result(
        path.stem, threads, runs, np.median(ours) * 1e3, np.median(theirs) * 1e3,
        float(np.median(ours) / np.median(theirs)), float(ours.min() / theirs.min()), predicted * 1e3, compile_s, error,
    )  # fmt: skip


def _error(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    return float(np.abs(found - wanted).max() / max(np.abs(wanted).max(), 1e-12))


def _zoo(folder: Path) -> list[Path]:
    """ResNet-18 and MobileNetV2, written anew."""
    import subprocess
    import sys

    paths = [folder / f"{name}.onnx" for name in ("resnet18", "mobilenet_v2")]
    for path in paths:
        subprocess.run(
            [sys.executable, "-m", "gossamer.frontends.zoo", path.stem, "-o", str(path)], check=True, stdout=2
        )
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="*", type=Path, help="ONNX files (default: two networks of the zoo)")
    parser.add_argument("--threads", type=int, default=int(os.environ.get("GOSSAMER_THREADS", 2)))
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--winograd", type=int, default=0, metavar="M", help="use F(M x M, r x r) where it fits")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = given.models or _zoo(Path(folder))
        results = [compare(path, given.threads, given.runs, given.winograd) for path in paths]
    if given.json:
        print(json.dumps([asdict(r) for r in results], indent=1))
        return
    print(
        f"{'model':16} {'gossamer':>10} {'onnxruntime':>12} {'ratio':>6} {'fastest':>8} {'predicted':>10} {'error':>8}"
    )
    for r in results:
        print(
            f"{r.model:16} {r.gossamer_ms:7.2f} ms {r.onnxruntime_ms:9.2f} ms {r.ratio:6.2f} {r.ratio_of_fastest:8.2f} "
            f"{r.predicted_ms:7.2f} ms {r.error:8.1e}"
        )


if __name__ == "__main__":
    main()
