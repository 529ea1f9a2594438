"""Which keys a query of an attention sees: what is known at import becomes one parameter, the rest is compared later.

Query i of S stands at position p = offset + i, offset = the number of keys before the first query. Key j is seen when
    j <= p (causal), p - left <= j <= p + right (windows), j < length (a padded cache), and attn_mask[i, j].
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import inf
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gossamer.frontends.onnx.call import Call
from gossamer.frontends.onnx.operators.normalise import cast_to
from gossamer.frontends.onnx.tensors import Constant, check_made
from gossamer.ir.errors import FrontendError
from gossamer.ir.graph import Array
from gossamer.ir.ops import And, Less, LessEqual, Pad, Reshape
from gossamer.ir.types import BOOL, I64, DType, Value

Bools: TypeAlias = NDArray[np.bool_]
Places: TypeAlias = NDArray[np.int_]


@dataclass(frozen=True)
class Mask:
    """`allowed` (bool) and `bias` (added to the scores) broadcast to [B, H, S, T]; None where they say nothing.

    `may_hide_all`: some query may see no key at all.
    """

    allowed: Value | None
    bias: Value | None
    may_hide_all: bool


@dataclass(frozen=True)
class _Parts:
    """Conditions known at import, conditions computed later, and the float mask, known or not."""

    known: Sequence[Bools]
    computed: Sequence[Value]
    bias: Array | Value | None


def mask_of(call: Call, q: Value, k: Value, past: int) -> Mask:
    """The mask for queries [B, H, S, d] and keys [B, G, T, d], `past` of which come from the cache."""
    steps, keys = q.shape[2], k.shape[2]
    structure = _structure(call, steps, keys, past)
    parts = _with_operand(call, structure, keys)
    known = reduce(np.logical_and, parts.known) if parts.known else None
    if known is not None and known.all():
        known = None
    allowed = [*parts.computed, *([] if known is None else [call.param(known, "mask", BOOL)])]
    bias = _bias(call, parts.bias, q.dtype)
    hides = bool(parts.computed) or isinstance(parts.bias, Value) or _hides(known, parts.bias)
    return Mask(reduce(lambda x, y: call.step(And(x, y)), allowed) if allowed else None, bias, hides)


def _bias(call: Call, bias: Array | Value | None, dtype: DType) -> Value | None:
    if isinstance(bias, Value):
        return cast_to(call, bias, dtype)
    return None if bias is None else call.param(bias, "mask", dtype)


def _hides(known: Bools | None, bias: Array | Value | None) -> bool:
    """Does a row of what is known at import hide every key?"""
    seen = np.asarray(True) if known is None else known
    if isinstance(bias, np.ndarray):
        seen = np.logical_and(seen, np.not_equal(bias, -inf))
    return not bool(np.all(seen.any(axis=-1))) if seen.ndim else False


def _structure(call: Call, steps: int, keys: int, past: int) -> _Parts:
    """Causality, windows and the lengths of a padded cache."""
    check_made(steps * keys)
    rows, columns = np.arange(steps)[:, None], np.arange(keys)[None, :]
    ahead = [call.attr_int("right_window_size", -1), *([0] if call.attr_int("is_causal", 0) else [])]
    right = [n for n in ahead if n >= 0][-1:]
    left = [n for n in (call.attr_int("left_window_size", -1),) if n >= 0]
    lengths = call.item(6) if call.has(6) else None
    if lengths is None or isinstance(lengths, Constant):
        check_made(steps * keys * (1 if lengths is None else lengths.type.elements))
        used = None if lengths is None else np.asarray(lengths.numbers(), np.int64).reshape(-1, 1, 1, 1)
        place = rows + (past if used is None or past else used - steps)
        known = [columns <= place + n for n in right] + [columns >= place - n for n in left]
        return _Parts(known if used is None else [*known, columns < used], (), None)
    return _Parts((), _compared(call, columns - rows + steps, columns, cast_to(call, lengths, I64), left, right), None)


def _compared(
    call: Call, apart: Places, columns: Places, lengths: Value, left: Sequence[int], right: Sequence[int]
) -> list[Value]:
    """The same, of lengths [B] computed later; `apart` = j - i + S, so that j <= p is apart <= length."""
    used = call.step(Reshape(lengths, (lengths.type.elements, 1, 1, 1)))
    found = [call.step(Less(call.param(columns, "places", I64), used))]
    found += [call.step(LessEqual(call.param(apart - n, "places", I64), used)) for n in right]
    return found + [call.step(LessEqual(used, call.param(apart + n, "places", I64))) for n in left]


def _with_operand(call: Call, parts: _Parts, keys: int) -> _Parts:
    """The mask of the file, which may be for fewer keys than there are: the others are then not seen."""
    if not call.has(3):
        return parts
    item = call.item(3)
    shape = item.shape if isinstance(item, Value) else item.type.shape
    if not shape or shape[-1] > keys:
        raise FrontendError(f"its attn_mask has shape {list(shape)}, needed at most {keys} columns")
    widths = [(0, 0)] * (len(shape) - 1) + [(0, keys - shape[-1])]
    if isinstance(item, Constant):
        boolean = item.type.dtype == BOOL
        padded = np.pad(np.asarray(item.numbers()), widths, constant_values=False if boolean else -inf)
        if boolean:
            return _Parts([*parts.known, padded.astype(np.bool_)], parts.computed, None)
        return _Parts(parts.known, parts.computed, padded)
    boolean = item.dtype == BOOL
    if shape[-1] < keys:
        item = call.step(Pad(item, tuple(widths), 0.0 if boolean else -inf))
    return _Parts(parts.known, [*parts.computed, *([item] if boolean else [])], None if boolean else item)
