"""The process that measures: a job on standard input, seconds on standard output, both JSON.

Kernels run on zeros: what a multiply-add takes does not depend on its numbers.
"""

import json
import resource
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np

from gossamer.backends.cpu.build import Build, Store
from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.linking import checkable, link, objects_of_runtime
from gossamer.backends.cpu.manifest import LIBRARY
from gossamer.backends.cpu.native import Library, Net
from gossamer.backends.cpu.network import Network, Task, placed_network
from gossamer.backends.cpu.params import write_params
from gossamer.backends.cpu.tensors import Action
from gossamer.ir.graph import Array, Module, Params
from gossamer.ir.ops.structure import Param
from gossamer.ir.parse import parse_module

QUANTILE = 0.25
"""Of the runs of a trial: other work on the machine only ever makes them longer."""

LEAST_RUNS, MOST_RUNS, SECONDS = 7, 60, 2.0
"""Whole runs over all trials: as many as fit in the time."""


def main() -> None:
    job = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (job["memory_bytes"], job["memory_bytes"]))
    json.dump({"seconds": timed(job["variants"])}, sys.stdout)


def timed(variants: Sequence[Mapping[str, Any]]) -> list[float]:
    """Seconds of every trial. A variant: a module's text, and the results whose statements are timed."""
    store, actions, builds = Store(), list[Action](), list[Build]()
    tags = 0
    for variant in variants:
        build = Build(_with_zeros(parse_module(variant["text"])), _hardware(variant["text"]), store)
        builds.append(build)
        nodes = {node.result.name: node for node in build.nodes}
        for name in variant["results"]:
            actions += build.actions_of(nodes[name], tags)
            tags += 1
    with TemporaryDirectory(prefix="gossamer-") as folder:
        return _built_and_timed(builds[0], store, actions, tags, Path(folder))


def _built_and_timed(build: Build, store: Store, actions: Sequence[Action], tags: int, place: Path) -> list[float]:
    from gossamer.backends.cpu.target import build_objects, cpu_of
    from gossamer.codegen.tvm.adapter import instructions

    objects, functions = build_objects(store.kernels, build.hardware, place)
    tasks = {name: Task(f.tasks, f.scratch_bytes, f.serial) for name, f in functions.items()}
    cpu = cpu_of(build.hardware)
    network = placed_network(
        (), (), store.buffers, store.intervals(), tuple(actions), tasks, build.hardware.cores, cpu,
        checkable(instructions(cpu)),
    )  # fmt: skip
    link(place, network, (*objects, *objects_of_runtime(place)))
    library = Library(place / LIBRARY)
    write_params(place, network, {}, library)
    net = Net(library, place)
    try:
        return _seconds(net, network, tags)
    finally:
        net.close()


def _seconds(net: Net, network: Network, tags: int) -> list[float]:
    owner = np.array([row.layer for row in network.rows()])
    first = net.run([], [], timed=True).sum()
    runs = int(np.clip(SECONDS / max(first, 1e-9), LEAST_RUNS, MOST_RUNS))
    spent = np.stack([net.run([], [], timed=True) for _ in range(runs)])
    return [float(np.quantile(spent[:, owner == tag].sum(axis=1), QUANTILE)) for tag in range(tags)]


def _with_zeros(module: Module) -> Module:
    """The module with parameters of zeros, which take no memory."""
    nodes = module.graph.nodes
    zeros: dict[str, Array] = {
        n.op.ref: np.broadcast_to(np.zeros((), n.op.type.dtype.numpy), n.op.type.shape)
        for n in nodes
        if isinstance(n.op, Param)
    }
    return Module(module.name, module.graph, Params(zeros), module.hardware)


def _hardware(text: str) -> CpuHardware:
    return cast(CpuHardware, parse_module(text).hardware)


if __name__ == "__main__":
    main()
