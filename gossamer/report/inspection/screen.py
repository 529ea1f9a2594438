"""One op as a screen of text: operands, loop nest, work, schedule, its price on every target, its statement."""

from collections.abc import Mapping, Sequence

from gossamer.report.inspection.details import Details, Operand
from gossamer.report.inspection.prices import Price
from gossamer.report.inspection.titles import short_name, visible
from gossamer.report.units import quantity

MOST = 12
"""Ops of the same label that are listed."""

WIDTH = 44
"""Columns that the name of a value may take."""


def op_screen(found: Details, stage: str, others: Sequence[str] = ()) -> str:
    """The screen; ends with a newline. `others` are ops of the same label."""
    kind = found.kind if found.summary == found.kind else f"{found.kind}: {found.summary}"
    head = f"{visible(found.title)}  ({kind})"
    sections = [
        (f"{head}  after {stage}" if stage != "import" else head, []),
        ("operands", _values(found.operands)),
        ("results", _values(found.results)),
        ("loop nest", found.nest.splitlines()),
        ("work", [work(found)]),
        ("schedule", [found.schedule or "none: the target chooses"]),
        ("predicted cost", _prices(found.prices)),
        ("text", found.text.splitlines()),
    ]
    if others:
        more = [f"and {len(others) - MOST} more"] if len(others) > MOST else []
        sections.append(("other ops with this label", [*map(visible, others[:MOST]), *more]))
    return "\n".join("\n".join([name, *(f"  {line}" for line in lines), ""]) for name, lines in sections)


def work(found: Details) -> str:
    """`118 M MACs, 3.34 MB moved (0.64 MB read, 2.7 MB written), 35.4 MACs/B`."""
    moved = found.bytes_read + found.bytes_written
    intensity = "" if found.intensity is None else f", {found.intensity:.3g} MACs/B"
    read, written = quantity(found.bytes_read, "B"), quantity(found.bytes_written, "B")
    count = quantity(found.macs, "").strip()
    return f"{count} MACs, {quantity(moved, 'B')} moved ({read} read, {written} written){intensity}"


def _values(values: Sequence[Operand]) -> list[str]:
    return columns([_value(value) for value in values])


def _value(value: Operand) -> tuple[str, ...]:
    name = f"%{short_name(visible(value.name), WIDTH)}"
    return value.called, name, value.type, quantity(value.bytes, "B"), _brief(visible(value.where))


def _brief(where: str) -> str:
    return where if len(where) <= 80 else f"{where[:76]} ..."


def _prices(prices: Mapping[str, Price]) -> list[str]:
    if not prices:
        return ["none: it only names or views data"]
    head = ("target", "latency", "energy", "DRAM", "busy", "mapping")
    rows = [(name, *_price(price)) for name, price in prices.items() if not price.problem]
    problems = [f"{name}: does not fit: {price.problem}" for name, price in prices.items() if price.problem]
    return [*(columns([head, *rows]) if rows else []), *problems]


def _price(price: Price) -> tuple[str, str, str, str, str]:
    share = "" if price.utilization is None else f"{100 * price.utilization:.0f} %"
    numbers = ((price.latency_s, "s"), (price.energy_j, "J"), (price.dram_bytes, "B"))
    latency, energy, dram = ("unknown" if value is None else quantity(value, unit) for value, unit in numbers)
    return latency, energy, dram, share, price.mapping


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
