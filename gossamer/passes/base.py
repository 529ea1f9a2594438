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
from typing import ClassVar

from gossamer.ir.graph import Module


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
