"""The table of `gossamer compile --explain`: why every layer is compiled as it is, and how near the peak it runs."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from gossamer.ir.errors import BackendError

if TYPE_CHECKING:
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


def explain_table(rows: "Sequence[dict[str, Any]]") -> "Table":
    """One row a layer; parts of the machine that none of them uses have no column."""
    from rich.table import Table

    parts = {name: None for row in rows for name, seconds in row["parts_s"].items() if seconds >= SHOWN_S}
    table = Table(box=None, header_style="bold", pad_edge=False, caption=CAPTION, caption_justify="left")
    table.add_column("layer", overflow="fold")
    table.add_column("chosen", overflow="fold")
    table.add_column("bound by", no_wrap=True)
    for name in (*parts, "predicted", "measured", "GFLOP/s", "of peak", "MAC/B"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("next best", overflow="fold")
    for name in ("its time", "error", "copied"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row, parts))
    return table


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
