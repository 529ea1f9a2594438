"""`gossamer report` of a search on made-up numbers."""

import json
import re
import xml.etree.ElementTree as tree

import numpy as np
import pytest

from gossamer.cli.main import main
from gossamer.ir.errors import SearchError
from gossamer.report.searches.one import document, page, report_search
from gossamer.report.searches.shared import shared_choices
from gossamer.search.choices import Choice, Choices
from gossamer.search.front import hypervolume
from gossamer.search.store import Evaluation, Store
from gossamer.search.yardstick import written
from tests.report.searches.conftest import CHOICES, METRICS


def pictures(text):
    found = [tree.fromstring(item) for item in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]
    assert all(0 <= float(c.get("cx", "")) <= 540 for item in found for c in item.iter() if c.tag.endswith("circle"))
    return found


def test_both_reference_points_with_a_sentence(searched, tmp_path):
    report = report_search(searched(tmp_path / "a"))
    assert report.measure is not None and report.standing is not None
    front = report.history.points[report.history.front]
    assert report.standing.tight == pytest.approx(1) and report.standing.curve[-1] == pytest.approx(1)
    assert report.standing.tight_box == pytest.approx(hypervolume(front, report.measure.tight))
    assert report.standing.far_box == pytest.approx(hypervolume(front, report.measure.far))
    assert report.standing.far_box > report.standing.tight_box
    (said,) = [text for text in report.sentences if text.startswith("Hypervolume")]
    assert f"it is {report.standing.tight_box:.3f}; with a far one" in said and "looks complete" not in said
    assert "A far point makes nearly any front look complete" in said
    assert "One design has no value: accuracy is nan." in report.sentences


def unseen(store):
    """A design that is not in the store."""
    known = {row.genome.tobytes() for row in store.evaluations()}
    return next(genome for genome in CHOICES.sample(500, np.random.default_rng(5)) if genome.tobytes() not in known)


def test_designs_that_do_not_fit_are_counted_apart(searched, tmp_path):
    folder = searched(tmp_path / "a")
    store = Store(folder / "store.sqlite")
    store.add([Evaluation(80, unseen(store), {"latency_s": np.inf}, 9.0, "unfit", "latency_s is inf")])
    store.close()
    report = report_search(folder)
    assert (report.facts["do not fit their hardware"], report.facts["quarantined"]) == ("1", "1")
    assert "One design does not fit its hardware: latency_s is inf." in report.sentences


def test_a_reference_of_the_users(searched, tmp_path):
    folder = searched(tmp_path / "a")
    report = report_search(folder, {"accuracy": "60%", "latency": "20 ms"})
    assert report.measure is not None
    assert report.measure.tight[:2] == pytest.approx([-0.6, 0.02])
    assert (report.measure.far >= report.measure.tight).all()
    with pytest.raises(SearchError, match="no objective 'latncy'; did you mean 'latency'"):
        report_search(folder, {"latncy": "1ms"})


def test_a_reference_of_the_searchs_own(searched, tmp_path):
    report = report_search(searched(tmp_path / "a", reference="accuracy 60%, latency 20 ms"))
    assert report.measure is not None and report.measure.given
    assert report.measure.tight[:2] == pytest.approx([-0.6, 0.02])


def test_no_accuracy_below_zero_in_a_reference(searched, tmp_path):
    report = report_search(searched(tmp_path / "a", 30, limits=(), worst=-0.61))
    assert report.measure is not None
    assert report.measure.tight[0] == 0.0 and report.measure.far[0] == 0.0


def test_the_page_is_small_safe_and_complete(searched, tmp_path):
    report = report_search(searched(tmp_path / "a", 80))
    text = page(report)
    assert text == page(report) and len(text) < 200_000
    assert "sum</script>" not in text and "sum&lt;/script&gt;" in text
    assert not re.search(r'(src|href)="?(https?:)?//', text)
    three_pairs, growth, ways = 3, 2, 1
    found = pictures(text)
    assert len(found) == three_pairs + growth + ways
    titled = [item for item in found[0].iter() if item.tag.endswith("circle") and len(item)]
    assert len(titled) == len(report.history.front)
    lines = [item for item in found[-1].iter() if item.tag.endswith("polyline")]
    assert len(lines) == len(report.history.front)
    for place in report.history.front.tolist():
        assert f'data-sort="{place}">{place}</td>' in text


