"""Published tables that are always there: NAS-Bench-201 with made-up numbers in the published formats."""

import pickle
import zipfile

import numpy as np
import pytest

from gossamer.search.spaces.nasbench201 import NasBench201

DEVICES = ("pixel3", "raspi4")


@pytest.fixture(scope="session")
def made_up_tables(tmp_path_factory):
    """Every cell: more convolutions, more accuracy and more latency, and a little noise."""
    folder = tmp_path_factory.mktemp("published")
    space = NasBench201()
    genomes = np.indices((5,) * 6).reshape(6, -1).T
    texts = [space.text(genome) for genome in genomes]
    work = (genomes == 3).sum(1) * 2.0 + (genomes == 2).sum(1) + 0.2 * (genomes == 4).sum(1)
    noise = np.random.default_rng(0).normal(0, 0.2, len(work))
    write_accuracies(folder / "natsbench_tss_acc_200epoch", texts, 70 - 40 * np.exp(-work / 3) + noise)
    write_plain(folder / "help_latency/nasbench201/str_arch2idx.pt", {text: i for i, text in enumerate(texts)})
    for place, device in enumerate(DEVICES):
        latencies = ((1 + place) * (2 + work) + noise).tolist()
        write_plain(folder / f"help_latency/nasbench201/latency/{device}.pt", latencies)
    return folder


def write_accuracies(folder, texts, percent):
    folder.mkdir(parents=True)
    columns = "CIFAR10TestAccuracy200Epochs,CIFAR100TestAccuracy200Epochs,ImageNetTestAccuracy200Epochs"
    rows = [f"{p + 20:.3f},{p:.3f},{p - 20:.3f},{text},x" for p, text in zip(percent, texts)]
    (folder / "nats_bench.csv").write_text("\n".join([f"{columns},ArchitectureString,UniqueString", *rows]) + "\n")


def write_plain(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(value))
