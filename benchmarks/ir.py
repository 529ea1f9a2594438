"""Speed of the IR: building, printing, parsing, verifying and rewriting ResNet-18 and ResNet-50 (with batch norms), and
importing ResNet-50 from an ONNX file of 100 MB.

    python benchmarks/ir.py [--json]

Times are the best of several runs on one thread; parameters are zeros and are not read while timing. The import is that
of a fresh process, its memory the largest that the process had resident, less what it had before.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from time import perf_counter

import numpy as np

from gossamer.ir.build import GraphBuilder
from gossamer.ir.graph import Module, Params
from gossamer.ir.ops import Add, BatchNorm, Conv2d, Gemm, MaxPool2d, Param, ReduceMean, Relu
from gossamer.ir.text import parse_module, print_module
from gossamer.ir.types import F32, TensorType, Value
from gossamer.ir.verify import verify
from gossamer.passes.pipeline import parse_pipeline

GRAPH_PASSES = ("fold-constants", "simplify", "fold-bn", "dce", "fuse", "winograd")
BUILD_MS, PASSES_MS, TEXT_MS = 1.0, 20.0, 100.0
IMPORT_S, IMPORT_SIZES = 1.5, 2.5

IMPORT = """
import json, os, resource, sys, time
import gossamer.frontends.onnx.importer
from gossamer.frontends import load
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before, start = peak(), time.perf_counter()
module = load(sys.argv[1])
seconds, size = time.perf_counter() - start, os.path.getsize(sys.argv[1])
print(json.dumps({"file_mb": size / 1e6, "import_s": seconds, "peak_in_file_sizes": (peak() - before) / size}))
"""


class ResNet:
    """Builds a residual network; `deep` has bottleneck blocks (ResNet-50), else basic ones (ResNet-18)."""

    def __init__(self, deep: bool) -> None:
        self.b = GraphBuilder()
        self.deep = deep

    def build(self) -> Module:
        x = self.b.input("image", TensorType(F32, (1, 3, 224, 224)))
        x = self.b.add(MaxPool2d(self.conv("stem", x, 64, 7, 2), (3, 3), (2, 2), (1, 1, 1, 1)))
        for stage, count in enumerate((3, 4, 6, 3) if self.deep else (2, 2, 2, 2)):
            for i in range(count):
                x = self.block(f"stage{stage}.{i}", x, 64 << stage, 2 if stage and not i else 1)
        x = self.b.add(ReduceMean(x, (2, 3), keepdims=False))
        weight, bias = self.param("fc.weight", (1000, x.shape[1])), self.param("fc.bias", (1000,))
        y = self.b.add(Gemm(x, weight, bias, transpose_b=True), "logits", label="fc")
        return Module("resnet50" if self.deep else "resnet18", self.b.finish((y,)))

    def block(self, name: str, x: Value, channels: int, stride: int) -> Value:
        if self.deep:
            y = self.conv(f"{name}.1", x, channels, 1)
            y = self.conv(f"{name}.2", y, channels, 3, stride)
            y = self.conv(f"{name}.3", y, 4 * channels, 1, relu=False)
        else:
            y = self.conv(f"{name}.1", x, channels, 3, stride)
            y = self.conv(f"{name}.2", y, channels, 3, relu=False)
        shortcut = x if x.shape == y.shape else self.conv(f"{name}.down", x, y.shape[1], 1, stride, relu=False)
        return self.b.add(Relu(self.b.add(Add(y, shortcut))))

    def conv(self, name: str, x: Value, oc: int, k: int, stride: int = 1, relu: bool = True) -> Value:
        weight = self.param(f"{name}.weight", (oc, x.shape[1], k, k))
        y = self.b.add(Conv2d(x, weight, strides=(stride, stride), pads=(k // 2,) * 4), label=name)
        norm = [self.param(f"{name}.bn.{part}", (oc,)) for part in ("scale", "bias", "mean", "variance")]
        y = self.b.add(BatchNorm(y, *norm), label=f"{name}.bn")
        return self.b.add(Relu(y)) if relu else y

    def param(self, ref: str, shape: tuple[int, ...]) -> Value:
        return self.b.add(Param(ref, parameter_type(shape)), ref)


@cache
def parameter_type(shape: tuple[int, ...]) -> TensorType:
    """Types of parameters are ready when a network is built: its source has them."""
    return TensorType(F32, shape)


def with_params(module: Module) -> Module:
    """The module with zeros for parameters, made when asked for."""
    types = {node.op.ref: node.op.type for node in module.graph.nodes if isinstance(node.op, Param)}
    sources = {ref: lambda shape=type.shape: np.zeros(shape, np.float32) for ref, type in types.items()}
    return Module(module.name, module.graph, Params(sources))


def best_ms(work: Callable[[], object], seconds: float = 0.5) -> float:
    """The shortest of as many runs as fit into the time, at least three."""
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return min(times) * 1e3


def measure(deep: bool) -> dict[str, float]:
    """Milliseconds of each step."""
    module = with_params(ResNet(deep).build())
    text = print_module(module)
    found = {
        "build": best_ms(lambda: ResNet(deep).build()),
        "print": best_ms(lambda: print_module(module)),
        "parse": best_ms(lambda: parse_module(text)),
        "verify": best_ms(lambda: verify(module)),
    }
    for item in parse_pipeline(",".join(GRAPH_PASSES)):
        found[item.name] = best_ms(lambda: item.run(module))  # noqa: B023 - called before the loop goes on
        module = item.run(module)
    return found | {"all graph passes": sum(found[name] for name in GRAPH_PASSES)}


def measure_import() -> dict[str, float]:
    """Size of the file, shortest of three imports in seconds, and the most memory one of them took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "resnet50.onnx"
        subprocess.run([sys.executable, "-m", "gossamer.frontends.zoo", "resnet50", "-o", path], check=True, stdout=2)
        command = [sys.executable, "-c", IMPORT, str(path)]
        runs = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(3)]
    return {
        "file_mb": runs[0]["file_mb"],
        "import_s": min(run["import_s"] for run in runs),
        "peak_in_file_sizes": max(run["peak_in_file_sizes"] for run in runs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    found = {name: measure(deep) for name, deep in (("resnet18", False), ("resnet50", True))}
    imported = measure_import()
    if parser.parse_args().json:
        targets = {"build": BUILD_MS, "all graph passes": PASSES_MS, "print and parse": TEXT_MS}
        print(json.dumps({"times_ms": found, "targets_ms": targets, "onnx": imported}))
        return
    print(f"{'ms':<20}{'ResNet-18':>12}{'ResNet-50':>12}")
    for step in found["resnet18"]:
        print(f"{step:<20}{found['resnet18'][step]:>12.2f}{found['resnet50'][step]:>12.2f}")
    small, deep = found["resnet18"], found["resnet50"]
    print(f"ResNet-18: build {small['build']:.2f} ms (target < {BUILD_MS:g}), ", end="")
    print(f"all graph passes {small['all graph passes']:.1f} ms (target < {PASSES_MS:g})")
    print(f"ResNet-50: print + parse {deep['print'] + deep['parse']:.1f} ms (target < {TEXT_MS:g})")
    size, seconds, peak = imported["file_mb"], imported["import_s"], imported["peak_in_file_sizes"]
    print(f"ResNet-50: ONNX of {size:.0f} MB in {seconds:.2f} s (target < {IMPORT_S:g}), ", end="")
    print(f"{peak:.2f} times its size in memory (target < {IMPORT_SIZES:g})")


if __name__ == "__main__":
    main()
