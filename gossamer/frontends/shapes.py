"""Shapes of inputs as they are typed: `x=1,3,224,224`."""

import re
from collections.abc import Iterable

from gossamer.ir.errors import FrontendError

_SHAPE = re.compile(r"([^=]+)=(\d+(?:[,x]\d+)*|)$")


def parse_shapes(texts: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """`["x=1,3,224,224"]` -> {"x": (1, 3, 224, 224)}; 1x3x224x224 is understood too. FrontendError on anything else."""
    shapes: dict[str, tuple[int, ...]] = {}
    for text in texts:
        match = _SHAPE.match(text.replace(" ", ""))
        if match is None:
            raise FrontendError(f"'{text}' is no shape; write NAME=EXTENT,EXTENT,... as in x=1,3,224,224")
        if match[1] in shapes:
            raise FrontendError(f"input '{match[1]}' is given two shapes")
        shapes[match[1]] = tuple(int(n) for n in re.split("[,x]", match[2]) if n)
    return shapes
