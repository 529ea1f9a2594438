"""The record in the project's pages: plots in docs/, tables between `<!-- cpu -->` and `<!-- /cpu -->`."""

import re
from pathlib import Path

from benchmarks.runtimes import plot, tables
from benchmarks.runtimes.results import Record

ROOT = Path(__file__).parents[2]
PLOTTED = ("fp32", "int8")
_PLACE = re.compile(r"(?<=<!-- cpu -->\n).*(?=<!-- /cpu -->)", re.DOTALL)
_ALTERNATIVE = "Time of one inference over that of the fastest other runtime"


def write_pages(record: Record, root: Path = ROOT) -> None:
    """README.md (medians) and docs/speed.md (everything). Raises ValueError: a page without the place for it."""
    drawn = [precision for precision in PLOTTED if tables.nets_of(record, precision)]
    for precision in drawn:
        picture = plot.svg(record, precision, f"One inference, batch 1, {precision}")
        (root / "docs" / f"cpu-{precision}.svg").write_text(picture)
    _put(root / "README.md", "".join(_image(p, f"docs/cpu-{p}.svg") for p in drawn[:1]) + tables.short(record))
    _put(root / "docs" / "speed.md", with_pictures(tables.markdown(record), drawn))


def with_pictures(text: str, precisions: list[str]) -> str:
    """Each plot below the title of its precision."""
    for precision in precisions:
        title = f"### {tables.PRECISION_TITLES[precision]}\n\n"
        text = text.replace(title, title + _image(precision, f"cpu-{precision}.svg"), 1)
    return text


def _image(precision: str, path: str) -> str:
    return f"![{_ALTERNATIVE}, {precision}]({path})\n\n"


def _put(page: Path, text: str) -> None:
    old = page.read_text()
    if not _PLACE.search(old):
        raise ValueError(f"{page}: has no lines <!-- cpu --> and <!-- /cpu -->, between which the table goes")
    page.write_text(_PLACE.sub(lambda _: f"\n{text}\n", old))
