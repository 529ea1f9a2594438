"""The CPU benchmark's rows, ratios, tables, plot and files; no time is taken here."""

import math
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.runtimes import layers, pages, plot, tables
from benchmarks.runtimes.engines import ENGINES, OURS, PEERS
from benchmarks.runtimes.models import NETS
from benchmarks.runtimes.results import Record, Row, fastest, geometric_mean, judged, ratio
from benchmarks.runtimes.turns import _affordable, relative_error


def row(engine, ms, net="resnet18", precision="fp32", **more):
    return Row(net, precision, engine, version="1", error=1e-6, **more).timed([ms * 1e-3] * 10, 0.0)


def record(*rows):
    return Record(tuple(rows), (("resnet18 fp32", "a machine, 2 of 2 cores"),))


def test_statistics_are_percentiles_of_all_runs():
    found = Row("resnet18", "fp32", "gossamer").timed([0.001 * i for i in range(1, 102)], 0.25)
    assert (found.runs, found.waited, found.note) == (101, 0.25, "")
    times = (found.least_ms, found.p10_ms, found.median_ms, found.p90_ms)
    assert times == pytest.approx((1, 11, 51, 91))


def test_ratio_is_to_the_fastest_other_runtime_that_is_right():
    rows = [row("gossamer", 8), row("gossamer tuned", 6), row("onnxruntime", 10), row("OpenVINO", 12)]
    rows.append(replace(row("IREE", 1), note="wrong: relative error 1"))
    own = record(*rows).of("resnet18", "fp32")
    first = fastest(own)
    assert first is not None and first.engine == "onnxruntime"
    assert ratio(own, "gossamer") == pytest.approx(0.8) and ratio(own, "gossamer tuned") == pytest.approx(0.6)
    assert math.isnan(ratio({"gossamer": rows[0]}, "gossamer")), "without a peer there is nothing to compare with"
    assert math.isnan(ratio({"onnxruntime": rows[2]}, "gossamer"))


def test_wrong_output_is_no_result():
    right, wrong = row("IREE", 5), Row("resnet18", "fp32", "IREE", error=0.1).timed([0.005], 0)
    assert judged(right) is right
    assert judged(wrong).note == "wrong: relative error 1.0e-01" and not judged(wrong).valid
    assert judged(Row("a", "int8", "IREE", error=0.1).timed([0.005], 0)).valid
    assert judged(Row("a", "fp32", "IREE", error=math.inf)).note == "wrong: relative error inf"
    assert judged(Row("a", "fp32", "IREE", note="killed")).note == "killed"


def test_relative_error():
    wanted = np.array([[1.0, -4.0]], np.float32)
    assert relative_error(wanted + 1, wanted) == pytest.approx(0.25)
    assert relative_error(wanted[0], wanted) == math.inf
    assert relative_error(wanted * np.nan, wanted) == math.inf


def test_geometric_mean():
    assert geometric_mean([0.5, 2.0, math.nan]) == pytest.approx(1.0)
    assert math.isnan(geometric_mean([math.nan]))


def test_mean_is_of_the_networks_that_count_and_needs_all_of_them():
    rows = [row("gossamer", 5), row("onnxruntime", 10)]
    other = [row("gossamer", 20, "squeezenet"), row("onnxruntime", 10, "squeezenet")]
    beside = [row("gossamer", 90, "vgg11"), row("onnxruntime", 10, "vgg11")]
    assert not NETS["vgg11"].counted
    assert tables.mean(record(*rows, *other, *beside), "fp32", "gossamer") == pytest.approx(1.0)
    failed = Row("squeezenet", "fp32", "gossamer", note="does not fit")
    assert math.isnan(tables.mean(record(*rows, failed, other[1]), "fp32", "gossamer"))


def test_slow_engine_runs_less_often():
    assert _affordable([], 1.0) == 10 and _affordable([0.05], 1.0) == 10
    assert _affordable([0.3], 1.0) == 3 and _affordable([9.0], 1.0) == 1


def test_record_goes_to_a_file_and_back(tmp_path):
    path = tmp_path / "cpu.json"
    whole = record(row("gossamer", 8), Row("resnet18", "fp32", "IREE", note="no answer within 300 s"))
    assert Record.read(path) == Record()
    whole.write(path)
    again = Record.read(path)
    assert again.machines == whole.machines and again.rows[0] == whole.rows[0]
    assert again.rows[1].note == "no answer within 300 s" and math.isnan(again.rows[1].median_ms)
    path.write_text('{"rows": [{"net": 1}]}')
    with pytest.raises(ValueError, match=r"cpu\.json: no record of this benchmark"):
        Record.read(path)


def test_merging_replaces_a_network_as_a_whole():
    """Times of different runs are not compared with each other."""
    old = record(row("gossamer", 8), row("onnxruntime", 10), row("gossamer", 3, "squeezenet"))
    new = Record((row("gossamer", 7),), (("resnet18 fp32", "another machine"),))
    both = old.merged(new)
    assert list(both.of("resnet18", "fp32")) == ["gossamer"] and both.of("resnet18", "fp32")["gossamer"].median_ms == 7
    assert both.of("squeezenet", "fp32")["gossamer"].median_ms == pytest.approx(3)
    assert both.machines == (("resnet18 fp32", "another machine"),)


