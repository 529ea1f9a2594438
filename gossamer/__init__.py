"""Gossamer: co-design of a neural network and the hardware it runs on.

    import gossamer as gs

    module = gs.load("resnet18.onnx")
    artifact = gs.compile(module, target="cpu")

Everything public is documented in `gossamer.api`. Importing this package imports nothing else: a name is fetched when
it is first used, so a program that only searches never pays for a compiler.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gossamer.api import (
        Stage,
        backend,
        check_backend,
        compare,
        compile,
        export,
        inspect,
        load,
        load_artifact,
        recipes,
        report,
        search,
        targets,
    )
    from gossamer.ir.errors import GossamerError
    from gossamer.ir.graph import Module

__version__ = "0.1.0"

_HOMES = {"GossamerError": "gossamer.ir.errors", "Module": "gossamer.ir.graph"}

__all__ = [
    "GossamerError",
    "Module",
    "Stage",
    "backend",
    "check_backend",
    "compare",
    "compile",
    "export",
    "inspect",
    "load",
    "load_artifact",
    "recipes",
    "report",
    "search",
    "targets",
]


_ROOMS = ("report", "search")


class _Room(ModuleType):
    """`gossamer.search` is a room of this package and, called, the search itself: `gs.search(target="systolic")`; so is
    `gossamer.report`: `gs.report("runs/first")`.
    """

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        # by name, as all below: the root imports nothing, so every room may ask it for the version
        return getattr(import_module("gossamer.api"), self.__name__.rpartition(".")[2])(*arguments, **options)


class _Package(ModuleType):
    """Python sets a sub-package as an attribute when it is first imported; that is where a room becomes callable."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _ROOMS and isinstance(value, ModuleType):
            value.__class__ = _Room
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"gossamer.{name}")
    if name not in __all__:
        raise AttributeError(f"module 'gossamer' has no attribute '{name}'")
    value = getattr(import_module(_HOMES.get(name, "gossamer.api")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
