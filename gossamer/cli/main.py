"""`gossamer`: the commands, and the one place that turns errors into a sentence and an exit code.

Exit codes: 0 done, 1 a check that was asked for failed, 2 the input was at fault, 130 interrupted. A mistake of the
user's is one sentence on stderr; with `--json` the same sentence is also the document: `{"error": "..."}`.
"""

import os
import sys
import warnings
from typing import Annotated, TextIO, cast

import typer

import gossamer
from gossamer.cli import check_backend, compare, compile, export, inspect, recipes, report, run, search, targets
from gossamer.ir.errors import GossamerError

# typer has its own copy of click in some versions; this is the base of every usage error in all of them.
_UsageError = cast(type[Exception], typer.BadParameter.__mro__[1])

INTERRUPTED = 130

app = typer.Typer(
    name="gossamer",
    help="Co-design a neural network and the hardware it runs on.",
    epilog="Each command's --help shows a worked example. All take --json: one JSON document on stdout, nothing else.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"gossamer {gossamer.__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it and stop.")
    ] = False,
) -> None:
    del version


app.command("compile", epilog=compile.EXAMPLE)(compile.compile)
app.command("run", epilog=run.EXAMPLE)(run.run)
app.command("search", epilog=search.EXAMPLE)(search.search)
app.command("report", epilog=report.EXAMPLE)(report.report)
app.command("recipes", epilog=recipes.EXAMPLE)(recipes.recipes)
app.command("compare", epilog=compare.EXAMPLE)(compare.compare)
app.command("inspect", epilog=inspect.EXAMPLE)(inspect.inspect)
app.command("export", epilog=export.EXAMPLE)(export.export)
app.command("targets", epilog=targets.EXAMPLE)(targets.targets)
app.command("check-backend", epilog=check_backend.EXAMPLE)(check_backend.check_backend)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    with warnings.catch_warnings():
        warnings.showwarning = _warn
        return _run(given)


def _run(given: list[str]) -> int:
    try:
        code = app(given, prog_name="gossamer", standalone_mode=False)
        # typer turns Ctrl-C into this code and says nothing
        return _fail("interrupted", given, code) if code == INTERRUPTED else code if isinstance(code, int) else 0
    except _UsageError as error:
        if not given:  # typer has already shown the help
            return 2
        return _fail(f"{_message(error)} (see `gossamer {_command(given)}--help`)", given)
    except GossamerError as error:
        return _fail(str(error), given)
    except BrokenPipeError:
        # The reader (`| head`) has left; nothing can be said on stdout any more, at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{(error.strerror or str(error)).lower()}; nothing was overwritten", given)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", given, INTERRUPTED)


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning as a person reads it: what it says, not which line of the program said it."""
    sys.stderr.write(f"warning: {' '.join(str(message).split())}\n")


def _message(error: BaseException) -> str:
    text = error.format_message() if hasattr(error, "format_message") else str(error)  # type: ignore[attr-defined]
    return text.rstrip(".")


def _command(given: list[str]) -> str:
    names = {info.name for info in app.registered_commands}
    return f"{given[0]} " if given and given[0] in names else ""


def _fail(sentence: str, given: list[str], code: int = 2) -> int:
    text = " ".join(sentence.split())
    sys.stderr.write(f"error: {text}\n")
    if "--json" in given:
        import json

        sys.stdout.write(json.dumps({"error": text}) + "\n")
    return code
