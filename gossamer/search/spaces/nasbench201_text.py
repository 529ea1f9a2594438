"""Arch strings of NAS-Bench-201: `|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|none~2|`.

One part per node 1, 2, 3, joined by `+`; in a part one `operation~j` per earlier node j, between bars.
"""

import re

import numpy as np

from gossamer.ir.errors import SearchError, nearest
from gossamer.search.choices import Genomes
from gossamer.search.spaces.nasbench201_cell import OPS

_NODES = (slice(0, 1), slice(1, 3), slice(3, 6))
_FORM = "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|"


def to_text(genome: Genomes) -> str:
    """The arch string of [6] genes."""
    return "+".join(
        "|" + "|".join(f"{OPS[op]}~{start}" for start, op in enumerate(genome[node].tolist())) + "|" for node in _NODES
    )


def from_text(text: str) -> Genomes:
    """The genes of an arch string. SearchError: another form, another edge, an operation that does not exist."""
    parts = [part.strip("|").split("|") for part in text.strip().split("+")]
    if [len(part) for part in parts] != [1, 2, 3]:
        raise SearchError(f"'{text}' is no arch string of NAS-Bench-201; needed {_FORM}")
    return np.array([_gene(word, start, text) for part in parts for start, word in enumerate(part)], np.int64)


def _gene(word: str, start: int, text: str) -> int:
    found = re.fullmatch(r"([^~]*)~(\d+)", word)
    if found is None or int(found[2]) != start:
        raise SearchError(f"'{text}': found '{word}' where an operation and ~{start} belong; needed {_FORM}")
    if found[1] not in OPS:
        raise SearchError(f"'{text}': no operation '{found[1]}'{nearest(found[1], OPS)}")
    return OPS.index(found[1])
