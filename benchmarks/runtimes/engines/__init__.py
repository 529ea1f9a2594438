"""The runtimes. Each file is one: a frozen dataclass that can prepare a network and open it.

`build` is what a user does once and ships (it runs in a process of its own, and only its seconds are reported); `open`
is what the program that uses the network does: its seconds and its memory are reported, and it returns the function
that is timed. Whatever an engine raises becomes its row in the table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

Run = Callable[[Any], Any]
"""An input array to an output array."""


class Unsupported(Exception):
    """The engine has no way to run this; the message is for the table."""


@dataclass(frozen=True)
class Job:
    """A network to run: `model` is the ONNX file, `zoo` its name there or "", `folder` the engine's own."""

    net: str
    zoo: str
    precision: str
    model: Path
    folder: Path
    threads: int
    tune_s: float = 60.0


class Engine(Protocol):
    def version(self) -> str:
        """Imports what the engine needs."""
        ...

    def build(self, job: Job) -> None: ...

    def open(self, job: Job) -> Run: ...


ENGINES = {
    "gossamer": "gossamer:Gossamer",
    "gossamer tuned": "gossamer:Tuned",
    "onnxruntime": "onnx_runtime:OnnxRuntime",
    "OpenVINO": "openvino_:OpenVino",
    "torch": "torch_:Eager",
    "torch.compile": "torch_:Compiled",
    "IREE": "iree_:Iree",
}
DISTRIBUTIONS = {
    "onnxruntime": "onnxruntime", "OpenVINO": "openvino", "torch": "torch", "torch.compile": "torch",
    "IREE": "iree-base-compiler",
}  # fmt: skip
"""What other people's engines are installed as."""
OURS = ("gossamer", "gossamer tuned")
PEERS = tuple(name for name in ENGINES if name not in OURS)


def source(name: str) -> Path:
    """The engine's file here."""
    return Path(__file__).with_name(ENGINES[name].split(":")[0] + ".py")


def engine(name: str) -> Engine:
    file, kind = ENGINES[name].split(":")
    return getattr(import_module(f"{__name__}.{file}"), kind)()
