"""Parsing what stands inside a statement: types, attribute values, schedules, hardware."""

import math
from collections.abc import Callable

from gossamer.ir.errors import IRError, ParseError, nearest
from gossamer.ir.lexer import MAX_NESTING, Token, error_at, line_column, tokenize, unquoted
from gossamer.ir.schedule import Schedule, Tile
from gossamer.ir.types import DType, Quant, TensorType

_WORDS = {"true": True, "false": False, "none": None, "inf": math.inf, "nan": math.nan}
_SCHEDULE = ("algorithm", "tile", "order", "unroll", "vectorize", "parallel", "layout", "dataflow")


class Cursor:
    """A place in the tokens, and the aliases of the whole text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.index = 0
        self.aliases: dict[str, tuple[float, ...]] = {}
        self.types: dict[str, TensorType] = {}

    @property
    def kind(self) -> str:
        return self.tokens[self.index][0]

    def sees(self, kind: str) -> bool:
        """Whether this token is of that kind."""
        return self.tokens[self.index][0] == kind

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def next_is(self, kind: str) -> bool:
        """Whether the token after this one is of that kind."""
        return self.kind != "end" and self.tokens[self.index + 1][0] == kind

    def take(self) -> Token:
        token = self.tokens[self.index]
        if token[0] != "end":
            self.index += 1
        return token

    def accept(self, kind: str) -> bool:
        if self.tokens[self.index][0] != kind:
            return False
        self.index += 1
        return True

    def accept_word(self, word: str) -> bool:
        found = self.token[:2] == ("word", word)
        self.index += found
        return found

    def expect(self, kind: str, needed: str) -> Token:
        if self.tokens[self.index][0] != kind:
            raise self.misfit(needed)
        return self.take()

    def misfit(self, needed: str) -> ParseError:
        """`found x, needed y` at this place."""
        kind, text, _ = self.token
        found = "the end of the text" if kind == "end" else f"'{text if len(text) <= 40 else text[:37] + '...'}'"
        return self.error(f"found {found}, needed {needed}")

    def error(self, message: str, token: Token | None = None) -> ParseError:
        return error_at(self.text, (token or self.token)[2], message)

    def fresh_line(self) -> bool:
        """Whether this token is the first of its line."""
        offset = self.token[2]
        return not self.text[self.text.rfind("\n", 0, offset) + 1 : offset].strip()

    def line(self, offset: int) -> str:
        return line_column(self.text, offset).split(":")[0]

    def items(self, opening: str, closing: str, what: str, item: Callable[[], object]) -> bool:
        """`(item, item)`, with or without a last comma; says whether there was one."""
        self.expect(opening, f"'{opening}' before {what}")
        while not self.accept(closing):
            item()
            if not self.accept(","):
                self.expect(closing, f"',' or '{closing}' after {what}")
                return False
            if self.accept(closing):
                return True
        return False

    def string(self, needed: str) -> str:
        return self.unquote(self.expect("string", needed))

    def unquote(self, token: Token, skip: int = 0) -> str:
        """What a string token says; `skip` characters stand before its quote."""
        try:
            return unquoted(token[1][skip:])
        except (ValueError, OverflowError) as error:
            raise self.error(f'found the escape {error} in a string, needed \\" \\\\ \\n \\t or \\u{{hex}}', token) from None

    def name(self, needed: str) -> str:
        """A word, or a string standing for one."""
        return self.string(needed) if self.kind == "string" else self.expect("word", needed)[1]

    def number(self, needed: str) -> int | float:
        if self.kind == "word" and self.token[1] in ("inf", "nan"):
            return math.inf if self.take()[1] == "inf" else math.nan
        token = self.expect("number", needed)
        try:
            return float(token[1]) if token[1].strip("-0123456789") else int(token[1])
        except ValueError:  # Python reads no whole number of more than 4300 digits
            raise self.error(f"found a number of {len(token[1])} digits, needed fewer", token) from None

    def whole(self, needed: str) -> int:
        token = self.token
        number = self.number(needed)
        if isinstance(number, float):
            raise self.error(f"found {number}, needed {needed}", token)
        return number


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
        raise at.misfit("a value: a number, true, false, none, a \"string\", a type such as f32[1,3], a graph in braces or a tuple of values")
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
            raise at.error(f"the alias {token[1]} is not defined; define it on a line of its own: {token[1]} = (0.1, 0.2)", token)
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


def schedule(at: Cursor) -> Schedule:
    """The fields after `@schedule`."""
    start = at.token
    found: dict[str, object] = {}
    while at.kind == "word" and at.next_is("="):
        token = at.take()
        if token[1] not in _SCHEDULE:
            raise at.error(f"a schedule has no field '{token[1]}'{nearest(token[1], _SCHEDULE)}", token)
        if token[1] in found:
            raise at.error(f"the schedule's {token[1]} is given twice", token)
        at.take()
        _schedule_field(at, token[1], found)
    if not found:
        raise at.misfit(f"a field of the schedule: {', '.join(f'{name}=' for name in _SCHEDULE)}")
    try:
        return Schedule(**found)  # pyright: ignore[reportArgumentType]
    except IRError as error:
        raise at.error(str(error), start) from None


def _schedule_field(at: Cursor, name: str, found: dict[str, object]) -> None:
    if name == "algorithm":
        found.update(_algorithm(at))
    elif name in ("layout", "dataflow"):
        found[name] = at.name(f"the name of a {name}")
    else:
        tiles: list[Tile] = []
        token = at.token
        at.items("(", ")", "an axis", lambda: tiles.append(_tile(at, sized=name in ("tile", "vectorize"))))
        if name == "vectorize" and len(tiles) != 1:
            raise at.error(f"found {len(tiles)} axes, needed one: vectorize=(oc:16)", token)
        found[name] = tuple(tiles) if name == "tile" else tiles[0] if name == "vectorize" else tuple(t.axis for t in tiles)


def _algorithm(at: Cursor) -> dict[str, object]:
    token = at.expect("word", "an algorithm: direct, im2col or winograd(m=4)")
    if token[1] not in ("direct", "im2col", "winograd"):
        raise at.error(f"unknown algorithm '{token[1]}'{nearest(token[1], ('direct', 'im2col', 'winograd'))}", token)
    if token[1] != "winograd":
        return {"algorithm": token[1]}
    for kind, text in (("(", "("), ("word", "m"), ("=", "=")):
        if at.expect(kind, "winograd(m=4)")[1] != text:
            raise at.error("found another word, needed winograd(m=4)", token)
    m = at.whole("a whole number, winograd's output tile")
    at.expect(")", "')' after winograd's m")
    return {"algorithm": "winograd", "winograd_m": m}


def _tile(at: Cursor, sized: bool) -> Tile:
    axis = at.name("the name of an axis")
    sizes: list[int] = []
    while sized and at.accept(":"):
        sizes.append(at.whole("a whole number, the tile's size"))
    return Tile(axis, tuple(sizes))
