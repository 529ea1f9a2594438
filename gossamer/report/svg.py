"""`pareto.svg`: the front as a picture that any page can show - drawn here, so that it needs no browser and no plotter.

x is the first objective that is not an accuracy, y the accuracy, colour the last objective; grey dots are all
candidates that were evaluated. Equal reports give equal files.
"""

import math
from collections.abc import Sequence
from html import escape

from gossamer.report.axes import Axis, axis_of
from gossamer.report.data import SearchReport
from gossamer.search.objectives import Objective

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 72, 100, 46, 58
# viridis, from low to high
_COLOURS = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))


def pareto_svg(report: SearchReport) -> str:
    """The picture as text; a front of no designs gives an empty plot."""
    x, y, colour = _choose(report.objectives)
    columns = {item.key: [float(d.objectives[item.key]) for d in report.designs] for item in (x, y, colour)}
    index = {item.key: i for i, item in enumerate(report.objectives)}
    ax, ay = axis_of(x, columns[x.key]), axis_of(y, columns[y.key])
    shades = axis_of(colour, columns[colour.key])
    dots = [(p[index[x.key]], p[index[y.key]]) for p in report.explored]
    parts = [_head(report), *_grid(ax, ay), *_cloud(dots, ax, ay)]
    parts += [_edge(list(zip(columns[x.key], columns[y.key])), ax, ay, y.higher_is_better)]
    parts += [
        _point(ax, ay, a, b, _shade(shades.place(c))) for a, b, c in zip(*(columns[k.key] for k in (x, y, colour)))
    ]
    return "\n".join([*parts, *_legend(shades), "</svg>", ""])


def _choose(objectives: Sequence[Objective]) -> tuple[Objective, Objective, Objective]:
    y = next((item for item in objectives if item.higher_is_better), objectives[-1])
    rest = [item for item in objectives if item is not y] or [y]
    return rest[0], y, rest[-1]


def _x(axis: Axis, value: float) -> float:
    return LEFT + axis.place(value) * (WIDTH - LEFT - RIGHT)


def _y(axis: Axis, value: float) -> float:
    return HEIGHT - BOTTOM - axis.place(value) * (HEIGHT - TOP - BOTTOM)


def _head(report: SearchReport) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" fill="#1d2433" '
        f'font-family="system-ui, DejaVu Sans, sans-serif" font-size="12">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
        f'<text x="{LEFT}" y="26" font-size="15" font-weight="600">{escape(report.title)}</text>'
    )


def _grid(ax: Axis, ay: Axis) -> list[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [
        f'<rect x="{LEFT}" y="{TOP}" width="{right - LEFT}" height="{bottom - TOP}" fill="none" stroke="#d5dae6"/>'
    ]
    for tick in ax.ticks():
        x = _x(ax, tick)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}" stroke="#edf0f6"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{tick / ax.factor:.4g}</text>')
    for tick in ay.ticks():
        y = _y(ay, tick)
        parts.append(f'<line x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#edf0f6"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick / ay.factor:.4g}</text>')
    middle = (TOP + bottom) / 2
    parts.append(f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 16}" text-anchor="middle">{escape(ax.title)}</text>')
    parts.append(
        f'<text x="20" y="{middle}" text-anchor="middle" transform="rotate(-90 20 {middle})">{escape(ay.title)}</text>'
    )
    return parts


def _cloud(dots: Sequence[tuple[float, float]], ax: Axis, ay: Axis) -> list[str]:
    """At most 1500 of the candidates inside the frame: enough for a cloud, small enough for a page."""
    inside = [(a, b) for a, b in dots if ax.low < a < ax.high and ay.low < b < ay.high]
    kept = inside[:: max(1, -(-len(inside) // 1500))]
    return [
        f'<circle cx="{_x(ax, a):.1f}" cy="{_y(ay, b):.1f}" r="1.6" fill="#c3cad9" fill-opacity=".6"/>' for a, b in kept
    ]


def _edge(points: Sequence[tuple[float, float]], ax: Axis, ay: Axis, higher: bool) -> str:
    """The staircase of the points that nobody beats in these two objectives."""
    path, best = "", -math.inf
    for a, b in sorted(points, key=lambda p: (p[0], -p[1] if higher else p[1])):
        rank = b if higher else -b
        if rank > best:
            path += f"H{_x(ax, a):.1f}V{_y(ay, b):.1f}" if path else f"M{_x(ax, a):.1f},{_y(ay, b):.1f}"
            best = rank
    return f'<path d="{path}" fill="none" stroke="#3457d5" stroke-width="1.5" stroke-dasharray="2 4"/>' if path else ""


def _point(ax: Axis, ay: Axis, a: float, b: float, shade: str) -> str:
    return (
        f'<circle cx="{_x(ax, a):.1f}" cy="{_y(ay, b):.1f}" r="6" fill="{shade}" stroke="#1b2a5c" stroke-width=".8"/>'
    )


def _shade(place: float) -> str:
    at = min(max(place, 0.0), 1.0) * (len(_COLOURS) - 1)
    low = min(int(at), len(_COLOURS) - 2)
    rgb = (round(a + (b - a) * (at - low)) for a, b in zip(_COLOURS[low], _COLOURS[low + 1]))
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def _legend(axis: Axis) -> list[str]:
    left, span = WIDTH - RIGHT + 22, HEIGHT - TOP - BOTTOM
    step = span / 40
    parts = [
        f'<rect x="{left}" y="{HEIGHT - BOTTOM - (i + 1) * step:.1f}" width="12" height="{step + 0.5:.1f}" '
        f'fill="{_shade(i / 39)}"/>'
        for i in range(40)
    ]
    for tick in axis.ticks():
        parts.append(
            f'<text x="{left + 17}" y="{_y(axis, tick) + 4:.1f}" font-size="11">{tick / axis.factor:.3g}</text>'
        )
    parts.append(f'<text x="{left + 50}" y="{TOP - 10}" text-anchor="end" font-size="11">{escape(axis.title)}</text>')
    return parts
