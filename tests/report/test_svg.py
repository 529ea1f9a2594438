"""pareto.svg."""

import xml.etree.ElementTree as tree
from dataclasses import replace

import pytest

from gossamer.report.data import SearchReport
from gossamer.report.svg import pareto_svg


def test_the_picture_is_xml_with_a_point_a_design_and_is_the_same_twice(report: SearchReport) -> None:
    text = pareto_svg(report)
    assert text == pareto_svg(report)
    circles = [item for item in tree.fromstring(text).iter() if item.tag.endswith("circle") and item.get("r") == "6"]
    assert len(circles) == 3
    assert all(0 <= float(item.get("cx", "-1")) <= 760 for item in circles)


@pytest.mark.parametrize("kept", [0, 1])
def test_a_front_of_none_or_one_still_draws(report: SearchReport, kept: int) -> None:
    tree.fromstring(pareto_svg(replace(report, designs=report.designs[:kept], explored=())))
