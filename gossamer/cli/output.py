"""What a command says: a table for a person, or with `--json` exactly one JSON document on stdout.

    with Output(as_json) as out:
        with out.working("compiling"):
            ...
        out.answer({"layers": 21}, table)

Invariant: with `--json`, nothing but the document reaches stdout, whatever libraries print, because file descriptor 1
points at stderr until the answer is written.
"""

import ctypes
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress

JsonFlag: TypeAlias = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]


class Output:
    """Tables go to stdout, progress and remarks to stderr."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._saved = -1
        self._stdout = sys.stdout
        self._document: Mapping[str, Any] | None = None

    def __enter__(self) -> "Output":
        if self.as_json:
            self._stdout.flush()
            self._saved = os.dup(1)
            os.dup2(2, 1)
            sys.stdout = sys.stderr
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._saved < 0:
            return
        # What the C library still holds for descriptor 1 must leave before the descriptor is ours again.
        ctypes.CDLL(None).fflush(None)
        sys.stdout = self._stdout
        os.dup2(self._saved, 1)
        os.close(self._saved)
        if error is None and self._document is not None:
            self._stdout.write(json.dumps(plain(self._document), allow_nan=False) + "\n")
            self._stdout.flush()

    def answer(self, document: Mapping[str, Any], *shown: "RenderableType") -> None:
        """The command's result, in both forms."""
        if self.as_json:
            self._document = document
            return
        console = wide_console()
        for item in shown:
            console.print(item)

    def text(self, document: Mapping[str, Any], text: str) -> None:
        """The command's result where a person reads it as it is: no wrapping, no colours, no markup."""
        if self.as_json:
            self._document = document
        else:
            sys.stdout.write(text)

    def note(self, text: str) -> None:
        """A remark for the person, on stderr."""
        error_console().print(text, highlight=False, soft_wrap=True, markup=False)

    @contextmanager
    def working(self, what: str) -> Iterator[Callable[[str], None]]:
        """A spinner on stderr while something of unknown length goes on; gives what says something else there."""
        from rich.markup import escape  # names of files may have brackets

        with error_console().status(escape(what)) as status:
            yield lambda now: status.update(escape(now))

    @contextmanager
    def progress(self) -> Iterator["Progress"]:
        """Progress bars on stderr; disabled where that is no terminal."""
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        console = error_console()
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            yield bar


def wide_console() -> "Console":
    """Stdout. Piped into a file a table keeps its columns instead of being cut at 80."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=160)


def error_console() -> "Console":
    from rich.console import Console

    return Console(stderr=True)


def plain(value: Any) -> Any:
    """JSON's own types: numpy scalars and arrays unwrapped, infinities and NaN as null, other objects as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, bool | str | None):
        return value
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value)
