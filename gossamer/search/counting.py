"""How many designs a list of choices with conditions has, exactly, without walking through them.

Choices that no condition joins are independent: their numbers multiply. Of those that are joined, the one that most
conditions name is given its values in turn; what is left falls apart into independent parts again. Values that meet the
same conditions count once. So places with operations of which each switches its own bits on take a sum per place, not
one over all combinations of operations.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod

from gossamer.ir.hardware import Number
from gossamer.search.choices import Choice


def count(items: Sequence[Choice]) -> int:
    """Combinations of the active choices; conditions name earlier choices of the list."""
    return prod(_joined(part) for part in _parts(items))


def _joined(items: Sequence[Choice]) -> int:
    """Of choices that conditions join."""
    if len(items) == 1:
        return len(items[0].values)
    named = [condition.choice for item in items for condition in item.when]
    root = max((item for item in items if not item.when), key=lambda item: named.count(item.name))
    conditions = {condition for item in items for condition in item.when if condition.choice == root.name}
    kinds: dict[tuple[bool, ...], list[Number]] = {}
    for value in root.values:
        kinds.setdefault(tuple(value in condition.values for condition in conditions), []).append(value)
    return sum(len(values) * count(list(_given(items, root, values[0]))) for values in kinds.values())


def _given(items: Sequence[Choice], root: Choice, value: Number) -> Iterator[Choice]:
    """What is left to choose once `root` has a value."""
    absent: set[str] = set()
    for item in items:
        if item.name == root.name:
            continue
        open_ = tuple(condition for condition in item.when if condition.choice != root.name)
        met = all(value in condition.values for condition in item.when if condition.choice == root.name)
        if not met or any(condition.choice in absent for condition in open_):
            absent.add(item.name)
        else:
            yield replace(item, when=open_)


def _parts(items: Sequence[Choice]) -> list[list[Choice]]:
    """Choices that conditions join, directly or through others, in their order."""
    label = {item.name: place for place, item in enumerate(items)}
    members = {place: [item] for place, item in enumerate(items)}
    for item in items:
        for condition in item.when:
            one, other = sorted((label[item.name], label[condition.choice]))
            if one == other:
                continue
            for moved in (found := members.pop(other)):
                label[moved.name] = one
            members[one] += found
    places = {item.name: place for place, item in enumerate(items)}
    return [sorted(part, key=lambda item: places[item.name]) for part in members.values()]
