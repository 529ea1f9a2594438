"""Tiles of numbers turned over in vector registers: rows of lanes -> one vector per lane."""

from collections.abc import Sequence
from typing import Any

from gossamer.codegen.tvm.adapter import Loops, Tensor, tirx


def turn(loops: Loops, rows: Sequence[Tensor], lanes: int, dtype: str) -> list[Any]:
    """Vectors v with v[i][j] = rows[j][i]: `lanes` of them, of one lane per row.

    Rows j and j + half are merged lane by lane until one long vector is left, which holds v[0], v[1], ... in turn: each
    round keeps every register full, and the machine's compiler splits the long vectors into registers again.
    """
    count = 1 << (len(rows) - 1).bit_length()
    start = [tirx.const(0, "int32")]
    vectors = [rows[min(j, len(rows) - 1)].vector(start, lanes) for j in range(count)]
    width = lanes
    while len(vectors) > 1:
        half = len(vectors) // 2
        vectors = [_interleaved(vectors[j], vectors[j + half], width) for j in range(half)]
        width *= 2
    whole = loops.accumulator(width, dtype)
    loops.store_vector(whole, vectors[0], start, width)
    return [whole.vector([tirx.const(i * count, "int32")], len(rows)) for i in range(lanes)]


def _interleaved(first: Any, second: Any, width: int) -> Any:
    order = [lane + width * side for lane in range(width) for side in (0, 1)]
    return tirx.Shuffle([first, second], [tirx.const(i, "int32") for i in order])
