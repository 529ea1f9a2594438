"""The pages of searches, opened in a browser."""

import pytest

from gossamer.report.searches.one import page as one_page
from gossamer.report.searches.one import report_search
from gossamer.report.searches.several import compare_searches
from gossamer.report.searches.several import page as many_page

pytestmark = pytest.mark.slow


def test_a_report_opens_without_complaint_and_sorts(searched, tmp_path, shown):
    report = report_search(searched(tmp_path / "a"))
    opened = shown(one_page(report))
    assert opened.errors() == []
    assert opened.js("return document.documentElement.scrollWidth <= window.innerWidth")
    rows = "section:nth-last-of-type(2) tbody tr td:nth-child(3)"
    before = [float(value) for value in opened.js(
        "return [...document.querySelectorAll(arguments[0])].map(e => e.dataset.sort)", rows)]  # fmt: skip
    opened.click("section:nth-last-of-type(2) thead th:nth-child(3)")
    after = [float(value) for value in opened.js(
        "return [...document.querySelectorAll(arguments[0])].map(e => e.dataset.sort)", rows)]  # fmt: skip
    assert len(before) == len(report.history.front) and after == sorted(before) and after != before


def test_a_comparison_opens_without_complaint(searched, tmp_path, shown):
    runs = [searched(tmp_path / f"a-{seed}", 30, seed, limits=()) for seed in range(2)]
    runs.append(searched(tmp_path / "b", 60, 5))
    opened = shown(many_page(compare_searches(runs)))
    assert opened.errors() == []
    assert opened.count("svg") == 5 and opened.count("main svg polyline") >= 4
    assert opened.js("return document.documentElement.scrollWidth <= window.innerWidth")
