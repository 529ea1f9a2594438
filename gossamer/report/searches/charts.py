"""Pictures for the pages of searches: scatter plots of fronts, curves, parallel coordinates. They are SVG text drawn
here, so that a page needs no plotting library and stays small.

Every mark carries its numbers as a `<title>`, which browsers show when the pointer rests on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from gossamer.report.axes import Axis
from gossamer.search.indicators import best

COLOURS = ("#3457d5", "#e4572e", "#21918c", "#8a3ffc", "#c9a20b", "#d12771", "#5b6478", "#44a852")
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 14, 46
MOST_DOTS = 2500


@dataclass(frozen=True)
class Frame:
    """A picture's size and its two axes."""

    x: Axis
    y: Axis
    width: int = 540
    height: int = 360

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Place in the picture."""
        across = LEFT + self.x.place(x) * (self.width - LEFT - RIGHT)
        return across, self.height - BOTTOM - self.y.place(y) * (self.height - TOP - BOTTOM)

    def holds(self, x: float, y: float) -> bool:
        return self.x.low <= x <= self.x.high and self.y.low <= y <= self.y.high

    def picture(self, marks: Sequence[str]) -> str:
        """The whole picture: axes, then marks."""
        return "\n".join([_open(self.width, self.height), *self._axes(), *marks, "</svg>"])

    def _axes(self) -> list[str]:
        right, bottom = self.width - RIGHT, self.height - BOTTOM
        parts: list[str] = []
        for tick in self.x.ticks():
            x = self.at(tick, self.y.low)[0]
            parts.append(f'<path d="M{x:.1f},{TOP}V{bottom}" class="grid"/>')
            parts.append(_text(x, bottom + 17, _tick(tick / self.x.factor)))
        for tick in self.y.ticks():
            y = self.at(self.x.low, tick)[1]
            parts.append(f'<path d="M{LEFT},{y:.1f}H{right}" class="grid"/>')
            parts.append(_text(LEFT - 7, y + 4, _tick(tick / self.y.factor), "end"))
        middle = (TOP + bottom) / 2
        parts.append(f'<path d="M{LEFT},{TOP}V{bottom}H{right}" class="edge"/>')
        parts.append(_text((LEFT + right) / 2, self.height - 8, self.x.title))
        turned = f' transform="rotate(-90 15 {middle:.0f})"'
        return [*parts, _text(15, middle, self.y.title, extra=turned)]


@dataclass(frozen=True)
class Dots:
    """Points of one colour. `titles` say what each one is; `line`: joined as a staircase of what is best."""

    points: NDArray[np.float64]
    colour: str
    radius: float = 4.5
    titles: Sequence[str] = ()
    opacity: float = 1.0


def dots(frame: Frame, group: Dots) -> list[str]:
    """Circles; of very many without titles only a part, spread evenly over them."""
    x, y = group.points[:, 0], group.points[:, 1]
    held = (frame.x.low <= x) & (x <= frame.x.high) & (frame.y.low <= y) & (y <= frame.y.high)
    inside: list[int] = np.flatnonzero(held).tolist()
    kept = inside if group.titles else inside[:: max(1, -(-len(inside) // MOST_DOTS))]
    found: list[str] = []
    for place in kept:
        across, up = frame.at(*group.points[place].tolist())
        tail = f"><title>{escape(group.titles[place])}</title></circle>" if group.titles else "/>"
        found.append(f'<circle cx="{across:.1f}" cy="{up:.1f}" r="{group.radius}"{tail}')
    opacity = f' opacity="{group.opacity}"' if group.opacity < 1 else ""
    return [f'<g fill="{group.colour}"{opacity}>', *found, "</g>"] if found else []


def staircase(frame: Frame, points: NDArray[np.float64], up: tuple[bool, bool], colour: str) -> list[str]:
    """The edge of what [n, 2] points beat; `up`: in which of the two more is better."""
    signs = np.where(up, -1.0, 1.0)
    edge = points[best(points * signs)]
    edge = edge[np.argsort(edge[:, 0] * signs[0], kind="stable")]
    places = [frame.at(*point) for point in edge.tolist() if frame.holds(*point)]
    if len(places) < 2:
        return []
    steps = "".join(f"H{x:.1f}V{y:.1f}" for x, y in places[1:])
    path = f"M{places[0][0]:.1f},{places[0][1]:.1f}{steps}"
    return [f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.3" stroke-dasharray="3 3"/>']


def limit_line(frame: Frame, value: float, across: bool, text: str) -> list[str]:
    """A dashed line at a limit; `across`: on the vertical axis."""
    axis = frame.y if across else frame.x
    if not axis.low <= value <= axis.high:
        return []
    x, y = frame.at(frame.x.low if across else value, value if across else frame.y.low)
    path = f"M{LEFT},{y:.1f}H{frame.width - RIGHT}" if across else f"M{x:.1f},{TOP}V{frame.height - BOTTOM}"
    return [f'<path d="{path}" class="limit"><title>limit {escape(text)}</title></path>']


def curve(
    frame: Frame,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    colour: str,
    title: str,
    band: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> list[str]:
    """A line that steps from value to value, and the band between the lowest and the highest of several."""
    found: list[str] = []
    if band is not None:
        way = [*zip(x.tolist(), band[0].tolist()), *zip(x[::-1].tolist(), band[1][::-1].tolist())]
        found.append(f'<polygon points="{_way(frame, way)}" fill="{colour}" opacity="0.15"/>')
    line = _way(frame, list(zip(np.repeat(x, 2)[1:].tolist(), np.repeat(y, 2)[:-1].tolist())))
    paint = f'fill="none" stroke="{colour}" stroke-width="2"'
    return [*found, f'<polyline points="{line}" {paint}><title>{escape(title)}</title></polyline>']


def parallel(axes: Sequence[Axis], rows: Sequence[Sequence[float]], up: Sequence[bool], titles: Sequence[str]) -> str:
    """Parallel coordinates: a line per design, an axis per goal with its better end on top; the colour follows the
    first axis.
    """
    width, height, bottom, top = 1100, 330, 300, 40
    gap = (width - 180) / max(len(axes) - 1, 1)
    parts = [_open(width, height)]
    for row, title in zip(rows, titles):
        shares = [axis.place(value) if good else 1 - axis.place(value) for axis, value, good in zip(axes, row, up)]
        way = " ".join(f"{90 + i * gap:.1f},{bottom - share * (bottom - top):.1f}" for i, share in enumerate(shares))
        parts.append(f'<polyline points="{way}" class="way" stroke="{_shade(shares[0])}"><title>{escape(title)}</title>'
                     "</polyline>")  # fmt: skip
    for place, (axis, good) in enumerate(zip(axes, up)):
        x = 90 + place * gap
        parts.append(f'<path d="M{x:.1f},{top}V{bottom}" class="edge"/>')
        parts.append(_text(x, top - 20, axis.title))
        for tick in axis.ticks():
            share = axis.place(tick) if good else 1 - axis.place(tick)
            parts.append(_text(x - 6, bottom - share * (bottom - top) + 4, _tick(tick / axis.factor), "end"))
    return "\n".join([*parts, _text(42, top + 4, "better"), "</svg>"])


def _shade(share: float) -> str:
    """From grey-violet (worse) to strong blue."""
    at = min(max(share, 0.0), 1.0)
    low, high = (196, 160, 90), (33, 80, 190)
    return "#{:02x}{:02x}{:02x}".format(*(round(a + (b - a) * at) for a, b in zip(low, high)))


def _way(frame: Frame, points: Sequence[tuple[float, float]]) -> str:
    places = (frame.at(x, min(max(y, frame.y.low), frame.y.high)) for x, y in points)
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _open(width: int, height: int) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" class="chart" font-size="12">'


def _tick(value: float) -> str:
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e7 else f"{value:.4g}"


def _text(x: float, y: float, text: str, anchor: str = "middle", extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(text)}</text>'
