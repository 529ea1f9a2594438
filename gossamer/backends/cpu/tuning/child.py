"""The process that measures: a job on standard input, seconds on standard output, both JSON.

Kernels are timed on zeros: what a multiply-add takes does not depend on its numbers. What they compute is seen
on random numbers before that (`check.py`); a trial that is wrong has null for its seconds.
"""

import json
import resource
import signal
import sys
from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from gossamer.backends.cpu.build import Build, Store
from gossamer.backends.cpu.hardware import CpuHardware
from gossamer.backends.cpu.linking import checkable, link, objects_of_runtime
from gossamer.backends.cpu.manifest import LIBRARY
from gossamer.backends.cpu.native import Library, Net
from gossamer.backends.cpu.network import Network, placed_network
from gossamer.backends.cpu.params import write_params
from gossamer.backends.cpu.tensors import Action
from gossamer.backends.cpu.tuning.check import TrialNode, with_numbers, wrong_trials
from gossamer.ir.parse import parse_module

QUANTILE = 0.25
"""Of the runs of a trial: other work on the machine only ever makes them longer."""

LEAST_RUNS, MOST_RUNS, SECONDS = 7, 60, 2.0
"""Whole runs over all trials: as many as fit in the time."""


def main() -> None:
    job = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (job["memory_bytes"], job["memory_bytes"]))
    signal.alarm(ceil(job["limit_s"]) + 5)  # whoever started it may be gone by then
    json.dump({"seconds": timed(job["variants"])}, sys.stdout)


def timed(variants: Sequence[Mapping[str, Any]]) -> list[float | None]:
    """Seconds of every trial; None where it computes something else than the first of its layer.

    A variant: a module's text, and the results whose statements are timed.
    """
    store, actions, trials = Store(), list[Action](), list[TrialNode]()
    for variant in variants:
        module = parse_module(variant["text"])
        hardware = module.hardware
        assert isinstance(hardware, CpuHardware)
        build = Build(with_numbers(module), hardware, store)
        nodes = {node.result.name: node for node in build.nodes}
        for name in variant["results"]:
            actions += build.actions_of(nodes[name], len(trials))
            trials.append(TrialNode(build, nodes[name]))
    with TemporaryDirectory(prefix="gossamer-") as folder:
        return _built_and_timed(trials, store, actions, Path(folder))


def _built_and_timed(
    trials: Sequence[TrialNode], store: Store, actions: Sequence[Action], place: Path
) -> list[float | None]:
    from gossamer.backends.cpu.kernels import compiled_kernels
    from gossamer.backends.cpu.target import cpu_of
    from gossamer.codegen.tvm.adapter import instructions

    hardware = trials[0].build.hardware
    objects, tasks = compiled_kernels(store.kernels, hardware, place)
    cpu, linked = cpu_of(hardware), (*objects, *objects_of_runtime(place))
    network = placed_network(
        (), (), store.buffers, store.intervals(), tuple(actions), tasks, hardware.cores, cpu,
        checkable(instructions(cpu)),
    )  # fmt: skip
    wrong = wrong_trials(trials, store, network, linked, place)
    link(place, network, linked)
    library = Library(place / LIBRARY)
    write_params(place, network, {}, library)
    net = Net(library, place)
    try:
        seconds = _seconds(net, network, len(trials))
        return [None if tag in wrong else s for tag, s in enumerate(seconds)]
    finally:
        net.close()


def _seconds(net: Net, network: Network, tags: int) -> list[float]:
    owner = np.array([row.layer for row in network.rows()])
    first = net.run([], [], timed=True).sum()
    runs = int(np.clip(SECONDS / max(first, 1e-9), LEAST_RUNS, MOST_RUNS))
    spent = np.stack([net.run([], [], timed=True) for _ in range(runs)])
    return [float(np.quantile(spent[:, owner == tag].sum(axis=1), QUANTILE)) for tag in range(tags)]


if __name__ == "__main__":
    main()
