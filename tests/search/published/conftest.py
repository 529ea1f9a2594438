"""Tables in the published formats: made-up ones that are always there, and the real ones where they are."""

import io
import os
import pickle
import zipfile
from pathlib import Path

import pytest

CELLS = (
    "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_1x1~2|",
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|none~2|",
    "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
)


def write_plain(path, value):
    """A `.pt` file as torch writes one: a zip with a pickle in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", value if isinstance(value, bytes) else pickle.dumps(value))


def write_text(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    """Three cells; the second has no accuracy on CIFAR-10, and pixel3 lacks the third."""
    monkeypatch.setenv("GOSSAMER_DATA", str(tmp_path))
    lines = io.StringIO()
    lines.write("CIFAR10TestAccuracy200Epochs,CIFAR100TestAccuracy200Epochs,")
    lines.write("ImageNetTestAccuracy200Epochs,ArchitectureString,UniqueString\n")
    for accuracy, cell in zip(("90.5,70.0,45", ",60.0,30", "10,1,0.8"), CELLS):
        lines.write(f"{accuracy},{cell},x\n")
    write_text(tmp_path / "natsbench_tss_acc_200epoch" / "nats_bench.csv", lines.getvalue())
    folder = tmp_path / "help_latency" / "nasbench201"
    write_plain(folder / "latency" / "pixel3.pt", [7.5, 2.0])
    write_plain(folder / "str_arch2idx.pt", {CELLS[0]: 1, CELLS[1]: 0})
    return tmp_path


@pytest.fixture(scope="session")
def published():
    """The folder of published data."""
    folder = Path(os.environ.get("GOSSAMER_DATA", Path(__file__).parents[4] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("published data is not here: set GOSSAMER_DATA")
    return folder
