"""`gossamer compare`: which of several searches found more, and how fast."""

from pathlib import Path
from typing import Annotated

import typer

from gossamer.cli.output import JsonFlag, Output
from gossamer.cli.report import ReferenceOption, parse_reference

EXAMPLE = (
    "Example: [bold]gossamer compare runs/random-0 runs/random-1 runs/nsga2-0 runs/nsga2-1[/bold]   "
    "ends with a table, a row per method with the spread over its seeds, and the path of a page."
)


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Folders, stores or database URLs of searches.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page.")] = Path("compare.html"),
    objectives: Annotated[
        str | None,
        typer.Option(help="Compare by these, which every search has measured.", show_default="those of the first"),
    ] = None,
    reference: ReferenceOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare searches by one yardstick: hypervolume over evaluations and time, distance to the best front known."""
    from rich.markup import escape

    from gossamer.report.searches.several import compare_searches, document, sentences, table, write_page

    with Output(as_json) as out:
        found = compare_searches(runs, objectives, parse_reference(reference))
        path = write_page(found, output)
        notes = [f"[dim]{escape(text)}[/dim]" for text in sentences(found)]
        out.answer({**document(found), "page": path}, table(found), "", *notes, f"\npage {escape(str(path))}")
