"""What the text form knows of an op class: which fields are operands, which attributes may stand without their name.

A class is looked at once. `fits` decides whether a value may be an attribute of an annotated type, and turns whole
numbers into floats where the annotation says float, so that `high=6` and `high=6.0` are one thing.
"""

import types
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any, Literal, TypeAlias, Union, cast, get_args, get_origin, get_type_hints

from gossamer.ir.graph import Graph
from gossamer.ir.op import Op, attribute_fields, default_of, operand_fields

Arity: TypeAlias = Literal["one", "optional", "many"]
MISFIT: Any = object()
"""What `fits` gives for a value that does not."""


@dataclass(frozen=True)
class Attribute:
    """One attribute field. `default` is MISSING when there is none."""

    name: str
    hint: Any
    default: Any

    def fits(self, value: object) -> Any:
        """The value as this attribute holds it, or MISFIT."""
        return fits(value, self.hint)

    @property
    def needed(self) -> str:
        """Its type, for messages."""
        return described(self.hint)


@dataclass(frozen=True)
class Fields:
    """Operands (name, arity) and attributes of an op class, in order; `text` and `body` stand without their names:
    the first attribute when it is a `str` without default, and the first `Graph` without default."""

    operands: tuple[tuple[str, Arity], ...]
    attributes: dict[str, Attribute]
    text: str | None
    body: str | None
    typed: bool


@cache
def fields_of(cls: type[Op]) -> Fields:
    """The fields of an op class."""
    hints = _hints(cls)
    attributes = {f.name: Attribute(f.name, hints[f.name], default_of(f)) for f in attribute_fields(cls)}
    required = [a for a in attributes.values() if a.default is MISSING]
    first = next(iter(attributes.values()), None)
    return Fields(
        operands=tuple((name, _arity(hints[name])) for name in operand_fields(cls)),
        attributes=attributes,
        text=first.name if first is not None and first.hint is str and first in required else None,
        body=next((a.name for a in required if a.hint is Graph), None),
        typed="type" in attributes,
    )


def _hints(cls: type[Op]) -> dict[str, Any]:
    try:
        return get_type_hints(cls)
    except NameError:  # an annotation that only a type checker can see: such a field takes anything
        return {f.name: Any if f.name not in operand_fields(cls) else f.type for f in fields(cls)}


def _arity(hint: object) -> Arity:
    text = str(hint)
    return "many" if "tuple[" in text else "optional" if "None" in text else "one"


def fits(value: object, hint: Any) -> Any:
    """The value as a field annotated `hint` holds it, or MISFIT."""
    check = _CHECKS.get(hint)
    if check is not None:
        return check(value)
    origin = get_origin(hint)
    if origin is tuple:
        return _fits_tuple(value, get_args(hint))
    if origin in (Union, types.UnionType):
        return _fits_any(value, get_args(hint))
    if origin is Literal:
        return value if value in get_args(hint) else MISFIT
    if isinstance(hint, type):
        return value if isinstance(value, hint) else MISFIT
    return value


def _whole(value: object) -> Any:
    return value if isinstance(value, int) and not isinstance(value, bool) else MISFIT


def _real(value: object) -> Any:
    if isinstance(value, float):
        return value
    try:
        return MISFIT if _whole(value) is MISFIT else float(cast(int, value))
    except OverflowError:
        return MISFIT


_CHECKS: dict[Any, Callable[[object], Any]] = {int: _whole, float: _real, Any: lambda value: value}


def _fits_tuple(value: object, items: tuple[Any, ...]) -> Any:
    if not isinstance(value, tuple):
        return MISFIT
    values = cast(tuple[object, ...], value)
    if len(items) == 2 and items[1] is Ellipsis:
        items = (items[0],) * len(values)
    if len(items) != len(values):
        return MISFIT
    found = tuple(fits(v, hint) for v, hint in zip(values, items))
    return MISFIT if any(v is MISFIT for v in found) else found


def _fits_any(value: object, hints: tuple[Any, ...]) -> Any:
    found = [fits(value, hint) for hint in hints]
    exact = [v for v in found if v is not MISFIT and type(v) is type(value)]
    return next(iter(exact or [v for v in found if v is not MISFIT]), MISFIT)


def described(hint: Any) -> str:
    """An annotation in words short enough for a message."""
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(repr, get_args(hint)))}"
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint).replace("typing.", "")
