"""The difference between two modules as a unified diff, aligned by op, so that a changed op stands under its old self.

    1 op changed, 0 added, 1 removed
    --- import
    +++ fold-bn
    @@ -4,3 +3,2 @@ features.0.0
     %w: f32[32,3,3,3] = ir.param "w"
    -%c: f32[1,32,112,112] = nn.conv2d %x, %w
    -%n: f32[1,32,112,112] = nn.batch_norm %c, ...
    +%n: f32[1,32,112,112] = nn.conv2d %x, %w, %b
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from gossamer.ir.lexer import value_name
from gossamer.ir.ops.structure import Param
from gossamer.ir.print import print_node
from gossamer.ir.print_values import BriefTypes
from gossamer.report.inspection.match import matched
from gossamer.report.inspection.titles import visible

if TYPE_CHECKING:
    from gossamer.ir.graph import Graph, Module

CONTEXT = 2
"""Unchanged lines shown around a change."""


@dataclass(frozen=True)
class Statement:
    """A statement's lines, and what says that it is the same one as in another module."""

    key: Hashable
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """One line of a difference: mark " ", "-" or "+", and the title of its op."""

    mark: str
    text: str
    title: str


def unified(before: "Module", after: "Module", names: tuple[str, str]) -> str:
    """The diff as text, "" where the two are the same; ends with a newline otherwise."""
    places = matched(before.graph, after.graph)
    same = [("new", i) if place is None else place for i, place in enumerate(places)]
    lines = list(compared(statements(before, range(len(before.graph.nodes))), statements(after, same)))
    hunks = [text for hunk in _hunks(lines) for text in _printed(lines, hunk)]
    heads = [counted(before, after), f"--- {names[0]}", f"+++ {names[1]}"]
    return "\n".join([*heads, *hunks, ""]) if hunks else ""


def counted(before: "Module", after: "Module") -> str:
    """How many ops changed, were added and removed; parameters are left out."""
    pairs = list(zip(after.graph.nodes, matched(before.graph, after.graph)))
    olds = {place for _, place in pairs if place is not None}
    new = sum(place is None for node, place in pairs if not isinstance(node.op, Param))
    gone = sum(i not in olds for i, node in enumerate(before.graph.nodes) if not isinstance(node.op, Param))
    kept = [(node, before.graph.nodes[place]) for node, place in pairs if place is not None]
    changed = sum(a != b for a, b in kept if not isinstance(a.op, Param))
    return f"{changed} op{'s' * (changed != 1)} changed, {new} added, {gone} removed"


def statements(module: "Module", keys: Sequence[Hashable]) -> tuple[Statement, ...]:
    """The module's inputs, ops (one key each) and outputs as they are printed, with long lists cut."""
    graph = module.graph
    types = BriefTypes()
    inputs = [
        Statement(("input", v.name), v.name, (f"{value_name(v.name)}: {types.text(v.type)} = input",))
        for v in graph.inputs
    ]
    outputs = ", ".join(value_name(value.name) for value in graph.outputs)
    return (*inputs, *_ops(graph, keys), Statement(("return",), "return", (f"return {outputs}",)))


def _ops(graph: "Graph", keys: Sequence[Hashable]) -> Iterator[Statement]:
    for key, node in zip(keys, graph.nodes):
        yield Statement(key, node.title, tuple(print_node(node).splitlines()))


def compared(before: Sequence[Statement], after: Sequence[Statement]) -> Iterator[Line]:
    """Every line of both, in order."""
    # autojunk would call keys that repeat noise; there are none
    matcher = SequenceMatcher(None, [s.key for s in before], [s.key for s in after], autojunk=False)
    for tag, i0, i1, j0, j1 in matcher.get_opcodes():
        if tag == "equal":
            for old, new in zip(before[i0:i1], after[j0:j1]):
                yield from _within(old, new)
        else:
            yield from (Line("-", text, s.title) for s in before[i0:i1] for text in s.lines)
            yield from (Line("+", text, s.title) for s in after[j0:j1] for text in s.lines)


def _within(old: Statement, new: Statement) -> Iterator[Line]:
    if old.lines == new.lines:
        yield from (Line(" ", text, new.title) for text in new.lines)
        return
    for tag, i0, i1, j0, j1 in SequenceMatcher(None, old.lines, new.lines, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from (Line(" ", text, new.title) for text in new.lines[j0:j1])
        else:
            yield from (Line("-", text, old.title) for text in old.lines[i0:i1])
            yield from (Line("+", text, new.title) for text in new.lines[j0:j1])


def _hunks(lines: Sequence[Line]) -> list[tuple[int, int]]:
    """Ranges of lines to show: the changes with their context, those that touch made one."""
    found: list[tuple[int, int]] = []
    for i, line in enumerate(lines):
        if line.mark == " ":
            continue
        start, stop = max(0, i - CONTEXT), min(len(lines), i + CONTEXT + 1)
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], stop)
        else:
            found.append((start, stop))
    return found


def _printed(lines: Sequence[Line], hunk: tuple[int, int]) -> Iterator[str]:
    start, stop = hunk
    old, new = (sum(line.mark != skip for line in lines[:start]) for skip in ("+", "-"))
    olds, news = (sum(line.mark != skip for line in lines[start:stop]) for skip in ("+", "-"))
    title = next(line.title for line in lines[start:stop] if line.mark != " ")
    yield f"@@ -{old + bool(olds)},{olds} +{new + bool(news)},{news} @@ {visible(title)}"
    yield from (line.mark + line.text for line in lines[start:stop])
