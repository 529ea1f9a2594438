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


class BriefTypes(TypePrinter):
    """Prints types for people: lists are cut to three numbers of six digits and need no alias. It does not parse."""

    def _list(self, letter: str, values: tuple[float, ...]) -> str:
        shown = [f"{value:.6g}" for value in values[:3]]
        if len(values) == 1:
            return shown[0]
        return f"({', '.join(shown)}{f', ... {len(values)} numbers' if len(values) > 3 else ''})"


def contrast(found: TensorType, needed: TensorType) -> tuple[str, str]:
    """Two types that differ, each short enough for a message and showing where they do."""
    texts = _brief(found), _brief(needed)
    if texts[0] != texts[1] or found.quant is None or needed.quant is None:
        return texts
    for name in ("scale", "zero_point"):
        old, new = getattr(found.quant, name), getattr(needed.quant, name)
        for i, (a, b) in enumerate(zip(old, new)):
            if a != b:
                return f"{texts[0]} with {name}[{i}]={_number(a)}", f"{name}[{i}]={_number(b)}"
    return texts


def _brief(type: TensorType) -> str:
    """A type with its lists cut to three numbers."""
    plain = f"{type.dtype}[{','.join(map(str, type.shape))}]"
    if type.quant is None:
        return plain
    axis = "" if type.quant.axis is None else f"axis={type.quant.axis}, "
    zero = "" if type.quant.zero_point == (0,) else f", zero_point={_cut(type.quant.zero_point)}"
    return f"{plain}{{{axis}scale={_cut(type.quant.scale)}{zero}}}"


def _cut(values: tuple[float, ...]) -> str:
    if len(values) == 1:
        return _number(values[0])
    tail = "" if len(values) <= 3 else f", ... {len(values)} numbers"
    return f"({', '.join(map(_number, values[:3]))}{tail})"


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
    kind = type(value).__name__
    raise IRError(f"an attribute is a {kind}, needed an int, float, bool, str, None, type, graph or tuple")


def _number(value: Any) -> str:  # Any: numpy's scalars are generic
    plain: object = value.item() if hasattr(value, "item") else value
    return repr(plain)


def schedule(schedule: Schedule) -> str:
    """`@schedule tile=(oc:16) unroll=(kh, kw)`: fields that are not the default."""
    parts: list[str] = []
    if schedule.algorithm == "winograd":
        parts.append(f"algorithm=winograd(m={schedule.winograd_m})")
    elif schedule.algorithm != "direct" or schedule == Schedule():
        parts.append(f"algorithm={schedule.algorithm}")
    lists = {
        "tile": [_tile(t) for t in schedule.tile],
        "order": [word(axis) for axis in schedule.order],
        "unroll": [word(axis) for axis in schedule.unroll],
        "vectorize": [_tile(schedule.vectorize)] if schedule.vectorize else [],
        "parallel": [word(axis) for axis in schedule.parallel],
    }
    parts += [f"{name}=({', '.join(items)})" for name, items in lists.items() if items]
    words = {"layout": schedule.layout, "dataflow": schedule.dataflow}
    parts += [f"{name}={word(text)}" for name, text in words.items() if text]
    return f"@schedule {' '.join(parts)}"


def _tile(tile: Tile) -> str:
    return ":".join([word(tile.axis), *map(str, tile.sizes)])
