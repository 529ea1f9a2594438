"""The record as Markdown: times, ratios, memory, seconds of preparation."""

import math
from collections.abc import Iterable, Sequence

from benchmarks.runtimes.engines import ENGINES, OURS, PEERS
from benchmarks.runtimes.models import NETS, PRECISIONS
from benchmarks.runtimes.results import Record, Row, fastest, geometric_mean, ratio

PRECISION_TITLES = {
    "fp32": "fp32",
    "int8": "int8: QDQ, uint8 activations, int8 weights per channel",
    "s8s8": "int8: QDQ, int8 activations, int8 weights per channel",
}


def markdown(record: Record) -> str:
    """Everything there is, precision by precision."""
    parts = [_about(record)]
    for precision in PRECISIONS:
        nets = nets_of(record, precision)
        if nets:
            parts += [f"### {PRECISION_TITLES[precision]}", times(record, precision), memory(record, precision)]
            parts += [preparation(record, precision), *_notes(record, precision)]
    return "\n\n".join(parts) + "\n"


def short(record: Record) -> str:
    """Medians and ratios alone."""
    parts = [_about(record)]
    for precision in PRECISIONS:
        if nets_of(record, precision):
            parts += [times(record, precision, f"{precision}: median ms", spread=False), *_notes(record, precision)]
    return "\n\n".join(parts) + "\n"


def times(record: Record, precision: str, corner: str = "median (p10 to p90), ms", spread: bool = True) -> str:
    """Median ms (p10 to p90) of every engine; Gossamer over the fastest peer by medians (by their fastest runs)."""
    engines, ours = engines_of(record, precision), [e for e in OURS if e in engines_of(record, precision)]
    head = [corner, *engines, *(f"{e} / fastest peer" for e in ours)]
    lines = [*_head(head)]
    for net in nets_of(record, precision):
        rows = record.of(net, precision)
        first = fastest(rows)
        cells = [_time(rows.get(e), first, spread) for e in engines]
        ratios = [_ratio(ratio(rows, e), ratio(rows, e, "least_ms")) for e in ours]
        lines.append(_line([_title(net), *cells, *ratios]))
    means = [_ratio(mean(record, precision, e), mean(record, precision, e, "least_ms")) for e in ours]
    if any(m != "-" for m in means):
        count = len([n for n in nets_of(record, precision) if _counted(n)])
        lines.append(_line([f"geometric mean of {count}", *("" for _ in engines), *means]))
    return "\n".join(lines)


def memory(record: Record, precision: str) -> str:
    """MiB after the imports, and of the whole process."""
    engines = engines_of(record, precision)
    lines = [*_head(["memory, MiB: the network's (whole process)", *engines])]
    for net in nets_of(record, precision):
        rows = record.of(net, precision)
        lines.append(_line([_title(net), *(_memory(rows.get(e)) for e in engines)]))
    return "\n".join(lines)


def preparation(record: Record, precision: str) -> str:
    """Seconds of compilation, done once, + seconds from there to the first output in a new process."""
    engines = engines_of(record, precision)
    lines = [*_head(["compile + load, s", *engines])]
    for net in nets_of(record, precision):
        rows = record.of(net, precision)
        lines.append(_line([_title(net), *(_seconds(rows.get(e)) for e in engines)]))
    return "\n".join(lines)


def mean(record: Record, precision: str, engine: str, quantity: str = "median_ms") -> float:
    """Geometric mean of the ratios over the networks that count; nan when one of them has none."""
    values = [ratio(record.of(n, precision), engine, quantity) for n in nets_of(record, precision) if _counted(n)]
    return math.nan if any(math.isnan(v) for v in values) else geometric_mean(values)


def nets_of(record: Record, precision: str) -> list[str]:
    """Networks with rows in this precision, those of the list first."""
    found = {r.net for r in record.rows if r.precision == precision}
    return [n for n in NETS if n in found] + sorted(found - set(NETS))


def engines_of(record: Record, precision: str) -> list[str]:
    """Engines that ran at least one network, in the list's order."""
    found = {r.engine for r in record.rows if r.precision == precision and not math.isnan(r.median_ms)}
    return [e for e in ENGINES if e in found]


def _about(record: Record) -> str:
    versions = {r.engine: r.version for r in record.rows if r.version and r.engine in (*PEERS, "gossamer")}
    lines = [", ".join(f"{name} {versions[name]}" for name in ENGINES if name in versions)]
    return "\n".join([*dict.fromkeys(text for _, text in record.machines), *lines])


def _notes(record: Record, precision: str) -> Iterable[str]:
    """One line for every engine that failed, with the networks it failed on in the same way."""
    where: dict[tuple[str, str], list[str]] = {}
    for net in nets_of(record, precision):
        for row in record.of(net, precision).values():
            if row.note:
                where.setdefault((row.engine, row.note), []).append(_title(net))
    if where:
        yield "\n".join(f"- {engine}, {', '.join(nets)}: {note}" for (engine, note), nets in where.items())


def _title(net: str) -> str:
    return NETS[net].title if net in NETS else net


def _counted(net: str) -> bool:
    return net in NETS and NETS[net].counted


def _time(row: Row | None, first: Row | None, spread: bool) -> str:
    if row is None or math.isnan(row.median_ms):
        return "-" if row is None else "failed"
    between = f" ({number(row.p10_ms)} to {number(row.p90_ms)})" if spread else ""
    text = number(row.median_ms) + between
    if row.note:
        return f"{text} wrong"
    return f"**{text}**" if row is first else text


def _memory(row: Row | None) -> str:
    known = row is not None and row.peak_bytes
    return f"{row.own_bytes / 2**20:.0f} ({row.peak_bytes / 2**20:.0f})" if row is not None and known else "-"


def _seconds(row: Row | None) -> str:
    if row is None or not row.load_s:
        return "-"
    return f"{row.compile_s:.1f} + {row.load_s:.2f}" if row.compile_s >= 0.05 else f"{row.load_s:.2f}"


def _ratio(medians: float, least: float) -> str:
    return "-" if math.isnan(medians) else f"{medians:.2f} ({least:.2f})"


def number(value: float) -> str:
    """Three digits."""
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}" if value > 0 else f"{value:g}"


def _head(cells: Sequence[str]) -> tuple[str, str]:
    return _line(cells), "|" + "---|" * len(cells)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
