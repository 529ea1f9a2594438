"""The encoding `tokens`: a network as a sentence, for recurrent networks.

    conv2d 3x3, from 0, conv2d 1x1, from 1, from 2, add, output

Every node says its kind, after one word `from n` for each node it reads, unless it reads just the node before it: a
chain is the string of its kinds. `n` counts nodes from the input.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gossamer.search.choices import Genomes
from gossamer.search.encodings.base import Encoded, Extent, encoded
from gossamer.search.encodings.drawings import NOTHING, OTHER, drawings, vocabulary
from gossamer.search.encodings.sketch import Sketch
from gossamer.search.spaces.base import Space


@dataclass(frozen=True)
class Tokens:
    """`most`: longer sentences are cut off."""

    most: int = 256

    def start(self, space: Space) -> "TokenEncoder":
        return TokenEncoder(space, self.most)


class TokenEncoder:
    """Sentences of one space."""

    def __init__(self, space: Space, most: int) -> None:
        self._drawings, self._most = drawings(space), most
        self._words = words_of(space)
        self.extent = Extent(tokens=len(self._words) + 2)

    def encode(self, genomes: Genomes) -> Encoded:
        sentences = [sentence(sketch)[: self._most] for sketch in self._drawings(genomes)]
        tokens = np.full((len(sentences), max(map(len, sentences), default=1)), NOTHING, np.int64)
        for place, words in enumerate(sentences):
            tokens[place, : len(words)] = [self._words.get(word, OTHER) for word in words]
        return encoded(len(sentences), tokens=tokens)


def sentence(sketch: Sketch) -> list[str]:
    """The words of one network, without the input."""
    found: list[str] = []
    for place, (kind, sources) in enumerate(zip(sketch.kinds, sketch.sources)):
        if not sources and place == 0:
            continue
        found += [] if sources == (place - 1,) else [f"from {source}" for source in sources]
        found.append(kind)
    return found


@lru_cache(maxsize=8)
def words_of(space: Space) -> dict[str, int]:
    """The vocabulary of sentences."""
    found = drawings(space)
    return vocabulary(word for sketch in found(found.drawn) for word in sentence(sketch))
