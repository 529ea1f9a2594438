"""`gossamer targets [NAME]`: what is installed, and what hardware parameters each target has."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gossamer.cli.output import JsonFlag, Output
from gossamer.ir.errors import GossamerError

if TYPE_CHECKING:
    from rich.table import Table

    from gossamer.backends.base import Backend

EXAMPLE = (
    "Example: [bold]gossamer targets systolic[/bold]   "
    "every parameter of the array, its unit, its range and the values a search tries."
)


def targets(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One target, with its hardware parameters.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the installed targets, or show one target's hardware parameters with units and ranges."""
    from gossamer.ir.registry import BACKENDS

    with Output(as_json) as out:
        if name is not None:
            backend: Backend = BACKENDS.load(name)
            out.answer(
                describe(backend, BACKENDS.owner(name)),
                f"[bold]{name}[/bold]: {backend.summary}",
                parameter_table(backend),
            )
            return
        rows = [_row(each) for each in BACKENDS.names()]
        out.answer({"targets": rows}, target_table(rows))


def _row(name: str) -> dict[str, Any]:
    """A target as data; one that cannot be loaded says why, and does not keep the others from being listed."""
    from gossamer.ir.registry import BACKENDS

    try:
        return describe(BACKENDS.load(name), BACKENDS.owner(name))
    except GossamerError as error:
        return {"name": name, "summary": f"cannot be used: {error}", "package": BACKENDS.owner(name), "parameters": []}


def describe(backend: "Backend", owner: str) -> dict[str, Any]:
    """A target as data."""
    from dataclasses import asdict

    parameters = [asdict(info) for info in backend.hardware.parameters()]
    return {"name": backend.name, "summary": backend.summary, "package": owner, "parameters": parameters}


def target_table(rows: list[dict[str, Any]]) -> "Table":
    from rich.table import Table

    table = Table("target", "what it is", "parameters", "from", box=None, header_style="bold")
    for row in rows:
        searchable = sum(bool(info["search"]) for info in row["parameters"])
        table.add_row(row["name"], row["summary"], f"{len(row['parameters'])}, {searchable} searchable", row["package"])
    return table


def parameter_table(backend: "Backend") -> "Table":
    from rich.table import Table

    table = Table("parameter", "default", "unit", "range", "a search tries", "meaning", box=None, header_style="bold")
    for info in backend.hardware.parameters():
        bounds = ", ".join(info.choices) if info.choices else f"{number(info.low)} .. {number(info.high)}"
        tried = ", ".join(number(value) for value in info.search) or "fixed"
        table.add_row(info.name, number(info.default), info.unit, bounds, tried, info.doc)
    return table


def number(value: float | int | str | None) -> str:
    """`1000000000.0` -> `1e+09`, `65536` -> `65536`, None -> `any`."""
    if value is None:
        return "any"
    return f"{value:g}" if isinstance(value, float) else str(value)
