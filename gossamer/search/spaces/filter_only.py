"""The filter `only`: values named by hand, such as rules for a target learnt elsewhere.

    filter: {only: {values: ["stage*.kernel=3,5", "resolution=128"]}}
"""

from dataclasses import dataclass

from gossamer.backends.base import Backend
from gossamer.ir.errors import SearchError
from gossamer.ir.hardware import Number
from gossamer.search.choices import Choice
from gossamer.search.spaces.base import NetworkSpace
from gossamer.search.spaces.filter import matching
from gossamer.search.spaces.narrowed import narrowed


@dataclass(frozen=True)
class Only:
    """values: `choice=value,value`, where `*` in a choice's name stands for anything; of several lines for one choice
    the last counts.
    """

    values: tuple[str, ...] = ()

    def apply(self, space: NetworkSpace, backend: Backend | None, seed: int) -> NetworkSpace:
        """SearchError: what is not like name=value, an unknown name or value."""
        kept: dict[str, tuple[Number, ...]] = {}
        for line in self.values:
            pattern, equals, words = line.partition("=")
            if not equals:
                raise SearchError(f"filter 'only': '{line}' is not like choice=value,value")
            for choice in matching(space.choices, (pattern.strip(),)):
                kept[choice.name] = tuple(_value(choice, word.strip()) for word in words.split(","))
        return narrowed(space, tuple(kept.items()))


def _value(choice: Choice, word: str) -> Number:
    found = [value for value in choice.values if str(value) == word]
    if not found:
        raise SearchError(f"filter 'only': {choice.name}={word} is none of {', '.join(map(str, choice.values))}")
    return found[0]
