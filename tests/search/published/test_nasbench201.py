"""The evaluator `table` on NAS-Bench-201 x HELP: made-up tables in their formats, and the real ones."""

import os
import pickle

import numpy as np
import pytest

from gossamer.ir.errors import DataError, SearchError
from gossamer.search.evaluators import Context
from gossamer.search.published.devices import devices
from gossamer.search.published.evaluator import Table
from gossamer.search.published.nasbench201 import read
from gossamer.search.space import CoDesignSpace, Precision
from gossamer.search.spaces.narrowed import narrowed
from gossamer.search.spaces.nasbench201 import NasBench201

from .conftest import CELLS, write_plain, write_text


def start(table, tmp_path, silent, space=None):
    space = space or NasBench201()
    product = CoDesignSpace(space, Precision((), ()), None)
    return space, table.start(Context(product, 0, "", tmp_path, silent))


def test_accuracy_and_latency_of_cells(made_up, tmp_path, silent):
    space, table = start(Table(device="pixel3"), tmp_path, silent)
    assert [(item.key, item.unit) for item in table.metrics] == [("accuracy", ""), ("latency_s", "s")]
    found = table.evaluate(np.stack([space.parse(cell) for cell in (CELLS[1], CELLS[0])]))
    assert found["accuracy"].tolist() == [0.6, 0.7]
    assert found["latency_s"].tolist() == [0.0075, 0.002]


def test_what_the_table_lacks_has_no_value_and_is_counted(made_up, tmp_path, silent):
    space, table = start(Table(dataset="cifar10", device="pixel3"), tmp_path, silent)
    unknown = "|skip_connect~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    found = table.evaluate(np.stack([space.parse(cell) for cell in (CELLS[1], CELLS[2], unknown)]))
    assert np.isnan(found["accuracy"]).tolist() == [True, False, True]
    assert np.isnan(found["latency_s"]).tolist() == [False, True, True]
    assert table.missing == 1


def test_a_narrowed_space_finds_its_networks(made_up, tmp_path, silent):
    space = narrowed(NasBench201(), (("edge0-1", ("avg_pool_3x3", "nor_conv_3x3")),))
    _, table = start(Table(), tmp_path, silent, space)
    found = table.evaluate(np.stack([space.parse(cell) for cell in (CELLS[1], CELLS[0])]))
    assert found["accuracy"].tolist() == [0.6, 0.7]


def test_without_a_device_there_is_accuracy_alone(made_up, tmp_path, silent):
    assert [item.key for item in start(Table(), tmp_path, silent)[1].metrics] == ["accuracy"]


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (Table("nasbench2001"), "unknown benchmark 'nasbench2001'; did you mean 'nasbench201'?"),
        (Table(dataset="cifar"), "nasbench201 has no dataset 'cifar'; did you mean 'cifar10'?"),
        (Table(device="pixel4"), "nasbench201 has no latencies of device 'pixel4'; did you mean 'pixel3'?"),
    ],
)
def test_unknown_names(made_up, tmp_path, silent, table, text):
    with pytest.raises(SearchError) as error:
        start(table, tmp_path, silent)
    assert text in str(error.value)


def test_another_space_is_refused(made_up, tmp_path, silent, space):
    with pytest.raises(SearchError, match="knows networks of space 'nasbench201', and this search is in 'mobilenet'"):
        Table().start(Context(space, 0, "", tmp_path, silent))


def test_missing_data_says_what_belongs_where(tmp_path, monkeypatch):
    monkeypatch.setenv("GOSSAMER_DATA", str(tmp_path))
    with pytest.raises(DataError) as error:
        read()
    assert "nats_bench.csv: NAS-Bench-201's accuracies (NATS-Bench) is not there; put the file" in str(error.value)
    assert "set GOSSAMER_DATA to the folder that has natsbench_tss_acc_200epoch/nats_bench.csv" in str(error.value)


def test_broken_tables(made_up, tmp_path, silent):
    accuracies = made_up / "natsbench_tss_acc_200epoch" / "nats_bench.csv"
    text = accuracies.read_text()
    for broken, message in (
        (text.replace("ArchitectureString", "Arch"), "has no column ArchitectureString"),
        (text.replace("70.0", "seventy"), "entry 1 is 'seventy', a number is needed"),
        (text.replace("|none~0|+|none~0", "|nune~0|+|none~0"), "entry 3 is no architecture of space 'nasbench201'"),
    ):
        fresh = made_up / f"other{len(message)}"
        write_text(fresh / "natsbench_tss_acc_200epoch" / "nats_bench.csv", broken)
        os.environ["GOSSAMER_DATA"] = str(fresh)  # put back by made_up's monkeypatch
        with pytest.raises(DataError, match=message):
            start(Table(), tmp_path, silent)


class Evil:
    def __reduce__(self):
        return os.system, ("touch evil",)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (pickle.dumps(Evil()), r"is no plain pickle .*names (posix|nt|os)\.system, and only plain values are read"),
        (pickle.dumps([1.0, 2.0])[:-4], "is no plain pickle"),
        ({"a": 1}, "needs to be a list of milliseconds"),
        ([1.0], "places an architecture outside the 1 values of pixel3.pt"),
        ([1.0, "x"], "entry 2 is 'x', a number is needed"),
    ],
)
def test_a_latency_file_is_read_without_running_it(made_up, value, message):
    write_plain(made_up / "help_latency" / "nasbench201" / "latency" / "pixel3.pt", value)
    with pytest.raises(DataError, match=message):
        read("cifar100", "pixel3")
    assert not os.path.exists("evil")


def test_a_latency_file_that_is_no_zip(made_up):
    (made_up / "help_latency" / "nasbench201" / "latency" / "pixel3.pt").write_bytes(b"PK nothing")
    with pytest.raises(DataError, match="is no .pt file"):
        read("cifar100", "pixel3")


def test_known_optima(published):
    for name, best in (("cifar10", 94.373), ("cifar100", 73.513), ("imagenet16-120", 47.311)):
        assert round(100 * read(name).columns["accuracy"].max(), 3) == best


def test_every_device_has_every_cell(published):
    for device in devices():
        column = read("cifar100", device).columns["latency_s"]
        assert len(column) == 15625 and np.isfinite(column).all() and column.min() > 0, device


def test_published_latencies(published):
    """Eyeriss' are a plain sum over edges: ms = 1.67954 + 1.47456 (conv3x3 + pool) + 0.24576 conv1x1."""
    table = read("cifar100", "eyeriss")
    heavy = np.array([text.count("nor_conv_3x3") + text.count("avg_pool") for text in table.texts])
    light = np.array([text.count("nor_conv_1x1") for text in table.texts])
    np.testing.assert_allclose(1e3 * table.columns["latency_s"], 1.67954 + 1.47456 * heavy + 0.24576 * light, rtol=1e-9)


def test_genomes_find_their_own_row(published, tmp_path, silent):
    space, table = start(Table(device="raspi4"), tmp_path, silent)
    genomes = space.sample(50, np.random.default_rng(3))
    data, found = read("cifar100", "raspi4"), table.evaluate(genomes)
    rows = [data.texts.index(space.text(genome)) for genome in genomes]
    assert found["accuracy"].tolist() == data.columns["accuracy"][rows].tolist()
    assert found["latency_s"].tolist() == data.columns["latency_s"][rows].tolist()
    assert table.missing == 0
