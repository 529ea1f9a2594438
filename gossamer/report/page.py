"""`report.html`: one file that opens with no network.

The page is a template, a style sheet, a script and the data as JSON, with plotly's own script pasted in: nothing is
fetched. Everything that comes from a model or a file is escaped: by the template where it is markup, and by
`safe_json` where it stands inside a script.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib import resources
from typing import Any

from gossamer.report.data import Design, SearchReport
from gossamer.report.units import quantity, show

MOST_EXPLORED = 4000


def search_page(report: SearchReport) -> str:
    """The whole page as text."""
    from jinja2 import Environment, select_autoescape
    from plotly.offline import get_plotlyjs

    template = Environment(autoescape=select_autoescape(default=True)).from_string(template_text("report.html"))
    return template.render(
        report=report,
        rows=[_row(report, design) for design in report.designs],
        style=template_text("report.css"),
        script=template_text("report.js"),
        plotly=get_plotlyjs(),
        data=safe_json(page_data(report)),
    )


def page_data(report: SearchReport) -> dict[str, Any]:
    """What the page's script draws from."""
    keep = max(1, -(-len(report.explored) // MOST_EXPLORED))
    return {
        "objectives": [asdict(item) for item in report.objectives],
        "designs": [_design_data(design) for design in report.designs],
        "explored": [[_finite(value) for value in point] for point in report.explored[::keep]],
        "exploredOf": len(report.explored),
    }


def _design_data(design: Design) -> dict[str, Any]:
    return {
        "name": design.name,
        "objectives": {key: _finite(float(value)) for key, value in design.objectives.items()},
        "network": dict(design.network),
        "hardware": dict(design.hardware),
        "layers": [{key: _finite(value) for key, value in asdict(row).items()} for row in design.layers],
        "ir": design.ir,
        "files": list(design.files),
    }


def _row(report: SearchReport, design: Design) -> Mapping[str, Any]:
    shown = [show(item.key, design.objectives[item.key], item.unit) for item in report.objectives]
    macs = sum(row.macs for row in design.layers)
    bits = sorted({row.weight_bits for row in design.layers if row.macs})
    return {
        "name": design.name,
        "objectives": shown,
        "macs": quantity(macs, "") if macs else "",
        "bits": " ".join(map(str, bits)),
        "hardware": design.chip,
    }


def _finite(value: Any) -> Any:
    """JSON has no infinity."""
    return None if isinstance(value, float) and (value != value or abs(value) == float("inf")) else value


def safe_json(data: Mapping[str, Any]) -> str:
    """JSON that cannot close the script element it stands in."""
    return (
        json.dumps(data, allow_nan=False)
        .replace("<", "\\u003c")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )


def template_text(name: str) -> str:
    return resources.files("gossamer.report").joinpath("templates", name).read_text(encoding="utf-8")
