"""report.html: self-contained, escaped, and readable by its own script."""

import json
import re
from dataclasses import replace

from gossamer.report.data import SearchReport
from gossamer.report.page import MOST_EXPLORED, page_data, search_page


def embedded(page: str) -> dict:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_nothing_is_fetched(report: SearchReport) -> None:
    page = search_page(report)
    assert not re.search(r"<(script|link|img|iframe)[^>]*\s(src|href)\s*=", page.replace('<img src=x onerror=\\"', ""))
    assert "Plotly" in page and len(page) > 1_000_000


def test_names_from_models_cannot_become_markup(report: SearchReport) -> None:
    page = search_page(report)
    assert "<img src=x" not in page
    assert embedded(page)["designs"][0]["layers"][1]["label"] == report.title


def test_every_design_and_layer_is_there(report: SearchReport) -> None:
    data = embedded(search_page(report))
    assert [d["name"] for d in data["designs"]] == ["d0", "d1", "d2"]
    assert data["designs"][2]["objectives"]["latency_s"] == 6e-6
    assert data["designs"][0]["ir"] == "module d0\n"


def test_infinite_values_are_null_since_json_has_none(report: SearchReport) -> None:
    assert page_data(report)["explored"][2] == [0.5, 1e-5, None]


def test_long_searches_are_thinned(report: SearchReport) -> None:
    many = replace(report, explored=((0.5, 1e-5, 1.0),) * (3 * MOST_EXPLORED + 1))
    data = page_data(many)
    assert len(data["explored"]) <= MOST_EXPLORED
    assert data["exploredOf"] == 3 * MOST_EXPLORED + 1


def test_an_empty_front_says_so(report: SearchReport) -> None:
    assert "No design met the limits." in search_page(replace(report, designs=()))
