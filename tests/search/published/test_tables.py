"""Readers of the other published tables: made-up files in their formats, what is refused, facts about the real ones."""

import io
import json
import tarfile

import numpy as np
import pytest

from gossamer.ir.analysis import layers
from gossamer.ir.errors import DataError, SearchError
from gossamer.ir.ops import BatchNorm
from gossamer.passes.pipeline import run_pipeline
from gossamer.search.evaluators import Context
from gossamer.search.published import haq
from gossamer.search.published.accel import DEVICES, FPGAS
from gossamer.search.published.benchmarks import BENCHMARKS, read_benchmark
from gossamer.search.published.cell_codes import arch_string
from gossamer.search.published.evaluator import Table
from gossamer.search.published.zero_cost import genotype
from gossamer.search.space import CoDesignSpace, Precision
from gossamer.search.spaces.accel_nasbench import AccelNasBench
from gossamer.search.spaces.darts import Darts
from gossamer.search.spaces.nasbench_macro import NasBenchMacro

from .conftest import write_text


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GOSSAMER_DATA", str(tmp_path))
    return tmp_path


def test_macro(folder):
    row = {"test_acc": [80, 82], "mean_acc": 81.0, "params": 100, "flops": 2000}
    write_text(folder / "nasbench_macro" / "nas-bench-macro_cifar10.json", json.dumps({"01201201": row}))
    table = read_benchmark("nasbench-macro", "", "")
    assert table.texts == ("01201201",)
    assert {key: column.tolist() for key, column in table.columns.items()} == {
        "accuracy": [0.81],
        "params": [100],
        "macs": [2000],
    }


def test_zero_cost_scores(folder):
    row = {"val_accuracy": 80, "flops": {"score": 7.5}, "params": {"score": 0.1}, "synflow": {"score": 3.0}}
    text = json.dumps({"cifar10": {"(0, 1, 2, 3, 4, 0)": row}})
    write_text(folder / "naslib_zero_cost" / "zc_nasbench201.json", text)
    table = read_benchmark("zero-cost-nasbench201", "cifar10", "")
    assert table.texts == ("|skip_connect~0|+|none~0|nor_conv_1x1~1|+|nor_conv_3x3~0|avg_pool_3x3~1|skip_connect~2|",)
    assert [table.columns[key][0] for key in ("accuracy", "macs", "params", "synflow")] == [0.8, 7.5e6, 1e5, 3.0]
    assert np.isnan(table.columns["snip"][0])  # was not measured
    with pytest.raises(DataError, match="needs an object 'cifar100'"):
        read_benchmark("zero-cost-nasbench201", "cifar100", "")


def test_analog(folder):
    names = "architecture,baseline_accuracy,ptq_accuracy,qat_accuracy,analog_accuracy,finetuned_accuracy"
    drifts = ",".join(f"finetuned_drift_{seconds}" for seconds in (60, 3600, 86400, 2592000))
    cell = '"(2, 0, 0, 0, 0, 0)"'
    lines = [f"{names},{drifts}", f"{cell},90,89,88,50,85,84.0 ± 0.5,83 ± 1,82 ± 1.5,80 ± 2", f"{cell},,,,,,,,,"]
    write_text(folder / "analognasbench" / "benchmark_data.csv", "\n".join(lines))
    table = read_benchmark("analognasbench", "", "")
    assert [item.label for item in table.metrics if not item.higher_is_better] == ["std_1d", "avm"]
    columns = table.columns
    assert {key: round(float(column[0]), 6) for key, column in columns.items()} == {
        "accuracy": 0.9,
        "accuracy_ptq": 0.89,
        "accuracy_qat": 0.88,
        "accuracy_analog": 0.5,
        "accuracy_hwa": 0.85,
        "accuracy_60s": 0.84,
        "accuracy_1h": 0.83,
        "accuracy_1d": 0.82,
        "accuracy_std_1d": 0.015,
        "accuracy_30d": 0.8,
        "accuracy_variation_30d": 0.04,
    }


def accel_archive(path, *rows):
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as archive:
        for place, text in enumerate(rows):
            info = tarfile.TarInfo(f"./jsons/result_{place}.json")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))


def accel_row():
    options = {"e": 4, "k": 5, "l": 2, "se": True}
    blocks = {f"block{block}_{key}": value for block in range(7) for key, value in options.items()}
    speed = {"latency_zcu102": {"latency_mean": 5.0}, "throughput_zcu102": {"throughput_mean": None}}
    info = {"macs": 400.0, "params": 2.5}
    return {"architecture": blocks, "metrics": {"val_top1": 60}, "model_info": info, "platform_perf": speed}


def test_accel(folder):
    accel_archive(folder / "accel_nasbench" / "anb_dataset_jsons.tar.gz", json.dumps(accel_row()))
    table = read_benchmark("accel-nasbench", "", "zcu102")
    assert table.texts[0].startswith("block0.e=4 block0.k=5 block0.l=2 block0.se=1 block1.e=4")
    assert {key: table.columns[key][0] for key in ("accuracy", "macs", "params", "latency_s")} == {
        "accuracy": 0.6,
        "macs": 4e8,
        "params": 2.5e6,
        "latency_s": 0.005,
    }
    assert np.isnan(table.columns["throughput_per_s"][0])


