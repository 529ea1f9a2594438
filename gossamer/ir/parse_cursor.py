"""A place in a text's tokens: what the parsers step through, and how their errors name a place."""

import math
from collections.abc import Callable

from gossamer.ir.errors import ParseError
from gossamer.ir.lexer import Token, error_at, line_column, tokenize, unquoted


class Cursor:
    """A place in the tokens, and the aliases of the whole text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.index = 0
        self.aliases: dict[str, tuple[float, ...]] = {}

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
            needed = '\\" \\\\ \\n \\t or \\u{hex}'
            raise self.error(f"found the escape {error} in a string, needed {needed}", token) from None

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
