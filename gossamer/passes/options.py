"""Options of a pass as text: `{bits=8, keep=(conv1, fc), calibration="my data.npz"}`, typed by the pass's fields.

A value is a word, a "quoted word" or a parenthesised list whose items may be pairs `name:value`. What it means is
decided by the field's type, never by its looks; a value that does not fit is an error that says which type is needed.
Fields declared with `field(metadata={"option": False})` are data that has no text.
"""

import re
from dataclasses import MISSING, Field, dataclass, fields
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias, Union, cast, get_args, get_origin, get_type_hints

from gossamer.ir.errors import PassError, nearest
from gossamer.passes.base import Pass

Raw: TypeAlias = "str | tuple[Raw, ...]"

_PLAIN = re.compile(r'[^\s,{}()=:"]+\Z')
_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}


@dataclass(frozen=True)
class Option:
    """One option of a pass: its name, the text of its type and of its default ("" = it must be given)."""

    name: str
    type: Any
    default: Any

    @property
    def needed(self) -> str:
        return _describe(self.type)


def options(cls: type[Pass]) -> dict[str, Option]:
    """The options of a pass class, in order."""
    hints = get_type_hints(cls)
    found = (f for f in fields(cls) if f.metadata.get("option", True))
    return {f.name: Option(f.name, hints[f.name], _default(f)) for f in found}


def build(cls: type[Pass], given: dict[str, Raw]) -> Pass:
    """The pass with these options; PassError for an unknown option or a value of the wrong type."""
    known = options(cls)
    for name in given:
        if name not in known:
            raise PassError(f"{cls.name}: no option '{name}'{nearest(name, known)}")
    return cls(**{name: _convert(cls, known[name], raw) for name, raw in given.items()})


def written(item: Pass) -> str:
    """A pass as pipeline text, options at their default left out."""
    shown = [
        f"{name}={_text(getattr(item, name))}"
        for name, option in options(type(item)).items()
        if getattr(item, name) != option.default
    ]
    return f"{item.name}{{{', '.join(shown)}}}" if shown else item.name


def _default(item: "Field[Any]") -> Any:
    return item.default_factory() if item.default_factory is not MISSING else item.default


def _convert(cls: type[Pass], option: Option, raw: Raw) -> Any:
    try:
        return _read(option.type, raw)
    except ValueError:
        raise PassError(f"{cls.name}: {option.name}={_text(raw)} needs to be {option.needed}") from None


def _read(kind: Any, raw: Raw) -> Any:
    """`raw` as a value of type `kind`; ValueError when it is none."""
    if get_origin(kind) in (Union, UnionType):
        return _read_optional(kind, raw)
    if get_origin(kind) is tuple:
        return _read_tuple(get_args(kind), raw)
    if not isinstance(raw, str):
        raise ValueError(raw)
    if get_origin(kind) is Literal:
        return _read_choice(get_args(kind), raw)
    return _read_choice(("false", "true"), raw) == "true" if kind is bool else kind(raw)


def _read_optional(kind: Any, raw: Raw) -> Any:
    """`X | None`: the word none is None."""
    if raw == "none" and NoneType in get_args(kind):
        return None
    return _read(next(k for k in get_args(kind) if k is not NoneType), raw)


def _read_choice(choices: tuple[str, ...], raw: str) -> str:
    if raw not in choices:
        raise ValueError(raw)
    return raw


def _read_tuple(kinds: tuple[Any, ...], raw: Raw) -> tuple[Any, ...]:
    """`tuple[X, ...]` reads a list (or its only item bare), `tuple[X, Y]` a pair."""
    if kinds[-1] is not Ellipsis:
        if isinstance(raw, str) or len(raw) != len(kinds):
            raise ValueError(raw)
        return tuple(_read(k, r) for k, r in zip(kinds, raw))
    items = (raw,) if isinstance(raw, str) else raw
    return tuple(_read(kinds[0], item) for item in items)


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, str):
        return value if _PLAIN.match(value) else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, tuple):
        return f"({', '.join(_item(v) for v in cast(tuple[Any, ...], value))})"
    return repr(value)


def _item(value: Any) -> str:
    return ":".join(_text(v) for v in cast(tuple[Any, ...], value)) if isinstance(value, tuple) else _text(value)


def _describe(kind: Any) -> str:
    if kind in _WORDS:
        return _WORDS[kind]
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    if get_origin(kind) in (Union, UnionType):
        return " or ".join("none" if k is NoneType else _describe(k) for k in get_args(kind))
    item = get_args(kind)[0]
    return f"a list like {_example(item)}"


def _example(item: Any) -> str:
    pair = " (name:value, ...), value: " + _describe(get_args(item)[1]) if get_origin(item) is tuple else ""
    return pair.strip() or "(a, b, ...)"
