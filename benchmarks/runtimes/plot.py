"""The record as SVG: a group of dots a network, each engine's median over the fastest peer's, p10 to p90 as a line.

Drawn here, so that it needs no browser and no plotter; equal records give equal files.
"""

import math
from collections.abc import Sequence
from html import escape

from benchmarks.runtimes.models import NETS
from benchmarks.runtimes.results import Record, Row, fastest
from benchmarks.runtimes.tables import engines_of, nets_of, number

COLOURS = {
    "gossamer": "#1f6fd6", "gossamer tuned": "#0b2f6b", "onnxruntime": "#e07b39", "OpenVINO": "#2f9e6e",
    "torch": "#c9a227", "torch.compile": "#b5483f", "IREE": "#8a63b8",
}  # fmt: skip
WIDTH, LEFT, RIGHT, TOP, ROW, BELOW = 810, 266, 24, 74, 30, 62
LOW, HIGH = 0.4, 8.0
TICKS = (0.5, 0.75, 1, 1.5, 2, 3, 5, 8)


def svg(record: Record, precision: str, title: str) -> str:
    """Ratios on a logarithmic axis; what lies outside it stands at its edge with its number."""
    nets, engines = nets_of(record, precision), engines_of(record, precision)
    height = TOP + ROW * len(nets) + BELOW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" fill="#1d2433" '
        f'font-family="system-ui, DejaVu Sans, sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="16" y="24" font-size="15" font-weight="600">{escape(title)}</text>',
        *_legend(engines),
        *_axis(height - BELOW),
    ]
    for place, net in enumerate(nets):
        parts += _group(record.of(net, precision), engines, net, TOP + ROW * place)
    return "\n".join([*parts, "</svg>", ""])


def _legend(engines: Sequence[str]) -> list[str]:
    parts, x = [], 16.0
    for name in engines:
        parts.append(f'<circle cx="{x + 5:.0f}" cy="46" r="5" fill="{COLOURS[name]}"/>')
        parts.append(f'<text x="{x + 15:.0f}" y="50">{escape(name)}</text>')
        x += 34 + 6.6 * len(name)
    return parts


def _axis(bottom: int) -> list[str]:
    parts = []
    for tick in TICKS:
        x, shade = _x(tick), "#1d2433" if tick == 1 else "#e3e7f0"
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{bottom}" stroke="{shade}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{tick:g}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    words = "time over that of the fastest other runtime (left of 1: faster)"
    more = "beside the name that runtime's median; dots are medians, lines go from p10 to p90"
    place = f'x="{middle:.0f}" text-anchor="middle"'
    return [
        *parts,
        f'<text {place} y="{bottom + 36}">{words}</text>',
        f'<text {place} y="{bottom + 52}" font-size="11" fill="#6b7386">{more}</text>',
    ]


def _group(rows: dict[str, Row], engines: Sequence[str], net: str, top: int) -> list[str]:
    first = fastest(rows)
    name, middle = NETS[net].title if net in NETS else net, top + ROW / 2
    if first is None:
        return []
    label = f"{escape(name)} <tspan fill='#6b7386'>{number(first.median_ms)} ms</tspan>"
    parts = [f'<text x="{LEFT - 12}" y="{middle + 4:.1f}" text-anchor="end">{label}</text>']
    shown = [e for e in engines if e in rows and rows[e].valid]
    for place, engine in enumerate(shown):
        y = top + 4 + (ROW - 8) * (place + 0.5) / len(shown)
        parts += _dot(rows[engine], first.median_ms, y)
    return parts


def _dot(row: Row, unit: float, y: float) -> list[str]:
    colour = COLOURS[row.engine]
    low, middle, high = (_x(v / unit) for v in (row.p10_ms, row.median_ms, row.p90_ms))
    parts = [
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}" stroke-opacity=".45"/>',
        f'<circle cx="{middle:.1f}" cy="{y:.1f}" r="3.4" fill="{colour}"/>',
    ]
    if row.median_ms / unit > HIGH:
        text = f"{row.median_ms / unit:.0f}x"
        parts.append(f'<text x="{middle - 6:.1f}" y="{y + 3:.1f}" font-size="9" text-anchor="end">{text}</text>')
    return parts


def _x(value: float) -> float:
    place = math.log(min(max(value, LOW), HIGH) / LOW) / math.log(HIGH / LOW)
    return LEFT + place * (WIDTH - LEFT - RIGHT)
