"""The whole way, on a small space trained for a moment: from one call to a folder of measured designs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs torch: pip install 'gossamer[search]'")

from gossamer.ir.errors import RegistryError, SearchError
from gossamer.search import search
from gossamer.search.estimators.train import Training
from gossamer.search.folder import drop_stale_designs

QUICK = Training(steps=60, batch=32)


@pytest.fixture
def small(monkeypatch, space):
    """The space `mobilenet`, in small."""
    monkeypatch.setattr("gossamer.search.keywords.network_space", lambda *_: space.architecture)


def go(out, **changes):
    options = {"budget": 60, "out": out, "training": QUICK, "population": 20, "designs": 3, "host": False}
    return search(**(options | changes))


@pytest.mark.slow
def test_a_search_returns_measured_designs(small, tmp_path):
    run = go(tmp_path / "a", limits=["latency<=10ms"])
    assert run.evaluations == 60 and len(run.explored) == 60 and 1 <= len(run.front) <= 3
    assert 0 < run.hypervolume <= 1 and set(run.reference) == {"accuracy", "latency_s", "energy_j", "area_mm2"}
    for design in run.front:
        # finalise refuses a design whose costs differ; accuracy is of other images, on integers
        assert design.metrics["latency_s"] == pytest.approx(design.searched["latency_s"], rel=1e-9)
        assert sum(row.latency_s for row in design.layers) == pytest.approx(design.metrics["latency_s"])
        assert {"model.onnx", "ir.txt", "hardware.yaml", "layers.csv", "params.npz", "scalesim/topology.csv"} <= set(
            design.files
        )
        assert all((design.folder / name).stat().st_size for name in design.files)
        assert design.ir == (design.folder / "ir.txt").read_text() and not design.notes
    summary = json.loads((tmp_path / "a" / "run.json").read_text())
    assert [d["metrics"] for d in summary["designs"]] == [dict(d.metrics) for d in run.front]
    header, *rows = (tmp_path / "a" / "pareto.csv").read_text().splitlines()
    assert header.startswith("design,accuracy,latency_s,energy_j,area_mm2,hardware.rows") and len(rows) == len(
        run.front
    )

    again = go(tmp_path / "a", limits=["latency<=10ms"])  # nothing left to do: the same front from the store
    assert [d.genome for d in again.front] == [d.genome for d in run.front]
    with pytest.raises(SearchError, match="holds another search .*seed 0, now 1"):
        go(tmp_path / "a", limits=["latency<=10ms"], seed=1)
    with pytest.raises(SearchError, match="no design of the front holds|none of 60 designs meets 'accuracy>=99.99%'"):
        go(tmp_path / "b", limits=["accuracy>=99.99%"])


@pytest.mark.slow
def test_the_onnx_of_a_design_computes_what_its_ir_does(small, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    from gossamer.ir.graph import Params
    from gossamer.ir.reference import evaluate
    from gossamer.ir.text import parse_module
    from gossamer.search.datasets.base import load_data

    run = go(tmp_path, budget=30, designs=1)
    home = run.front[0].folder
    with np.load(home / "params.npz") as stored:
        module = parse_module((home / "ir.txt").read_text(), Params({name: stored[name] for name in stored.files}))
    session = onnxruntime.InferenceSession(home / "model.onnx", providers=["CPUExecutionProvider"])
    images = load_data("digits").held_out.first(20).floats()
    agree = 0
    for image in images:
        ours = evaluate(module, {"image": image[None]})["logits"]
        theirs = session.run(None, {"image": image[None]})[0]
        agree += int(ours.argmax() == theirs.argmax())
    assert agree >= 19


def test_mistakes_are_found_before_anything_is_trained(tmp_path, silent):
    for changes, error, said in (
        ({"target": "sistolic"}, RegistryError, "did you mean 'systolic'"),
        ({"space": "mobilnet"}, RegistryError, "did you mean 'mobilenet'"),
        ({"objectives": "accurac"}, SearchError, "did you mean 'accuracy'"),
        ({"limits": ["area<=0.00001mm2"]}, SearchError, "is impossible here: the nearest found is area"),
        ({"target": "cpu", "objectives": "accuracy,area"}, SearchError, "target 'cpu' has no area of its own"),
    ):
        with pytest.raises(error, match=said):
            go(tmp_path / "x", **changes)
        assert not (tmp_path / "x" / "supernet.npz").exists()


def test_settings_of_training_are_part_of_the_search():
    assert str(QUICK) != str(replace(QUICK, steps=61))


def test_designs_of_an_earlier_finish_beyond_the_new_ones_go(tmp_path: Path) -> None:
    for name in ("01", "02", "03", "notes"):
        (tmp_path / "designs" / name).mkdir(parents=True)
    drop_stale_designs(tmp_path, 2)
    assert sorted(item.name for item in (tmp_path / "designs").iterdir()) == ["01", "02", "notes"]


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(SearchError, match="is not empty and holds no search; name a new folder"):
        search(budget=1, out=tmp_path)
    assert [item.name for item in tmp_path.iterdir()] == ["mine"]
