"""What `gossamer compile --explain` shows: why every layer is compiled as it is, and how near the peak it runs.

A table with a row a layer; a few lines a layer where the terminal is too narrow for that.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gossamer.ir.errors import BackendError

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.table import Table

    from gossamer.backends.base import Backend
    from gossamer.backends.explanation import Explains
    from gossamer.report.layers import LayerLine


SHOWN_S = 5e-8
"""Less than this is no time worth a number."""

CAPTION = "Times in microseconds. Parts of a machine work side by side: their sum is more than the layer takes."


def explainer(backend: "Backend") -> "Explains":
    """The backend, if it can say why. Raises BackendError when it cannot."""
    from gossamer.backends.explanation import Explains

    if not isinstance(backend, Explains):
        raise BackendError(f"{backend.name}: cannot explain its choices; leave --explain out")
    return backend


def explained_rows(found: "Iterable[Any]", lines: "Sequence[LayerLine]") -> list[dict[str, Any]]:
    """Every explanation with what was measured: seconds, operations a second, share of the machine's peak."""
    times = {line.name: line.measured_s for line in lines}
    rows: list[dict[str, Any]] = []
    for item in found:
        measured, row = times.get(item.title), dict(vars(item))
        rate = 2 * item.macs / measured if measured and item.macs else None
        row |= {
            "measured_s": measured,
            "flops_per_s": rate,
            "peak_share": None if rate is None else rate / (2 * item.peak_macs_per_s),
        }
        rows.append(row)
    return rows


@dataclass(frozen=True)
class Explanations:
    """Rows of `explained_rows`, for a console of any width."""

    rows: "Sequence[dict[str, Any]]"

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[RenderableType]":
        table = explain_table(self.rows)
        if console.measure(table, options=options.update(max_width=10_000)).maximum <= options.max_width:
            yield table
        else:
            yield from (line for row in self.rows for line in _lines(row))
        yield f"[dim italic]{CAPTION}[/dim italic]"


def explain_table(rows: "Sequence[dict[str, Any]]") -> "Table":
    """One row a layer; parts of the machine that none of them uses have no column."""
    from rich.table import Table

    parts = {name: None for row in rows for name, seconds in row["parts_s"].items() if seconds >= SHOWN_S}
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("layer", "chosen", "bound by"):
        table.add_column(name, no_wrap=True)
    for name in (*parts, "predicted", "measured", "Gop/s", "of peak", "MAC/B"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("next best", no_wrap=True)
    for name in ("its time", "error", "copied"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row, parts))
    return table


def _lines(row: dict[str, Any]) -> "Iterator[RenderableType]":
    """What a row says, in words: empty cells are left out."""
    from rich.markup import escape
    from rich.padding import Padding

    parts = [name for name, seconds in row["parts_s"].items() if seconds >= SHOWN_S]
    title, chosen, bound, *numbers = _cells(row, parts)
    spent, (took, measured, rate, share, intensity, other, ratio, error, copied) = numbers[:-9], numbers[-9:]
    said = ((took, "predicted {} us"), (measured, "measured {} us"), (rate, "{} Gop/s"), (share, "{} of peak"))
    times = ", ".join(form.format(value) for value, form in (*said, (intensity, "{} MAC/B")) if value)
    busy = ", ".join(f"{name} {value}" for name, value in zip(parts, spent, strict=True))
    rest = ((f"{other} {ratio}" if other else "", "next best {}"), (error, "error {}"), (copied, "copied {}"))
    yield f"[bold]{title}[/bold]"
    for text in (
        f"{escape(chosen)}: {times}" if times else escape(chosen),
        f"bound by {bound}: {busy}" if bound else "",
        ", ".join(form.format(value) for value, form in rest if value),
    ):
        if text:
            yield Padding(text, (0, 0, 0, 2), expand=False)


def _cells(row: dict[str, Any], parts: "Iterable[str]") -> tuple[str, ...]:
    from rich.markup import escape

    from gossamer.report.units import quantity

    rate, share, ratio, error = (row[key] for key in ("flops_per_s", "peak_share", "runner_up_ratio", "relative_error"))
    return (
        escape(row["title"]),
        row["schedule"] if row["algorithm"] == "direct" and row["schedule"] else row["algorithm"],
        row["bound"],
        *(_us(row["parts_s"].get(name)) for name in parts),
        _us(row["predicted_s"]),
        _us(row["measured_s"]),
        "" if rate is None else f"{rate / 1e9:.3g}",
        "" if share is None else f"{share:.0%}",
        f"{row['macs_per_byte']:.3g}" if row["macs"] else "",
        row["runner_up"],
        "" if ratio is None else f"x{ratio:.2f}",
        "" if error is None else f"{error:.1g}",
        quantity(row["copied_bytes"], "B") if row["copied_bytes"] else "",
    )


def _us(seconds: float | None) -> str:
    if seconds is None or seconds < SHOWN_S:
        return ""
    return f"{seconds * 1e6:.0f}" if seconds >= 1e-5 else f"{seconds * 1e6:.1f}"
