"""`gossamer compare` of searches on made-up numbers."""

import json
import re
import xml.etree.ElementTree as tree

import numpy as np
import pytest

from gossamer.cli.main import main
from gossamer.ir.errors import SearchError
from gossamer.report.searches.several import compare_searches, document, header, page, rows, sentences
from gossamer.search.front import non_dominated
from gossamer.search.indicators import coverage, hypervolume_share
from tests.report.searches.conftest import METRICS


@pytest.fixture
def runs(searched, tmp_path):
    few = [searched(tmp_path / f"few-{seed}", 25, seed, limits=()) for seed in range(3)]
    return [*few, searched(tmp_path / "many", 150, 9, limits=("latency<=100ms",))]


def test_the_yardstick_is_the_best_front_of_all(runs):
    found = compare_searches(runs)
    pool = np.concatenate([item.points[item.front] for item in found.histories])
    exact = pool[non_dominated(pool)]
    assert sorted(map(tuple, found.measure.front)) == sorted(map(tuple, exact))
    for group in found.groups:
        for history, item in zip(group.histories, group.standings):
            own = history.points[history.front]
            assert item.tight == pytest.approx(hypervolume_share(own, exact, found.measure.tight))
            assert item.far == pytest.approx(hypervolume_share(own, exact, found.measure.far))
            assert item.coverage == pytest.approx(coverage(own, exact)) and item.igd_plus >= 0
            assert item.curve[-1] == pytest.approx(item.tight)


def test_searches_that_differ_in_their_seed_stand_together(runs):
    found = compare_searches(runs)
    assert [(group.name, len(group.histories)) for group in found.groups] == [("few", 3), ("many", 1)]
    few, many = found.groups
    values = [item.tight for item in few.standings]
    assert few.spread(lambda item: item.tight) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    line = few.by_evaluations()
    assert line.low is not None and line.high is not None
    assert (line.low <= line.y + 1e-12).all() and (line.y <= line.high + 1e-12).all() and line.x[-1] == 25
    assert many.by_evaluations().low is None
    best = rows(found)[0]
    assert best[0][0] == "many" and len(best) == len(header(found))


def test_curves_of_seconds_step_where_designs_were_done(runs):
    (many,) = [group for group in compare_searches(runs).groups if group.name == "many"]
    line, standing = many.by_seconds(), many.standings[0]
    done = many.histories[0].seconds[standing.after - 1]
    for x, y in zip(line.x, line.y):
        before = np.flatnonzero(done <= x * (1 + 1e-9))
        assert y == pytest.approx(standing.curve[before[-1]] if len(before) else 0.0)


def test_evaluations_to_a_share(runs):
    found = compare_searches(runs)
    (many,) = [group.standings[0] for group in found.groups if group.name == "many"]
    count = many.evaluations_to(0.5)
    assert count is not None
    place = many.after.tolist().index(count)
    assert many.curve[place] >= 0.5 and (place == 0 or many.curve[place - 1] < 0.5)
    assert many.evaluations_to(1.1) is None


def test_what_differs_is_said(runs):
    said = " ".join(sentences(compare_searches(runs)))
    assert "limits, which differ: latency<=100ms; none" in said
    assert "evaluated 25 to 150 designs" in said and "mean ± standard deviation" in said
    assert "Tight reference point: accuracy " in said and "far: accuracy " in said


def test_objectives_that_not_all_have_measured(searched, tmp_path):
    first = searched(tmp_path / "a", 20)
    other = searched(tmp_path / "b", 20, goals=("accuracy", "macs"), metrics=(METRICS[0], METRICS[3]), limits=())
    with pytest.raises(SearchError, match=r"b: has no metric 'latency_s'.*name objectives that all have measured"):
        compare_searches([first, other])
    found = compare_searches([first, other], "accuracy,macs")
    assert [goal.objective.label for goal in found.measure.goals] == ["accuracy", "macs"]
    with pytest.raises(SearchError, match="none of 1 searches has found a design within its limits"):
        compare_searches([searched(tmp_path / "c", 20, limits=("latency<=1us",))])
    with pytest.raises(SearchError, match="nothing to compare"):
        compare_searches([])


def test_folders_of_one_name_are_told_apart(searched, tmp_path):
    found = compare_searches([searched(tmp_path / "x" / "run", 20), searched(tmp_path / "y" / "run", 30, limits=())])
    assert len({group.name for group in found.groups}) == 2


def test_the_page(runs):
    found = compare_searches(runs)
    text = page(found)
    assert len(text) < 300_000 and "sum</script>" not in text
    assert not re.search(r'(src|href)="?(https?:)?//', text)
    pictures = [tree.fromstring(item) for item in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]
    assert len(pictures) == 2 + 3
    lines = [item for item in pictures[0].iter() if item.tag.endswith("polyline")]
    bands = [item for item in pictures[0].iter() if item.tag.endswith("polygon")]
    assert (len(lines), len(bands)) == (2, 1)


def test_the_command(runs, tmp_path, capsys):
    path = tmp_path / "page.html"
    assert main(["compare", *map(str, runs), "-o", str(path)]) == 0
    said = capsys.readouterr().out
    assert "few" in said and "many" in said and "±" in said and path.stat().st_size > 10_000
    assert main(["compare", *map(str, runs), "-o", str(path), "--json", "--reference", "accuracy=50%"]) == 0
    document_ = json.loads(capsys.readouterr().out)
    assert [len(item["runs"]) for item in document_["searches"]] == [3, 1]
    assert document_["reference"]["tight"]["accuracy"] == pytest.approx(0.5)
    assert main(["compare", str(runs[0]), str(tmp_path / "none")]) == 2
    assert "holds no search" in capsys.readouterr().err


def test_the_document_repeats_the_standings(runs):
    found = compare_searches(runs)
    data = document(found)
    assert data["searches"][1]["runs"][0]["hypervolume_tight"] == found.groups[1].standings[0].tight
    assert data["best_known_front"] == len(found.measure.front)
