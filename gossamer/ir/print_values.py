"""Printing what stands inside a statement: types, attribute values, schedules."""

from typing import Any, cast

import numpy as np

from gossamer.ir.errors import IRError
from gossamer.ir.lexer import quoted, word
from gossamer.ir.schedule import Schedule, Tile
from gossamer.ir.types import Quant, TensorType

LONG = 4
"""Scale and zero-point lists longer than this are printed once, as an alias."""


class TypePrinter:
    """Prints types; remembers long scale and zero-point lists, which end as `#s0 = (...)` below the text."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, tuple[float, ...]], str] = {}
        self._texts: dict[int, tuple[TensorType, str]] = {}  # by identity; holds the type so that its id stays its own

    def text(self, type: TensorType) -> str:
        known = self._texts.get(id(type))
        if known is None:
            known = self._texts[id(type)] = (type, self._text(type))
        return known[1]

    def aliases(self) -> list[str]:
        """The definitions, one a line."""
        return [f"#{name} = ({', '.join(map(_number, values))})" for (_, values), name in self._names.items()]

    def _text(self, type: TensorType) -> str:
        plain = f"{type.dtype}[{','.join(map(str, type.shape))}]"
        return plain if type.quant is None else f"{plain}{{{', '.join(self._quant(type.quant))}}}"

    def _quant(self, quant: Quant) -> list[str]:
        parts = [] if quant.axis is None else [f"axis={quant.axis}"]
        parts.append(f"scale={self._list('s', tuple(map(float, quant.scale)))}")
        if quant.zero_point != (0,):
            parts.append(f"zero_point={self._list('z', quant.zero_point)}")
        return parts

    def _list(self, letter: str, values: tuple[float, ...]) -> str:
        if len(values) == 1:
            return _number(values[0])
        if len(values) <= LONG:
            return f"({', '.join(map(_number, values))})"
        serial = sum(known == letter for known, _ in self._names)
        return f"#{self._names.setdefault((letter, values), f'{letter}{serial}')}"


def attribute(value: object, types: TypePrinter) -> str:
    """An attribute value: number, `true`, `none`, "string", tuple or type. IRError for anything else."""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if value is None:
        return "none"
    if isinstance(value, (int, float, np.number)):
        return _number(cast(Any, value))
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, tuple):
        items = cast(tuple[object, ...], value)
        return f"({','.join(attribute(item, types) for item in items)}{',' * (len(items) == 1)})"
    if isinstance(value, TensorType):
        return types.text(value)
    raise IRError(f"an attribute is a {type(value).__name__}, needed an int, float, bool, str, None, type, graph or tuple")


def _number(value: Any) -> str:  # Any: numpy's scalars are generic in a type nobody needs here
    plain: object = value.item() if hasattr(value, "item") else value
    return repr(plain)


def schedule(schedule: Schedule) -> str:
    """`@schedule tile=(oc:16) unroll=(kh, kw)`: fields that are not the default."""
    parts: list[str] = []
    if schedule.algorithm == "winograd":
        parts.append(f"algorithm=winograd(m={schedule.winograd_m})")
    elif schedule.algorithm != "direct" or schedule == Schedule():
        parts.append(f"algorithm={schedule.algorithm}")
    lists = {"tile": [_tile(t) for t in schedule.tile], "order": map(word, schedule.order), "unroll": map(word, schedule.unroll),
             "vectorize": [_tile(schedule.vectorize)] if schedule.vectorize else [], "parallel": map(word, schedule.parallel)}
    parts += [f"{name}=({', '.join(items)})" for name, items in ((n, list(i)) for n, i in lists.items()) if items]
    parts += [f"{name}={word(text)}" for name, text in (("layout", schedule.layout), ("dataflow", schedule.dataflow)) if text]
    return f"@schedule {' '.join(parts)}"


def _tile(tile: Tile) -> str:
    return ":".join([word(tile.axis), *map(str, tile.sizes)])
