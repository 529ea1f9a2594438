"""Colours for IR text and diffs on a terminal; piped, or with NO_COLOR set, text stays plain."""

import os
import re
import sys

_RESET = "\x1b[0m"
_DIFF = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}
_IR = (
    ("comment", r"(?m:^\s*//.*$)|  # .*$", "\x1b[2m"),
    ("op", r"(?<== )(?:[a-z_]+\.)[a-z0-9_.]+", "\x1b[1m"),
    ("type", r"\b(?:[iuf][0-9]+|bf16|f8e4m3|f8e5m2|bool)\[[0-9,]*\]", "\x1b[36m"),
    ("note", r"@(?:schedule|label)\b", "\x1b[35m"),
    ("loop", r"\b(?:for|in)\b", "\x1b[34m"),
)
_PATTERN = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern, _ in _IR), re.MULTILINE)
_COLOURS = {name: colour for name, _, colour in _IR}


def coloured() -> bool:
    """Whether stdout is a terminal that wants colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint_ir(text: str) -> str:
    """IR text: ops, types, notes and loops stand out."""
    return _PATTERN.sub(lambda m: f"{_COLOURS[m.lastgroup or 'op']}{m[0]}{_RESET}", text)


def paint_screen(text: str) -> str:
    """A screen of `--op`: as IR text, with its headings."""
    return re.sub(r"(?m)^(\S.*)$", f"\x1b[1;34m\\1{_RESET}", paint_ir(text))


def paint_diff(text: str) -> str:
    """A unified diff: green what came, red what went."""
    return "".join(_painted(line) for line in text.splitlines(keepends=True))


def _painted(line: str) -> str:
    bare = line.rstrip("\n")
    colour = _DIFF.get(line[:1])
    return f"{colour}{bare}{_RESET}\n" if colour else line