def test_accel_refuses_what_is_too_large(folder):
    accel_archive(folder / "accel_nasbench" / "anb_dataset_jsons.tar.gz", json.dumps(accel_row()) + " " * 20_000)
    with pytest.raises(DataError, match="is too much; 20000 files of 16 KiB are read"):
        read_benchmark("accel-nasbench", "", "")


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if name != "nasbench201"])
def test_what_a_table_does_not_have(name, folder):
    with pytest.raises(DataError, match="is not there; put the file at this place, or set GOSSAMER_DATA"):
        read_benchmark(name, "", "")
    with pytest.raises(SearchError, match="has no dataset 'mnist'"):
        read_benchmark(name, "mnist", "")
    with pytest.raises(SearchError, match="'pixel3'"):
        read_benchmark(name, "", "pixel3")


@pytest.mark.parametrize("text", ["[1]", "{", '{"cifar10": 3}', '{"cifar10": {"(0, 9)": {}}}'])
def test_broken_json(folder, text):
    write_text(folder / "nasbench_macro" / "nas-bench-macro_cifar10.json", text)
    write_text(folder / "naslib_zero_cost" / "zc_nasbench201.json", text)
    with pytest.raises(DataError):
        read_benchmark("zero-cost-nasbench201", "cifar10", "")
    if "(0, 9)" not in text:
        with pytest.raises(DataError):
            read_benchmark("nasbench-macro", "", "")


@pytest.mark.parametrize("code", ["(0, 1)", "(0, 1, 2, 3, 4, 5)", "__import__('os')"])
def test_codes_that_are_none(code):
    with pytest.raises(DataError, match="is no cell of six operations"):
        arch_string(code)
    with pytest.raises(DataError, match="is no pair of cells"):
        genotype(code)


def test_haq_reads_no_pickle(folder):
    path = folder / haq.PLACE
    path.parent.mkdir()
    np.save(path, np.array([{}], object), allow_pickle=True)
    with pytest.raises(DataError, match="is no array of numbers"):
        haq.read()
    np.save(path, np.zeros((2, 8, 8)))
    with pytest.raises(DataError, match="needs 53 layers x 8 x 8 numbers"):
        haq.read()


def test_known_facts(published):
    macro = read_benchmark("nasbench-macro", "", "")
    assert len(macro.texts) == 6561 and macro.texts[int(macro.columns["accuracy"].argmax())] == "22212220"
    analog = read_benchmark("analognasbench", "", "").columns
    assert np.nanmean(analog["accuracy_hwa"] - analog["accuracy_analog"]) > 0.1  # training for the noise pays
    table = haq.read()
    assert table[0, 0, 7] > 7 * table[0, 7, 0] and table[-1, 7, 0] > 7 * table[-1, 0, 7]  # which axis is which


def test_parameters_of_the_published_cells(published):
    """Millions: 0.073306 + 0.24304 per 3x3 + 0.028 per 1x1, which also proves the numbering of operations."""
    table = read_benchmark("zero-cost-nasbench201", "cifar10", "")
    heavy = np.array([text.count("nor_conv_3x3") for text in table.texts])
    light = np.array([text.count("nor_conv_1x1") for text in table.texts])
    np.testing.assert_allclose(table.columns["params"], 73306 + 243040 * heavy + 28000 * light)


@pytest.mark.parametrize("device", DEVICES)
def test_accelerators(published, device):
    table = read_benchmark("accel-nasbench", "", device)
    assert len(table.texts) == 5138
    assert np.isfinite(table.columns["throughput_per_s"]).sum() > 1000
    assert ("latency_s" in table.columns) == (device in FPGAS)


def test_accelerator_networks_are_those_of_the_space(published):
    """Parameters are equal; their MACs count four per element that a batch norm gives, and the mean over the image."""
    table, space = read_benchmark("accel-nasbench", "", ""), AccelNasBench()
    for row in (0, 700, 2100, 4900):
        module = space.module(space.parse(table.texts[row]))
        trained = [array.size for name, array in module.params.items() if not name.endswith((".mean", ".variance"))]
        assert sum(trained) == table.columns["params"][row]
        if "se=1" not in table.texts[row]:
            norms = sum(np.prod(node.result.shape) for node in module.graph.nodes if isinstance(node.op, BatchNorm))
            macs = sum(layer.macs for _, layer in layers(run_pipeline(module, "fold-bn,fuse")))
            assert macs + 4 * norms + 1280 * (7 * 7 + 1) == table.columns["macs"][row]


def test_darts_operations_are_numbered_as_published(published):
    """With another numbering parameters would be off by far more than the batch norms that NASLib leaves out."""
    table, space = read_benchmark("zero-cost-darts", "", ""), Darts(cells=8, width=32)
    for row in range(0, 725, 200):
        module = space.module(space.parse(table.texts[row]))
        trained = [array.size for name, array in module.params.items() if not name.endswith((".mean", ".variance"))]
        assert sum(trained) == pytest.approx(table.columns["params"][row], rel=0.015)


def test_every_macro_network_is_in_its_table(published, tmp_path, silent):
    product = CoDesignSpace(NasBenchMacro(), Precision((), ()), None)
    table = Table("nasbench-macro").start(Context(product, 0, "", tmp_path, silent))
    assert np.isfinite(table.evaluate(product.sample(2000, np.random.default_rng(0)))["accuracy"]).all()
    assert table.missing == 0
    best = table.evaluate(NasBenchMacro().parse("22212220")[None])
    assert [round(best[key][0], 4) for key in ("accuracy", "params", "macs")] == [0.9313, 1985514, 85164544]