def test_one_goal_and_two_goals(searched, tmp_path):
    single = report_search(searched(tmp_path / "one", 30, goals=("accuracy",), limits=()))
    assert len(pictures(page(single))) == 2 and not any("hypervolume" in name for name in single.facts)
    two = page(report_search(searched(tmp_path / "two", 30, goals=("accuracy", "latency"))))
    assert len(pictures(two)) == 1 + 2


def test_a_single_design(searched, tmp_path):
    report = report_search(searched(tmp_path / "a", 1, limits=()))
    pictures(page(report))
    assert report.facts["on the front"] == "1"
    assert "The front is one design, which fills its box whatever it is worth." in report.sentences


def test_nothing_within_the_limits_says_the_nearest(searched, tmp_path):
    report = report_search(searched(tmp_path / "a", 30, limits=("latency<=1us", "accuracy>=50%")))
    assert report.measure is None
    fastest = report.history.columns["latency_s"].min()
    assert f"the nearest has latency = {1e3 * fastest:.4g} ms" in " ".join(report.sentences)
    lost = Store(tmp_path / "a" / "store.sqlite")
    lost.add([Evaluation(30, unseen(lost), {"latency_s": 2e-6, "accuracy": np.nan}, 9.0, "failed", "it died")])
    lost.close()
    again = report_search(tmp_path / "a")
    assert f"the nearest has latency = {1e3 * fastest:.4g} ms" in " ".join(again.sentences)
    assert "No design met the limits" in page(report)
    assert "hypervolume" not in document(report)


def test_what_the_front_has_in_common_counts_active_choices():
    genomes = CHOICES.repair(np.random.default_rng(0).integers(0, 3, (300, len(CHOICES))))
    front = np.flatnonzero((genomes[:, 0] == 2) & (genomes[:, 4] == 0) & (genomes[:, 5] == 1))
    assert len(front) > 5
    found = {(item.choice, item.value): item for item in shared_choices(CHOICES, genomes, front)}
    kernel, width = found["kernel0", 7], found["width", 1.0]
    assert (kernel.front, kernel.front_of) == (len(front), len(front))
    assert (kernel.every, kernel.every_of) == (int((genomes[:, 0] == 2).sum()), 300)
    assert width.every_of == int((genomes[:, 4] == 0).sum())  # where it is active
    assert kernel.times == pytest.approx(300 / kernel.every) and kernel.chance < 1e-3
    assert not any(item.value == 3 and item.choice == "kernel0" for item in found.values())


def test_chance_is_hypergeometric():
    choices = Choices(CHOICES.items[:1])
    genomes = np.array([[0], [0], [1], [1], [1], [1]])
    (item,) = shared_choices(choices, np.repeat(genomes, 5, axis=0), np.arange(10))
    # all 10 of the value drawn in 10 of 30: 1 / C(30, 10)
    assert item.chance == pytest.approx(1 / 30045015)


def test_a_large_front_makes_no_large_page(tmp_path):
    rng = np.random.default_rng(0)
    choices = Choices(tuple(Choice(f"gene{i}", tuple(range(8))) for i in range(20)))
    store = Store(tmp_path / "a" / "store.sqlite")
    store.settle({"yardstick": written(METRICS, ["accuracy", "latency"], [])}, choices)
    angle = rng.random(3000) * np.pi / 2
    store.add(
        [
            Evaluation(i, genome, {"accuracy": float(np.sin(t)), "latency_s": float(1.1 - np.cos(t))}, 0.001 * i)
            for i, (genome, t) in enumerate(zip(choices.sample(3000, rng), angle))
        ]
    )
    store.close()
    report = report_search(tmp_path / "a")
    assert len(report.history.front) == 3000
    assert len(page(report)) < 2_000_000


def test_the_command(searched, tmp_path, capsys):
    folder = searched(tmp_path / "a")
    assert main(["report", str(folder), "--reference", "latency=20ms"]) == 0
    said = capsys.readouterr().out
    assert "What the front has in common" in said and str(folder / "analysis.html") in said.replace("\n", "")
    assert (folder / "analysis.html").stat().st_size > 10_000
    assert main(["report", str(folder), "-o", str(tmp_path / "page.html"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["page"] == str(tmp_path / "page.html") and found["evaluations"] == 80
    assert {"tight", "far"} == set(found["hypervolume"]) and found["front"][0]["genome"]
    assert main(["report", str(tmp_path / "nothing")]) == 2
    assert "holds no search" in capsys.readouterr().err
    assert main(["report", str(folder), "--reference", "latency"]) == 2
    assert "is not like accuracy=60%" in capsys.readouterr().err
