"""The op: one frozen dataclass per kind, with everything the compiler needs to know of it.

    @dataclass(frozen=True)
    class Relu(Op, name="nn.relu"):
        '''max(x, 0). x: any shape.'''
        x: Value

        def infer(self) -> tuple[TensorType, ...]:
            return (self.x.type,)

        def kernel(self) -> Kernel: ...

A field annotated `Value`, `Value | None` or `tuple[Value, ...]` is an operand; any other is an attribute (int, float,
bool, str, None, TensorType, Graph, or tuples of the first four). A field called `type` is the result's type. Defining
the class registers its name; two classes with one name are an error that says who.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, cast

from gossamer.ir.errors import IRError, nearest
from gossamer.ir.nest import Kernel
from gossamer.ir.registry import OPS
from gossamer.ir.types import TensorType, Value

_REGISTERED: dict[str, type["Op"]] = {}


@dataclass(frozen=True)
class Op:
    """Base of every op. Equality and hash are by value, so unchanged ops are shared between graphs."""

    name: ClassVar[str] = ""

    def __init_subclass__(cls, name: str = "") -> None:
        if not name:
            raise IRError(f"{_qualified(cls)}: an op needs a name: class X(Op, name='mine.x')")
        other = _REGISTERED.get(name)
        if other is not None and _qualified(other) != _qualified(cls):
            raise IRError(f"two classes define the op '{name}': {_qualified(other)} and {_qualified(cls)}; rename one")
        cls.name = name
        _REGISTERED[name] = cls

    def infer(self) -> tuple[TensorType, ...]:
        """Types of the results: the only source of them. Raises IRError (found, needed) on unfit operands."""
        raise NotImplementedError(type(self).__qualname__)

    def kernel(self) -> Kernel | None:
        """The loop-nest meaning, or None for an opaque op (one that overrides `reference` instead)."""
        return None

    @property
    def operands(self) -> tuple[Value, ...]:
        """Every operand in field order, absent optional ones left out."""
        found: list[Value] = []
        for name in operand_fields(type(self)):
            item = cast(Value | tuple[Value, ...] | None, getattr(self, name))
            if isinstance(item, tuple):
                found.extend(item)
            elif item is not None:
                found.append(item)
        return tuple(found)

    def with_operands(self, swap: Mapping[Value, Value]) -> "Op":
        """The same op with operands swapped; `self` when none is in `swap`."""
        if not any(operand in swap for operand in self.operands):
            return self
        changed = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in operand_fields(type(self)):
            item = cast(Value | tuple[Value, ...] | None, changed[name])
            if isinstance(item, tuple):
                changed[name] = tuple(swap.get(v, v) for v in item)
            elif item is not None:
                changed[name] = swap.get(item, item)
        return type(self)(**changed)


def _qualified(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


@cache
def operand_fields(cls: type[Op]) -> tuple[str, ...]:
    """Names of the fields that hold operands."""
    return tuple(f.name for f in fields(cls) if _is_operand(f))


@cache
def attribute_fields(cls: type[Op]) -> tuple["Field[Any]", ...]:
    """The other fields."""
    return tuple(f for f in fields(cls) if not _is_operand(f))


def default_of(item: "Field[Any]") -> Any:
    """A field's default, or MISSING."""
    factory = cast(Callable[[], Any] | Any, item.default_factory)
    return item.default if item.default is not MISSING or factory is MISSING else factory()


def _is_operand(item: "Field[Any]") -> bool:
    kind: object = item.type
    text = kind if isinstance(kind, str) else kind.__name__ if isinstance(kind, type) else str(kind)
    return text.replace(Value.__module__ + ".", "").replace(" ", "") in ("Value", "Value|None", "tuple[Value,...]")


def op_class(name: str) -> type[Op]:
    """The class of an op by its name; looks through installed op packages before giving up."""
    if name not in _REGISTERED:
        _load_packages()
    if name not in _REGISTERED:
        raise IRError(f"unknown op '{name}'{nearest(name, _REGISTERED)}")
    return _REGISTERED[name]


def op_names() -> tuple[str, ...]:
    """Every registered op name, installed packages included."""
    _load_packages()
    return tuple(sorted(_REGISTERED))


def _load_packages() -> None:
    import_module("gossamer.ir.ops")  # also where the package runs without being installed, so without entry points
    for package in OPS.names():
        OPS.load(package)


def defined_in(cls: type[Op]) -> str:
    """File that defines an op, for messages and docs."""
    return str(getattr(sys.modules.get(cls.__module__), "__file__", cls.__module__))
