"""The pass contract: a frozen dataclass whose fields are its options, called on a module, giving a new module.

    @dataclass(frozen=True)
    class Winograd(Pass, name="winograd"):
        '''before -> after, and when it refuses.'''
        m: int = 4

        def run(self, module: Module) -> Module: ...

A pass never changes the module it is given, shares what it leaves alone, and may be run twice. It is found by name
through the entry-point group `gossamer.passes`; a pipeline is text: `fold-bn,fuse,quantize{bits=8},winograd{m=4}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from gossamer.ir.errors import PassError
from gossamer.ir.graph import Module
from gossamer.ir.hardware import Hardware
from gossamer.ir.registry import BACKENDS


@dataclass(frozen=True)
class Pass:
    """Base of every pass; `name` is what a pipeline calls it."""

    name: ClassVar[str] = ""

    def __init_subclass__(cls, name: str = "") -> None:
        cls.name = name or cls.name

    def run(self, module: Module) -> Module:
        """The rewritten module. Raises PassError when the module or the options do not fit."""
        raise NotImplementedError(type(self).__qualname__)

    def refusals(self, module: Module) -> Mapping[str, str]:
        """Title of every statement of `module` that a user would expect changed and is left alone -> why."""
        return {}


def placed_on(own: str, module: Module, target: str) -> tuple[Any, Hardware]:
    """The backend named `target` and the hardware that the pass `own` works for: the module's, or the target's default.

    Backends lie above passes: they come in by name, and answer as `gossamer.backends.base.Backend` says. Raises
    PassError for a module made for another target.
    """
    backend: Any = BACKENDS.load(target)
    if module.hardware is None:
        return backend, backend.hardware()
    if module.hardware.target != target:
        raise PassError(
            f"{own}: module '{module.name}' is for target '{module.hardware.target}', not '{target}'; "
            f"use {own}{{target={module.hardware.target}}} or change its hardware"
        )
    return backend, module.hardware
