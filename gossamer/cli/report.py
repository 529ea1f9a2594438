"""`gossamer report`: what a search has found so far and how, from its store."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from gossamer.cli.output import JsonFlag, Output
from gossamer.ir.errors import SearchError

EXAMPLE = (
    "Example: [bold]gossamer report runs/first[/bold]   "
    "while the search runs, when it has ended, or after it was killed; ends with a table and the path of a page."
)

ReferenceOption = Annotated[
    list[str] | None,
    typer.Option(
        help="A value of an objective beyond which a design is of no interest: accuracy=60%. May be repeated.",
        show_default="a tenth beyond the front",
    ),
]


def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, its store, or its database URL.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The page.", show_default="analysis.html in the folder")
    ] = None,
    reference: ReferenceOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Tables and a page of a search: its front, how it got there, and what the front has in common."""
    from rich.markup import escape

    from gossamer.report.searches.one import PAGE, document, front_table, report_search, shared_table, write_page
    from gossamer.report.tables import pairs_table

    with Output(as_json) as out:
        found = report_search(run, parse_reference(reference))
        path = write_page(found, output or (found.history.folder or Path()) / PAGE)
        rows = pairs_table([*((name, escape(value)) for name, value in found.facts.items()), ("page", str(path))])
        shared = [shared_table(found), ""] if found.shared else []
        notes = [f"[dim]{escape(text)}[/dim]" for text in found.sentences]
        out.answer({**document(found), "page": path}, front_table(found), "", *shared, rows, "", *notes)


def parse_reference(texts: Iterable[str] | None) -> dict[str, str]:
    """`["accuracy=60%"]` -> names and values. SearchError for a text without `=`."""
    found: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not value.strip():
            raise SearchError(f"--reference '{text}' is not like accuracy=60%")
        found[name.strip()] = value.strip()
    return found
