"""What is learned from measured schedules. Not: the times; the databases here are made up."""

import sys
from dataclasses import replace
from math import isfinite

import numpy as np
import pytest

from gossamer import api
from gossamer.backends.cpu.tuning import learned, tune
from gossamer.backends.cpu.tuning.database import Measured, TuningDatabase
from gossamer.backends.cpu.tuning.features import PREDICTED
from gossamer.backends.cpu.tuning.latency import CALL_S, expected_latency, predicted_latency_s, record_layers
from gossamer.backends.cpu.tuning.layers import tunable_layers
from gossamer.backends.cpu.tuning.learned import fitted, promising
from gossamer.ir.parse import parse_module

WIDTHS = (16, 32, 48, 64, 80, 96, 112, 128, 144)


def network(widths=WIDTHS):
    lines = ["module net", f"%x: f32[1,{widths[0]},12,12] = input"]
    value, params = "%x", {}
    for place, (ic, oc) in enumerate(zip(widths, widths[1:])):
        lines += [
            f'%w{place}: f32[{oc},{ic},3,3] = ir.param "w{place}"',
            f"%y{place}: f32[1,{oc},12,12] = nn.conv2d {value}, %w{place} pads=(1,1,1,1)",
        ]
        params[f"w{place}"] = np.zeros((oc, ic, 3, 3), np.float32)
        value = f"%y{place}"
    return api.prepare(parse_module("\n".join([*lines, f"return {value}", ""]), params), "cpu")


@pytest.fixture(scope="module")
def module():
    return network()


@pytest.fixture(scope="module")
def layers(module):
    return tunable_layers(module, module.hardware)


@pytest.fixture
def database(tmp_path):
    return TuningDatabase(tmp_path / "t.sqlite", "a")


def made_up(features):
    """Seconds in a world where im2col is four times as fast as is thought."""
    return features[PREDICTED] * (0.25 if features["im2col"] else 1.0)


def rows(layers):
    return [
        Measured(layer.key, text, "ok", made_up(features), features)
        for layer in layers
        for text, features in zip(layer.schedules, layer.features, strict=True)
    ]


def test_features_are_finite_numbers_of_the_same_names(layers):
    found = [features for layer in layers for features in layer.features]
    assert len(layers) == len(WIDTHS) - 1 and all(len(one.features) == len(one.schedules) for one in layers)
    assert len({tuple(features) for features in found}) == 1
    assert all(isfinite(value) for features in found for value in features.values())
    assert all(features[PREDICTED] > 0 for features in found)
    largest, smallest = layers[0].features[0], layers[-1].features[0]
    for name in ("macs", "bytes_read", "weight_elements"):
        assert largest[name] > smallest[name]
    for layer in layers:
        tiles = {(f["winograd_m"], f["im2col"], f["vectors"], f["rows"], f["pixels"]) for f in layer.features}
        assert len(tiles) > len(layer.features) // 2


def test_features_are_kept_and_files_without_them_still_serve(database):
    database.record([Measured("l", "s", "ok", 1.0, {"a": 0.5}), Measured("k", "s", "crash", None)])
    assert [(r.layer, dict(r.features)) for r in database.rows()] == [("k", {}), ("l", {"a": 0.5})]
    database.record([Measured("l", "s", "ok", 2.0)])
    assert database.of("l")[0].seconds == 2.0 and database.of("l")[0].features == {"a": 0.5}
    assert TuningDatabase(database.path, "b").rows() == ()
    with database._open() as connection:
        connection.execute("drop table features")
    assert [r.seconds for r in TuningDatabase(database.path, "a").of("l")] == [2.0]


def test_a_faster_family_is_learned_and_tried_first(layers, database):
    unseen, *others = layers
    database.record(rows(others))
    model = fitted(database)
    assert model is not None and 0 <= model.spread < 0.5
    own, *texts = unseen.schedules
    features = dict(zip(unseen.schedules, unseen.features, strict=True))
    known = [Measured(unseen.key, own, "ok", made_up(features[own]), features[own])]
    ordered = promising(model, known, {text: features[text] for text in texts})
    assert features[ordered[0]]["im2col"] and len(ordered) < len(texts)
    found = [replace(row, seconds=1e-9) for row in known]
    best = promising(model, [*known, *found], {text: features[text] for text in texts})
    assert best == []  # nothing is expected to be as fast as that
    assert promising(model, known, {"odd": {}}) == ["odd"]


def test_the_same_rows_give_the_same_model(layers, tmp_path):
    found = []
    for place, order in enumerate((1, -1)):
        database = TuningDatabase(tmp_path / f"{place}.sqlite", "a")
        database.record(rows(layers)[::order])
        model = fitted(database)
        found.append((model.spread, *model.log_seconds([f for layer in layers for f in layer.features])))
    assert found[0] == found[1]


def test_nothing_is_learned_from_little_or_without_xgboost(layers, database, monkeypatch):
    database.record(rows(layers[: learned.LEAST_LAYERS - 1]))
    assert fitted(database) is None
    database.record([replace(row, features={}) for row in rows(layers)])
    assert fitted(database) is None
    database.record(rows(layers))
    assert fitted(database) is not None
    monkeypatch.setitem(sys.modules, "xgboost", None)
    assert fitted(database) is None


@pytest.mark.parametrize("there", [True, False])
def test_tuning_leaves_out_what_is_not_promising(module, layers, database, monkeypatch, there):
    asked = []

    def measured(_, trials, end):
        asked.extend((t.layer.key, t.schedule) for t in trials)
        features = {(x.key, s): f for x in layers for s, f in zip(x.schedules, x.features, strict=True)}
        return tuple(
            Measured(t.layer.key, t.schedule, "ok", made_up(features[t.layer.key, t.schedule])) for t in trials
        )

    monkeypatch.setattr(tune, "measured", measured)
    monkeypatch.setattr(learned, "LEAST_ROWS", 20)
    if not there:
        monkeypatch.setitem(sys.modules, "xgboost", None)
    done = tune.tuned(module, database, 60.0)
    everything = sum(len(layer.schedules) for layer in layers)
    assert (len(set(asked)) < everything) is there
    for layer in layers:
        fastest = min(zip(layer.schedules, layer.features, strict=True), key=lambda one: made_up(one[1]))
        assert (layer.key, fastest[0]) in asked
    assert done.layers == len(layers) and all(row.features for row in database.rows())
    again = tune.tuned(module, database, 60.0)
    assert (again.trials, again.known, again.hasty) == (0, len(layers), False)


def test_a_network_is_the_sum_of_what_is_known_learned_and_worked_out(module, layers, database):
    analytical = predicted_latency_s(module, database)
    assert analytical > 0
    record_layers(module, [1.0] * len(layers), database)
    known = expected_latency(module, database, fitted(database))
    assert (known.seconds, known.measured) == (pytest.approx(CALL_S + len(layers)), len(layers))
    database.record(rows(layers))
    other = network((24, 40, 72))
    found = expected_latency(other, database, fitted(database))
    assert (found.measured, found.learned, found.analytical) == (0, 2, 0) and found.seconds > 0
    assert expected_latency(other, database, None).analytical == 2


def test_without_time_nothing_is_learned(module, layers, database, monkeypatch):
    best = [row for row in rows(layers) if row.schedule in {s for x in layers for s in x.schedules[: tune.FIRST]}]
    database.record(best)
    monkeypatch.setattr(tune, "fitted", lambda _: pytest.fail("learned"))
    done = tune.tuned(module, database)
    assert done.trials == 0 and done.known == done.layers and not done.hasty
