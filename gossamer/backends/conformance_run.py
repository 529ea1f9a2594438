"""Checks of what a backend builds: it compiles, equals the reference, and survives a save and a load."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from gossamer.backends.base import Artifact, Backend, Infeasible
from gossamer.backends.conformance_declare import Broken, complete, need
from gossamer.backends.conformance_nets import SCALE, networks, sample_inputs
from gossamer.ir.errors import BackendError, GossamerError
from gossamer.ir.graph import Array, Module
from gossamer.ir.reference import evaluate

FLOAT_TOLERANCE = 1e-4
"""Of the largest output."""


def compiles(backend: Backend) -> str:
    """Each network gives an artifact or an Infeasible with a reason; at least one gives an artifact."""
    words: list[str] = []
    for module in networks():
        made = backend.compile(module.with_hardware(backend.hardware()))
        if isinstance(made, Infeasible):
            complete(made)
            words.append(f"{module.name} refused ({made})")
        else:
            need(isinstance(made, Artifact), f"{module.name}: compile() gave {type(made).__name__}, needed an Artifact")
            words.append(f"{module.name} compiled")
    need(any(word.endswith("compiled") for word in words), "; ".join(words))
    return "; ".join(words)


def computes(backend: Backend) -> str:
    """Outputs equal the reference: f32 within 1e-4 of the largest, int8 within one step of the last activation."""
    worst = 0.0
    for module, artifact in _built(backend):
        for seed in range(2):
            worst = max(worst, _compare(module, artifact, seed, "compiled"))
    return f"largest difference {worst:.2g}"


def keeps(backend: Backend) -> str:
    """Saved and loaded, it computes the same; its manifest says whose it is."""
    count = 0
    for module, artifact in _built(backend):
        with TemporaryDirectory() as place:
            folder = Path(place) / "artifact"
            artifact.save(folder)
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            need(manifest.get("target") == backend.name, f"manifest.json: target is {manifest.get('target')!r}")
            _compare(module, backend.load(folder), 0, "saved and loaded")
        count += 1
    return f"{count} networks"


def refuses_folders(backend: Backend) -> str:
    """A folder with someone's files is left alone; a folder without an artifact is a BackendError."""
    _, artifact = next(_built(backend))
    with TemporaryDirectory() as place:
        mine = Path(place) / "mine.txt"
        mine.write_text("mine", encoding="utf-8")
        _raises(GossamerError, lambda: artifact.save(Path(place)), "save() into a folder that holds something else")
        need([p.name for p in Path(place).iterdir()] == ["mine.txt"], "save() left files in a folder it refused")
        _raises(BackendError, lambda: backend.load(Path(place)), "load() of a folder without an artifact")
    return "refused, nothing overwritten"


def refuses_inputs(backend: Backend) -> str:
    """A missing, unknown or misshapen input is a GossamerError."""
    module, artifact = next(_built(backend))
    good = sample_inputs(module)
    name = next(iter(good))
    wrong = {
        "a missing input": {},
        "an unknown input": {**good, "no_such_input": good[name]},
        "an input of the wrong shape": {name: good[name][..., :-1]},
    }
    for what, inputs in wrong.items():
        _raises(GossamerError, lambda inputs=inputs: artifact.run(inputs), what)
    return ", ".join(wrong)


def honours_schedules(backend: Backend) -> str:
    """The first and last schedule listed for each node compile, and change no result."""
    used = 0
    for module, _ in _built(backend):
        for pick in (0, -1):
            scheduled, count = _scheduled(backend, module, pick)
            made = backend.compile(scheduled)
            if isinstance(made, Infeasible):
                raise Broken(f"{module.name}: a schedule that schedules() lists does not compile: {made}")
            _compare(module, made, 0, "scheduled")
            used += count
    return f"{used} schedules used"


def _scheduled(backend: Backend, module: Module, pick: int) -> tuple[Module, int]:
    hardware = backend.hardware()
    lists = [backend.schedules(node, hardware) if node.op.name != "ir.param" else () for node in module.graph.nodes]
    nodes = tuple(
        replace(node, schedule=found[pick]) if found else node
        for node, found in zip(module.graph.nodes, lists, strict=True)
    )
    scheduled = module.with_graph(replace(module.graph, nodes=nodes)).with_hardware(hardware)
    return scheduled, sum(bool(found) for found in lists)


def _built(backend: Backend) -> Iterator[tuple[Module, Artifact]]:
    found = 0
    for module in networks():
        made = backend.compile(module.with_hardware(backend.hardware()))
        if not isinstance(made, Infeasible):
            found += 1
            yield module, made
    need(found, "no network compiles")


def _compare(module: Module, artifact: Artifact, seed: int, what: str) -> float:
    """Largest difference from the reference; raises Broken when it is too large."""
    inputs = sample_inputs(module, seed)
    wanted, found = evaluate(module, inputs), artifact.run(inputs)
    need(set(found) == set(wanted), f"{module.name} {what}: outputs {sorted(found)}, needed {sorted(wanted)}")
    return max(_difference(found[name], wanted[name], f"{module.name} {what}, {name}") for name in wanted)


def _difference(found: Array, wanted: Array, where: str) -> float:
    need(found.shape == wanted.shape, f"{where}: shape {found.shape}, needed {wanted.shape}")
    a, b = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    worst, allowed = float(np.abs(a - b).max(initial=0.0)), FLOAT_TOLERANCE * float(np.abs(b).max(initial=0.0))
    allowed += SCALE if "int8" in where else 0.0
    need(worst <= allowed, f"{where}: differs from the reference by {worst:g}, allowed {allowed:g}")
    return worst


def _raises(kind: type[Exception], act: Callable[[], object], what: str) -> None:
    try:
        act()
    except kind:
        return
    except Exception as error:
        raise Broken(f"{what}: raised {type(error).__name__} ({error}), needed {kind.__name__}") from None
    raise Broken(f"{what}: accepted, needed a {kind.__name__}")


RUN_CHECKS: tuple[tuple[str, Callable[[Backend], str]], ...] = (
    ("networks compile or say why not", compiles),
    ("compiled networks equal the reference", computes),
    ("listed schedules are honoured and change no result", honours_schedules),
    ("saved and loaded, they still do", keeps),
    ("foreign folders are refused", refuses_folders),
    ("bad inputs are refused", refuses_inputs),
)
