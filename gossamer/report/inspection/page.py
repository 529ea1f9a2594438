"""`gossamer inspect --html`: one file with the graph after every pass, that opens with no network.

The page is a template, a style sheet, scripts and the data as JSON. Weights stay out; an op that several stages share
is stored once, and so is every text. Names from models reach the page only as JSON that cannot close its element, and
the scripts put them into the document as text, never as markup; a policy in the page forbids everything but its own
inline style and script.
"""

from collections.abc import Sequence

from gossamer.report.inspection.collect import page_data
from gossamer.report.inspection.stages import Stage
from gossamer.report.page import safe_json, template_text

SCRIPTS = ("dom", "model", "layout", "view", "panel", "controls")
"""In this order they make up one script."""


def inspect_page(title: str, stages: Sequence[Stage]) -> str:
    """The whole page as text."""
    from jinja2 import Environment, select_autoescape

    template = Environment(autoescape=select_autoescape(default=True)).from_string(template_text("inspect.html"))
    script = "\n".join(template_text(f"inspect_{name}.js") for name in SCRIPTS)
    return template.render(
        title=title,
        style=template_text("inspect.css"),
        script=f'(function () {{\n"use strict";\n{script}\n}})();',
        data=safe_json(page_data(title, stages)),
    )
