"""Changes of a recipe from the command line: `strategy.population=50`, `evaluators.train.epochs=1`, `seed=3`.

The left side is a path: a section, then names of options. The name of a part may be left out where there is only one
(`strategy.population` changes whatever the strategy is); in a list it says which part is meant. The right side is YAML
and replaces what stands there; `section=null` removes a section.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gossamer.ir.errors import SearchError, nearest
from gossamer.search.recipes.nodes import Node, parse


def with_changes(root: Node, changes: Iterable[str]) -> Node:
    """The recipe after every change, in order. SearchError says which one cannot be made."""
    for text in changes:
        root = with_change(root, text)
    return root


def with_change(root: Node, text: str) -> Node:
    path, equals, value = text.partition("=")
    words = path.strip().split(".")
    if not equals or not all(words):
        raise SearchError(f"--set {text}: is not like strategy.population=50: a path of names, =, a value")
    return _put(root, words, parse(value.strip() or "null", f"--set {path}"), f"--set {text}")


def _put(node: Node, path: list[str], value: Node, what: str) -> Node:
    """`node` with `value` at `path`."""
    if not path:
        return value
    if isinstance(node.value, str):  # a part at its defaults
        node = replace(node, value={node.value: Node({}, node.where, node.where)})
    if node.value is None:
        node = replace(node, value={})
    if isinstance(node.value, tuple):
        return _put_in_list(node, node.value, path, value, what)
    entries = dict(node.entries)
    name, rest = path[0], path[1:]
    only = next(iter(entries)) if len(entries) == 1 else ""
    if only and name not in entries and _is_part(entries[only]):
        name, rest = only, path
    inner = entries.get(name, Node(None, value.where))
    entries[name] = replace(_put(inner, rest, value, what), named=value.where)
    return replace(node, value=entries)


def _is_part(options: Node) -> bool:
    return options.value is None or isinstance(options.value, Mapping)


def _put_in_list(node: Node, items: tuple[Node, ...], path: list[str], value: Node, what: str) -> Node:
    names = [_name(item) for item in items]
    if names.count(path[0]) != 1:
        several = "is there several times" if path[0] in names else f"is not in the list{nearest(path[0], names)}"
        raise SearchError(f"{what}: '{path[0]}' {several}; replace the whole list with [...]")
    place = names.index(path[0])
    changed = _put(items[place], path, value, what) if len(path) > 1 else value
    return replace(node, value=(*items[:place], changed, *items[place + 1 :]))


def _name(item: Node) -> str:
    if isinstance(item.value, Mapping) and len(item.value) == 1:
        return next(iter(item.value))
    return item.value if isinstance(item.value, str) else ""
