r"""Tokens of the text form: one regular expression, one pass; a place becomes `line:column` only for an error.

A token is `(kind, text, offset)`. Kinds: `value` (%x, %"any name"), `word` (nn.conv2d), `number` (-1, 2.5e-3, -inf),
`string` ("..."), `alias` (#s0), `mark` (@schedule), `end`, or a punctuation character standing for itself.
`// ...` runs to the end of the line. Strings escape `"`, `\` and what does not print: `\n`, `\t`, `\u{2028}`.
"""

import re
from typing import TypeAlias

from gossamer.ir.errors import ParseError

Token: TypeAlias = tuple[str, str, int]

MAX_NESTING = 64
"""Graphs within graphs, and tuples within tuples, go no deeper than this."""

_STRING = r'"(?:[^"\\\n]|\\.)*"'
_TOKEN = re.compile(
    rf"""(?:[ \t\r\n]++|//[^\n]*+)*+
       (?:(?P<value>%(?:[A-Za-z0-9_.]+|{_STRING}))
       |(?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
       |(?P<number>-?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|-inf\b)
       |(?P<punct>[:=,(){{}}\[\]])
       |(?P<string>{_STRING})
       |(?P<alias>\#[A-Za-z0-9_]+)
       |(?P<mark>@[a-z]+)
       |(?P<end>\Z))""",
    re.VERBOSE | re.ASCII,
)
_SKIPPED = re.compile(r"(?:[ \t\r\n]++|//[^\n]*+)*+")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_.]+", re.ASCII)
_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff]')
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-f]{1,6})\}|(.))")
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
_PLAIN = {escape[1]: char for char, escape in _SHORT.items()}


def tokenize(text: str) -> list[Token]:
    """All tokens, then one of kind `end`. ParseError where nothing fits."""
    tokens: list[Token] = []
    position, kind, match = 0, "", _TOKEN.match
    while kind != "end":
        found = match(text, position)
        if found is None:
            skipped = _SKIPPED.match(text, position)
            position = skipped.end() if skipped else position
            raise error_at(text, position, _misfit(text, position))
        kind = found.lastgroup or ""
        word, position = found[kind], found.end()
        tokens.append((word if kind == "punct" else kind, word, position - len(word)))
    return tokens


def _misfit(text: str, position: int) -> str:
    if text[position] == '"' or text.startswith('%"', position):
        return 'found a string without an end, needed a closing " on the same line'
    if text[position] in "%#@":
        return f"found {text[position]!r} without a name, needed one right after it"
    return f"found {text[position]!r}, needed IR text"


def line_column(text: str, offset: int) -> str:
    """`line:column`, both from 1."""
    return f"{text.count(chr(10), 0, offset) + 1}:{offset - text.rfind(chr(10), 0, offset)}"


def error_at(text: str, offset: int, message: str) -> ParseError:
    return ParseError(f"{line_column(text, offset)}: {message}")


def quoted(string: str) -> str:
    """The string as a string token."""
    return f'"{_ESCAPED.sub(_escape, string)}"'


def _escape(match: re.Match[str]) -> str:
    return _SHORT.get(match[0]) or f"\\u{{{ord(match[0]):x}}}"


def unquoted(token: str) -> str:
    """What a string token says. ValueError for an unknown escape."""
    return _ESCAPE.sub(_unescape, token[1:-1]) if "\\" in token else token[1:-1]


def _unescape(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    if match[2] not in _PLAIN:
        raise ValueError(f"\\{match[2]}")
    return _PLAIN[match[2]]


def value_name(name: str) -> str:
    """How a value is written: %x, or %"a name/with anything"."""
    return f"%{name}" if _NAME.fullmatch(name) else f"%{quoted(name)}"


def word(text: str) -> str:
    """A word as it is where it is one, else as a string."""
    return text if _WORD.fullmatch(text) else quoted(text)
