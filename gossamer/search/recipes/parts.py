"""Parts of a search from recipe text: a frozen dataclass by name, its fields by their types.

    nsga2                            -> Nsga2()
    {nsga2: {population: 50}}        -> Nsga2(population=50)

A field may be a number, a word, a yes or no, one of some words, a list, a dataclass of such fields, nothing where its
type allows it, or another part where its type is the Protocol of one (a `Surrogate`, a `Method`, ...). Everything wrong
is a SearchError that starts with file:line:column.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from gossamer.ir.errors import GossamerError, RegistryError, SearchError, nearest
from gossamer.ir.registry import ENCODINGS, EVALUATORS, EXECUTORS, FILTERS, SPACES, STRATEGIES, SURROGATES, Registry
from gossamer.search.recipes.nodes import Node, plain

GROUPS: Mapping[str, Registry] = {
    "Method": STRATEGIES,
    "Surrogate": SURROGATES,
    "Encoding": ENCODINGS,
    "EvaluatorSettings": EVALUATORS,
    "NetworkSpace": SPACES,
    "Executor": EXECUTORS,
    "Filter": FILTERS,
}
"""Name of a part's Protocol -> where its implementations are found."""

_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word", Path: "a path"}


def build_part(node: Node, group: Registry) -> Any:
    """`name` or `{name: {option: value}}` as an instance of the installed part."""
    name, options = part_name(node, group.kind)
    try:
        kind = group.load(name)
    except (RegistryError, GossamerError) as error:
        raise node.error(str(error)) from None
    if not (isinstance(kind, type) and is_dataclass(kind)):
        raise node.error(f"{group.kind} '{name}' cannot be set from a recipe: it is no dataclass")
    return build_fields(options, kind, f"{group.kind} '{name}'")


def part_name(node: Node, what: str) -> tuple[str, Node]:
    """The name of a part and the mapping of its options."""
    if isinstance(node.value, str):
        return node.value, Node({}, node.where)
    if not isinstance(node.value, Mapping) or len(node.value) != 1:
        raise node.error(f"a {what} is its name, or {{name: {{option: value}}}}; found {_found(node)}")
    ((name, options),) = node.value.items()
    return name, Node({}, options.where) if options.value is None else options


def _found(node: Node) -> str:
    return f"a mapping of {len(node.value)}" if isinstance(node.value, Mapping) else node.kind


def build_fields(node: Node, kind: type, title: str) -> Any:
    """A dataclass from a mapping of its fields. SearchError: unknown, missing or unfit fields, or what the class
    refuses.
    """
    known: dict[str, Field[Any]] = {item.name: item for item in fields(kind) if item.init}
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for name, value in node.entries.items():
        if name not in known:
            raise value.key_error(f"{title} has no option '{name}'{nearest(name, known)}")
        values[name] = read(value, hints[name], f"{title}: {name}")
    missing = [name for name, item in known.items() if name not in values and _required(item)]
    if missing:
        raise node.error(f"{title} needs {', '.join(missing)}")
    try:
        return kind(**values)
    except SearchError as error:
        said = str(error)
        raise node.error(said if said.startswith(f"{title}: ") else f"{title}: {said}") from None


def _required(item: "Field[Any]") -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def read(node: Node, kind: Any, title: str) -> Any:
    """A value of the type `kind`; `title` says what it is for."""
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return _union(node, kind, title)
    if origin in (tuple, list, Sequence):
        return _list(node, get_args(kind), title)
    if origin is not None and _is_a(origin, Mapping):
        return {name: read(item, get_args(kind)[1], f"{title}.{name}") for name, item in node.entries.items()}
    if origin is Literal:
        return _word_of(node, get_args(kind), title)
    group = GROUPS.get(getattr(kind, "__name__", ""))
    if group is not None:
        return build_part(node, group)
    if isinstance(kind, type) and is_dataclass(kind):
        return build_fields(node, kind, title)
    return _scalar(node, kind, title) if kind in _WORDS else plain(node)


def _is_a(kind: Any, base: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, base)


def _union(node: Node, kind: Any, title: str) -> Any:
    members = [item for item in get_args(kind) if item is not NoneType]
    if node.value is None and len(members) < len(get_args(kind)):
        return None
    if len(members) == 1:
        return read(node, members[0], title)
    for member in members:
        try:
            return read(node, member, title)
        except SearchError:
            continue
    raise node.error(f"{title} needs to be {needed(kind)}, not {node.kind}")


def _list(node: Node, kinds: tuple[Any, ...], title: str) -> tuple[Any, ...]:
    items = node.items
    if len(kinds) == 1 or kinds[-1] is Ellipsis:
        return tuple(read(item, kinds[0], title) for item in items)
    if len(items) != len(kinds):
        raise node.error(f"{title} needs {len(kinds)} values, found {len(items)}")
    return tuple(read(item, kind, title) for item, kind in zip(items, kinds))


def _word_of(node: Node, allowed: tuple[Any, ...], title: str) -> Any:
    for value in allowed:
        if node.value == (str(value).lower() if isinstance(value, bool) else str(value)):
            return value
    raise node.error(f"{title} needs to be one of {', '.join(map(str, allowed))}, not {node.kind}")


def _scalar(node: Node, kind: type, title: str) -> Any:
    refused = node.error(f"{title} needs to be {_WORDS[kind]}, not {node.kind}")
    if not isinstance(node.value, str):
        raise refused
    if kind is bool:
        if node.value not in ("true", "false"):
            raise refused
        return node.value == "true"
    try:
        value = kind(node.value)
    except ValueError:
        raise refused from None
    if isinstance(value, float) and math.isnan(value):
        raise refused
    return value


def needed(kind: Any) -> str:
    """A type in words."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return " or ".join("nothing (null)" if item is NoneType else needed(item) for item in inner)
    if origin is Literal:
        return f"one of {', '.join(map(str, inner))}"
    if origin in (tuple, list, Sequence):
        return f"a list of {needed(inner[0])}" if inner else "a list"
    if getattr(kind, "__name__", "") in GROUPS:
        return f"a {GROUPS[kind.__name__].kind}"
    return _WORDS.get(kind, "a mapping")
