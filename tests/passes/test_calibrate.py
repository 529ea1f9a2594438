"""Calibration: what is observed, and which range follows from it."""

import numpy as np
import pytest

from gossamer.ir.errors import DataError
from gossamer.passes.calibrate import Observed, calibrate
from gossamer.passes.pipeline import run_pipeline

TEXT = """
%x: f32[2,3] = input
%w: f32[3] = ir.param "w"
%1: f32[3] = nn.relu %w
%2: f32[2,3] = math.add %x, %1
%3: f32[2,3] = nn.relu %2
return %3
"""


def test_every_activation_and_no_constant(lab):
    module = lab.module(TEXT)
    x = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)
    found = calibrate(module, {"x": x}).by_name
    assert sorted(found) == ["2", "3", "x"]
    assert (found["x"].low, found["x"].high) == (x.min(), x.max())
    assert found["3"].low == 0 and found["3"].counts.sum() + found["3"].zeros == 18


def test_fused_and_not_fused_observe_the_same(lab):
    module = lab.module(TEXT)
    x = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)
    assert calibrate(module, {"x": x}) == calibrate(run_pipeline(module, "fuse"), {"x": x})


def test_large_tensors_are_counted_in_part_and_repeatably():
    x = np.random.default_rng(0).standard_normal(100_000).astype(np.float32)
    once, again = (Observed.of(x, np.random.default_rng(3), 1000) for _ in range(2))
    assert once.counts.sum() == 1002 and (once.counts == again.counts).all()
    assert (once.low, once.high) == (x.min(), x.max())


def test_pieces_merge_to_the_whole():
    rng = np.random.default_rng(0)
    parts = [rng.laplace(size=5000) * scale for scale in (1, 3, 0.5)]
    whole = Observed.of(np.concatenate(parts), rng)
    merged = Observed.of(parts[0], rng).merged(Observed.of(parts[1], rng)).merged(Observed.of(parts[2], rng))
    assert merged == whole and merged.counts.sum() == whole.counts.sum()
    for method in ("percentile", "mse"):
        assert merged.range(method, 4, 99) == pytest.approx(whole.range(method, 4, 99), rel=0.02)


def test_the_rest_of_a_batch_is_left_out(lab):
    x = np.array([[0, 0, 0], [1, 1, 1], [9, 9, 9]], np.float32)
    assert calibrate(lab.module(TEXT), {"x": x}).by_name["x"].high == 1


@pytest.mark.parametrize(
    "inputs, message",
    [
        ({}, r"calibration: input 'x' is missing, needed numbers \[N, 3\] with N >= 2"),
        ({"x": np.zeros((1, 3))}, r"calibration: input 'x' is float64\[1, 3\], needed numbers \[N, 3\] with N >= 2"),
        ({"x": np.zeros((4, 2))}, r"calibration: input 'x' is float64\[4, 2\], needed"),
        ({"x": np.zeros(())}, r"calibration: input 'x' is float64\[\], needed"),
        ({"x": np.full((2, 3), "1")}, r"calibration: input 'x' is <U1\[2, 3\], needed numbers"),
        ({"x": np.full((2, 3), 1j)}, r"calibration: input 'x' is complex128\[2, 3\], needed numbers"),
        ({"x": np.full((2, 3), np.nan)}, "calibration: %x takes a value that is not finite"),
    ],
)
def test_refuses(lab, inputs, message):
    with pytest.raises(DataError, match=message):
        calibrate(lab.module(TEXT), inputs)


def seen(values):
    return Observed.of(np.asarray(values, np.float32), np.random.default_rng(0))


def test_minmax_takes_everything_and_zero():
    assert seen([1, 5]).range("minmax", 8, 99) == (0, 5)
    assert Observed(-3.0, -1.0).range("mse", 8, 99) == (-3, 0)
    assert seen([0, 0]).range("mse", 8, 99) == (0, 0)


def test_percentile_cuts_both_tails():
    low, high = seen(np.linspace(-1, 1, 20001)).range("percentile", 8, 90)
    assert (low, high) == (pytest.approx(-0.9, abs=1e-3), pytest.approx(0.9, abs=1e-3))
    assert seen([*[0] * 99, 5]).range("percentile", 8, 90) == (0, pytest.approx(0, abs=2e-3))


def test_mse_cuts_more_the_fewer_bits_there_are():
    laplace = seen(np.random.default_rng(0).laplace(size=20000))
    spans = [high - low for low, high in (laplace.range("mse", bits, 99) for bits in (3, 4, 6, 8, 12, 16))]
    assert spans == sorted(spans) and spans[0] < 0.7 * spans[-1]
    assert spans[-1] == laplace.high - laplace.low


def test_mse_beats_minmax():
    sample = np.random.default_rng(1).laplace(size=20000)

    def error(method):
        low, high = seen(sample).range(method, 4, 99)
        step = (high - low) / 15
        steps = np.clip(np.rint(sample / step), round(low / step), round(high / step))
        return float(((steps * step - sample) ** 2).mean())

    assert error("mse") < 0.8 * error("minmax")


@pytest.mark.parametrize("low, high", [(1.0, 1.00001), (1.0, 1.0 + 1e-15), (-1e-310, 1e-310), (2.0, 2.0)])
def test_a_range_of_fewer_numbers_than_bins_is_observed(low, high):
    values = np.array([low, high, high], np.float64)
    for given in (values, values.astype(np.float32)):
        seen = Observed.of(given, np.random.default_rng(0))
        assert seen.zeros + seen.counts.sum() == 3 and seen.merged(seen).counts.sum() == 2 * seen.counts.sum()
        assert np.isfinite(seen.range("mse", 8, 99)).all()