def test_table():
    rows = [row("gossamer", 8.123), row("onnxruntime", 10, own_bytes=3 << 20, peak_bytes=9 << 20), row("OpenVINO", 12)]
    rows.append(Row("resnet18", "fp32", "IREE", note="no answer within 300 s"))
    rows.append(Row("squeezenet", "fp32", "IREE", note="no answer within 300 s"))
    text = tables.markdown(record(*rows))
    assert text.startswith("a machine, 2 of 2 cores\ngossamer 1, onnxruntime 1, OpenVINO 1")
    assert "| median (p10 to p90), ms | gossamer | onnxruntime | OpenVINO | gossamer / fastest peer |" in text
    assert "| ResNet-18 | 8.12 (8.12 to 8.12) | **10.0 (10.0 to 10.0)** | 12.0 (12.0 to 12.0) | 0.81 (0.81) |" in text
    assert "| ResNet-18 | - | 3 (9) | - |" in text
    assert "- IREE, ResNet-18, SqueezeNet 1.1: no answer within 300 s" in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.count("|") in (5, 6) for line in lines)


def test_short_table_has_the_medians_alone():
    text = tables.short(record(row("gossamer", 8), row("onnxruntime", 10)))
    assert "| fp32: median ms | gossamer | onnxruntime | gossamer / fastest peer |" in text
    assert "| ResNet-18 | 8.00 | **10.0** | 0.80 (0.80) |\n| geometric mean of 1 |  |  | 0.80 (0.80) |" in text


def test_numbers_have_three_digits():
    assert [tables.number(v) for v in (0.01234, 0.1234, 1.234, 12.34, 123.4, 1234.5)] == [
        "0.0123", "0.123", "1.23", "12.3", "123", "1234",
    ]  # fmt: skip


def test_every_name_has_room_beside_the_plot():
    longest = max(len(f"{net.title} 0.123 ms") for net in NETS.values())
    assert 6.5 * longest + 12 <= plot.LEFT


def test_plot_is_an_svg_with_a_dot_an_engine():
    rows = [row("gossamer", 8), row("onnxruntime", 10), row("IREE", 200)]
    root = ElementTree.fromstring(plot.svg(record(*rows), "fp32", "One < inference"))
    name = "{http://www.w3.org/2000/svg}"
    dots = [c for c in root.iter(f"{name}circle") if c.get("r") == "3.4"]
    places = [float(c.get("cx", 0)) for c in dots]
    assert len(places) == 3 and places[0] < places[1] < places[2] <= plot.WIDTH - plot.RIGHT
    assert "20x" in [t.text for t in root.iter(f"{name}text")], "what lies outside the axis says where"
    assert set(plot.COLOURS) == set(ENGINES)


def test_pages_get_the_tables_and_keep_the_rest(tmp_path):
    (tmp_path / "docs").mkdir()
    place = "before\n<!-- cpu -->\nold\n<!-- /cpu -->\nafter\n"
    for page in ("README.md", "docs/speed.md"):
        (tmp_path / page).write_text(place)
    whole = record(row("gossamer", 8), row("onnxruntime", 10))
    for _ in range(2):  # a second time nothing changes
        pages.write_pages(whole, tmp_path)
        readme, page = (tmp_path / "README.md").read_text(), (tmp_path / "docs/speed.md").read_text()
        assert readme.startswith("before\n<!-- cpu -->\n\n![Time") and readme.endswith("\n\n<!-- /cpu -->\nafter\n")
        assert "(docs/cpu-fp32.svg)" in readme and "old" not in readme and readme.count("| ResNet-18 |") == 1
        assert "### fp32\n\n![Time" in page and "(cpu-fp32.svg)" in page and "compile + load" in page
        assert (tmp_path / "docs/cpu-fp32.svg").exists() and not (tmp_path / "docs/cpu-int8.svg").exists()
    (tmp_path / "README.md").write_text("nothing here")
    with pytest.raises(ValueError, match="README.md: has no lines"):
        pages.write_pages(whole, tmp_path)


def test_layers_against_the_peak():
    found = [
        layers.Timed("a", "nn.conv2d", "direct", "", 1_000_000, 1e-4, 9e-5),
        layers.Timed("b", "view", "", "", 0, 0.0),
    ]
    assert found[0].gflops == pytest.approx(20)
    text = layers.table("Net", found, 100.0)
    assert text.startswith("Net: fp32 peak measured 100 GFLOP/s; layers 0.10 ms, 20 GFLOP/s, 20 % of it")
    assert "| a | nn.conv2d | direct |  | 100 | 90 | 100.0 % | 1.0 | 20 | 20 % |" in text and "| b |" not in text


def test_every_engine_is_ours_or_a_peer():
    assert {*OURS, *PEERS} == set(ENGINES)
