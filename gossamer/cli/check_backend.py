"""`gossamer check-backend NAME`: the conformance suite, for built-in targets and anyone's own."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gossamer.cli.output import JsonFlag, Output

if TYPE_CHECKING:
    from rich.table import Table

EXAMPLE = (
    "Example: [bold]gossamer check-backend systolic[/bold]   "
    "tries every promise of the backend seam; exit code 1 when one is broken."
)


def check_backend(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An installed target; `gossamer targets` lists them.")],
    as_json: JsonFlag = False,
) -> int:
    """Check that a target keeps every promise of the backend seam."""
    import gossamer.api as api

    with Output(as_json) as out:
        with out.working(f"checking {name}"):
            findings = api.check_backend(name)
        broken = sum(not item.passed for item in findings)
        rows: list[dict[str, Any]] = [{"check": f.check, "passed": f.passed, "detail": f.detail} for f in findings]
        verdict = f"{name}: {len(rows) - broken} checks passed, {broken} failed"
        out.answer({"target": name, "passed": broken == 0, "checks": rows}, findings_table(rows), verdict)
    return 1 if broken else 0


def findings_table(rows: list[dict[str, Any]]) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table("", "check", "detail", box=None, header_style="bold", pad_edge=False)
    for row in rows:
        mark = "[green]passed[/green]" if row["passed"] else "[red]FAILED[/red]"
        table.add_row(mark, escape(row["check"]), escape(row["detail"]))
    return table
