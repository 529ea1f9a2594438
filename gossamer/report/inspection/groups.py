"""Blocks of a graph: by the paths in its labels, and by structure that repeats.

`/features/features.1/block/block.0/Conv` lies in `features`, in `features/features.1`, and so on; a level that holds
one op, or just what its parent holds, is left out. Ops without a label lie where their first operand was made.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from gossamer.ir.ops.structure import Param

if TYPE_CHECKING:
    from gossamer.ir.graph import Graph, Node
    from gossamer.ir.types import Value

Path = tuple[str, ...]
LONGEST = 64
"""Ops of the longest block that is looked for."""


def shown(graph: "Graph") -> "tuple[Node, ...]":
    """The nodes a picture shows: parameters stand with the ops that read them."""
    return tuple(node for node in graph.nodes if not isinstance(node.op, Param))


def paths(graph: "Graph") -> tuple[Path, ...]:
    """Where every shown node lies, outermost first, nothing left out yet."""
    nodes = shown(graph)
    places: dict[Value, Path] = {}
    found: list[Path] = []
    for node in nodes:
        near = next((places[v] for v in node.op.operands if v in places), ())
        path = path_of(node.label) if node.label else near
        places.update((value, path) for value in node.results)
        found.append(path)
    return tuple(found)


def path_of(label: str) -> Path:
    """`/a/a.1/Conv` -> ("a", "a.1"); `layer1.0.conv` -> ("layer1", "0")."""
    return tuple(label.strip("/").split("/")[:-1] if "/" in label else label.split(".")[:-1])


def worth_showing(stages: Iterable[Sequence[Path]]) -> frozenset[Path]:
    """The prefixes that say something in some stage."""
    found: set[Path] = set()
    for each in stages:
        counts = Counter(path[: i + 1] for path in each for i in range(len(path)))
        counts[()] = len(each)
        for prefix, count in counts.items():
            if prefix and 1 < count < counts[()] and count < _parent_count(prefix, counts):
                found.add(prefix)
    return frozenset(found)


def _parent_count(prefix: Path, counts: Counter[Path]) -> int:
    """Ops of the nearest level above that holds more; a chain of equal levels is shown by its outermost."""
    return counts[prefix[:-1]]


def kept(path: Path, levels: frozenset[Path]) -> tuple[str, ...]:
    """The path's levels that are shown, each by its full name."""
    return tuple("/".join(path[: i + 1]) for i in range(len(path)) if path[: i + 1] in levels)


def repeats(kinds: Sequence[str]) -> tuple[tuple[int, int, int], ...]:
    """Runs of the same block one after the other: (start, ops a block, blocks).

    Blocks that come three times or more are preferred, then runs that cover many ops.

    `abab c dede` gives (0, 2, 2) and (5, 2, 2); blocks have at least two ops; runs do not overlap.
    """
    free = [True] * len(kinds)
    found: list[tuple[int, int, int]] = []
    for start, period, count in sorted(_runs(kinds), key=lambda run: (run[2] < 3, -run[1] * run[2], run[1])):
        if all(free[start : start + period * count]):
            free[start : start + period * count] = [False] * (period * count)
            found.append((start, period, count))
    return tuple(sorted(found))


def _runs(kinds: Sequence[str]) -> list[tuple[int, int, int]]:
    found: list[tuple[int, int, int]] = []
    for period in range(2, min(LONGEST, len(kinds) // 2) + 1):
        start = 0
        for i in range(len(kinds) - period + 1):
            if i < len(kinds) - period and kinds[i] == kinds[i + period]:
                continue
            count = (i - start) // period + 1
            if count > 1 and len(set(kinds[start : start + period])) > 1:
                found.append((start, period, count))
            start = i + 1
    return found
