"""Terminal tables: the front of a search, the layers of a network."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gossamer.report.data import SearchReport
from gossamer.report.units import quantity, show

if TYPE_CHECKING:
    from rich.table import Table


def front_table(report: SearchReport, most: int = 20) -> "Table":
    """The front, best accuracy first; the first `most` designs, with a last row that says how many more there are."""
    from rich.table import Table

    table = Table(
        title=report.title, title_justify="left", title_style="bold", box=None, header_style="bold", pad_edge=False
    )
    table.add_column("design")
    for item in report.objectives:
        table.add_column(item.label, justify="right")
    table.add_column("weight bits")
    table.add_column("hardware")
    for design in report.designs[:most]:
        shown = (show(item.key, design.objectives[item.key], item.unit) for item in report.objectives)
        bits = " ".join(str(b) for b in sorted({row.weight_bits for row in design.layers if row.macs}))
        table.add_row(design.name, *shown, bits, design.chip)
    if len(report.designs) > most:
        table.add_row(f"... {len(report.designs) - most} more")
    return table


def pairs_table(rows: Sequence[tuple[str, str]]) -> "Table":
    """Names and values, unboxed."""
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in rows:
        table.add_row(f"[bold]{name}[/bold]", value)
    return table


def milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else quantity(seconds, "s")
