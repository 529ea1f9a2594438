"""Parsing what stands inside a statement: types, attribute values, aliases."""

import math

from gossamer.ir.errors import IRError, ParseError
from gossamer.ir.lexer import MAX_NESTING
from gossamer.ir.parse_cursor import Cursor
from gossamer.ir.types import DType, Quant, TensorType

_WORDS = {"true": True, "false": False, "none": None, "inf": math.inf, "nan": math.nan}


def value(at: Cursor, depth: int = 0) -> object:
    """An attribute value other than a graph."""
    kind, text, _ = token = at.token
    if kind == "number":
        return at.number("a number")
    if kind == "string":
        return at.string("a string")
    if kind == "word":
        if at.next_is("["):
            return tensor_type(at)
        if text in _WORDS:
            at.take()
            return _WORDS[text]
    if kind != "(":
        raise at.misfit('a value: a number, true, false, none, "text", a type (f32[1,3]) or a tuple of values (1,2)')
    if depth >= MAX_NESTING:
        raise at.error(f"tuples are nested more than {MAX_NESTING} deep", token)
    found: list[object] = []
    trailing = at.items("(", ")", "a tuple's value", lambda: found.append(value(at, depth + 1)))
    if len(found) == 1 and not trailing:
        raise at.error("found one value in parentheses, needed a comma after it: (1,) is a tuple of one", token)
    return tuple(found)


def tensor_type(at: Cursor) -> TensorType:
    """`f32[1,3]`, `i8[16,3]{axis=0, scale=#s0, zero_point=7}`."""
    token = at.expect("word", "a type such as f32[1,3]")
    shape: list[int] = []
    try:
        dtype = DType.parse(token[1])
        at.items("[", "]", "an extent", lambda: shape.append(at.whole("a whole number, the extent")))
        return TensorType(dtype, tuple(shape), _quant(at) if at.kind == "{" else None)
    except ParseError:
        raise
    except IRError as error:
        raise at.error(str(error), token) from None


def _quant(at: Cursor) -> Quant:
    found: dict[str, tuple[float, ...]] = {}

    def item() -> None:
        token = at.expect("word", "axis, scale or zero_point")
        if token[1] not in ("axis", "scale", "zero_point") or token[1] in found:
            raise at.error(f"found '{token[1]}', needed axis, scale or zero_point, each once", token)
        at.expect("=", f"'=' after {token[1]}")
        found[token[1]] = _numbers(at, whole=token[1] != "scale")

    opening = at.token
    at.items("{", "}", "axis, scale or zero_point", item)
    axis = found.get("axis")
    if "scale" not in found or (axis is not None and len(axis) != 1):
        raise at.error("a quantised type needs a scale, and at most one axis: {axis=0, scale=(0.1, 0.2)}", opening)
    zero = tuple(int(z) for z in found.get("zero_point", (0,)))
    return Quant(tuple(map(float, found["scale"])), zero, None if axis is None else int(axis[0]))


def _numbers(at: Cursor, whole: bool) -> tuple[float, ...]:
    token = at.token
    found: list[float] = []
    needed = "a whole number" if whole else "a number"
    if token[0] == "alias":
        found.extend(at.aliases.get(at.take()[1], ()))
        if token[1] not in at.aliases:
            raise at.error(f"the alias {token[1]} is not defined, needed a line {token[1]} = (0.1, 0.2)", token)
    elif token[0] == "(":
        at.items("(", ")", needed, lambda: found.append(at.number(needed)))
    else:
        found.append(at.number(f"{needed}, a list in parentheses or an alias such as #s0"))
    if whole and any(isinstance(number, float) for number in found):
        raise at.error(f"found {next(n for n in found if isinstance(n, float))}, needed whole numbers", token)
    if any(isinstance(n, int) and n.bit_length() > 1000 for n in found):
        raise at.error("found a number of more than 300 digits, needed a smaller one", token)
    return tuple(found)


def define_aliases(at: Cursor) -> None:
    """Collect every `#name = (...)` of the text, so that a use may stand before its definition."""
    last = len(at.tokens) - 1
    for index, token in enumerate(at.tokens):
        if token[0] == "alias" and index < last and at.tokens[index + 1][0] == "=":
            at.index = index + 2
            if token[1] in at.aliases:
                raise at.error(f"the alias {token[1]} is defined twice", token)
            at.aliases[token[1]] = _numbers(at, whole=False)
    at.index = 0


def skip_alias(at: Cursor) -> None:
    """Step over a definition that `define_aliases` has read."""
    at.take()
    at.expect("=", "'=' after the alias")
    _numbers(at, whole=False)
