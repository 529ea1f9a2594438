"""Recipe text as a tree that knows where everything stands: `file:line:column` of every value and every key.

A file may come from anywhere: nothing is constructed from it, tags and aliases are refused, its size and its depth are
bounded. A scalar stays text; what it means is decided by the type of the field it is for, so `1e-3` is a number where
a number is needed and `no` a word where a word is needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import yaml

from gossamer.ir.errors import SearchError

MOST_CHARACTERS = 200_000
MOST_LEVELS = 30
_NULL = ("", "~", "null")


@dataclass(frozen=True)
class Node:
    """`value`: text of a scalar, None for null, or what a list or mapping holds. `where` it stands, `named` where its
    key stands (its own place if it has none). `quoted` text is a word whatever it looks like.
    """

    value: "Value"
    where: str
    named: str = ""
    quoted: bool = False

    @property
    def items(self) -> "tuple[Node, ...]":
        """Of a list; SearchError when it is none."""
        if not isinstance(self.value, tuple):
            raise self.error(f"a list is needed, [a, b], not {self.kind}")
        return self.value

    @property
    def entries(self) -> "Mapping[str, Node]":
        """Of a mapping; SearchError when it is none."""
        if not isinstance(self.value, Mapping):
            raise self.error(f"a mapping is needed, {{name: value}}, not {self.kind}")
        return self.value

    @property
    def kind(self) -> str:
        """What it is, for messages."""
        if self.value is None:
            return "nothing"
        return {str: f"'{self.value}'", tuple: "a list"}.get(type(self.value), "a mapping")

    def error(self, text: str) -> SearchError:
        return SearchError(f"{self.where}: {text}")

    def key_error(self, text: str) -> SearchError:
        """About its key."""
        return SearchError(f"{self.named or self.where}: {text}")


Value: TypeAlias = "None | str | tuple[Node, ...] | Mapping[str, Node]"


def parse(text: str, name: str) -> Node:
    """The tree of a YAML text called `name`. SearchError with the place of what is wrong."""
    if len(text) > MOST_CHARACTERS:
        raise SearchError(f"{name}: has {len(text):,} characters; a recipe has at most {MOST_CHARACTERS:,}")
    try:
        _refuse_events(text, name)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SearchError(f"{_place(name, mark)}: {error.problem or error.context or 'is not YAML'}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise SearchError(f"{name}: is not YAML ({str(error).splitlines()[0]})") from None
    return Node({}, f"{name}:1:1") if root is None else _node(root, name)


def _refuse_events(text: str, name: str) -> None:
    """Aliases (their expansion has no bound), tags and deep nesting."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        place = _place(name, event.start_mark)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise SearchError(f"{place}: anchors and aliases have no meaning in a recipe; write the value out")
        if getattr(event, "tag", None):
            raise SearchError(f"{place}: the tag {event.tag} has no meaning in a recipe; leave it out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_LEVELS:
            raise SearchError(f"{place}: is nested more than {MOST_LEVELS} levels deep")


def _node(found: Any, name: str) -> Node:
    where = _place(name, found.start_mark)
    if isinstance(found, yaml.ScalarNode):
        quoted = found.style is not None
        return Node(None if not quoted and found.value in _NULL else found.value, where, quoted=quoted)
    if isinstance(found, yaml.SequenceNode):
        return Node(tuple(_node(item, name) for item in found.value), where)
    return Node(_mapping(found, name), where)


def _mapping(found: Any, name: str) -> dict[str, Node]:
    entries: dict[str, Node] = {}
    for key, value in found.value:
        place = _place(name, key.start_mark)
        if not isinstance(key, yaml.ScalarNode):
            raise SearchError(f"{place}: a name is needed before the colon")
        if key.value in entries:
            raise SearchError(f"{place}: '{key.value}' stands here a second time; keep one")
        entries[key.value] = replace(_node(value, name), named=place)
    return entries


def _place(name: str, mark: Any) -> str:
    return f"{name}:{mark.line + 1}:{mark.column + 1}" if mark is not None else name


def plain(node: Node) -> Any:
    """The node as YAML would read it: numbers, true, false, null, words, lists, mappings."""
    if isinstance(node.value, tuple):
        return [plain(item) for item in node.value]
    if isinstance(node.value, Mapping):
        return {name: plain(item) for name, item in node.value.items()}
    if node.value is None or node.quoted:
        return node.value
    return _scalar(node.value)


def _scalar(text: str) -> int | float | bool | str:
    if text in ("true", "false"):
        return text == "true"
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def substituted(node: Node, word: str, by: str) -> Node:
    """Every `word` inside a text of the tree replaced."""
    if isinstance(node.value, tuple):
        return replace(node, value=tuple(substituted(item, word, by) for item in node.value))
    if isinstance(node.value, Mapping):
        return replace(node, value={name: substituted(item, word, by) for name, item in node.value.items()})
    return node if node.value is None else replace(node, value=node.value.replace(word, by))


def mentions(node: Node, word: str) -> bool:
    """Whether a text of the tree contains `word`."""
    return substituted(node, word, "") != node
