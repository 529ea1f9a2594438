"""`gossamer inspect --page`: the IR after every pass on one page that opens with no network.

A stage is what `gossamer inspect --json` lists: `{"pass", "seconds", "ops", "text"}`. Lines that a pass added are
marked, so that a reader sees what it did.
"""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from gossamer.report.page import template_text


def stages_page(title: str, stages: Sequence[Mapping[str, Any]]) -> str:
    """The page as text."""
    from jinja2 import Environment, select_autoescape

    template = Environment(autoescape=select_autoescape(default=True)).from_string(template_text("stages.html"))
    return template.render(title=title, style=template_text("report.css"), stages=_views(stages))


def _views(stages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    before: list[str] = []
    found: list[dict[str, Any]] = []
    for stage in stages:
        lines = str(stage["text"]).rstrip().splitlines()
        new = changed_lines(before, lines) if before else set[int]()
        found.append(
            {
                "name": stage["pass"] or "as imported",
                "milliseconds": f"{1e3 * stage['seconds']:.2f} ms",
                "ops": stage["ops"],
                "count": sum(stage["ops"].values()),
                "changed": len(new),
                "lines": [{"text": line, "new": i in new} for i, line in enumerate(lines)],
            }
        )
        before = lines
    return found


def changed_lines(before: Sequence[str], after: Sequence[str]) -> set[int]:
    """Indices of the lines of `after` that `before` has not at that place."""
    # autojunk would call the many equal schedule lines noise and mark them all
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    kept = {block.b + i for block in matcher.get_matching_blocks() for i in range(block.size)}
    return set(range(len(after))) - kept
