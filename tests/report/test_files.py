"""pareto.svg, and how files are written."""

import xml.etree.ElementTree as tree
from dataclasses import replace
from pathlib import Path

import pytest

from gossamer.ir.errors import DataError
from gossamer.report.data import SearchReport
from gossamer.report.files import write_whole
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


def test_a_file_that_cannot_be_written_is_one_sentence_and_leaves_the_old_one(tmp_path: Path) -> None:
    target = write_whole(tmp_path / "a.csv", "old")
    (tmp_path / ".a.csv.partial").mkdir()
    with pytest.raises(DataError, match=r"a\.csv: cannot be written"):
        write_whole(target, "new")
    assert target.read_text() == "old"
