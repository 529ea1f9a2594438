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
    assert found["3"].low == 0 and np.sort(found["x"].sample).tolist() == np.sort(x.ravel()).tolist()


def test_fused_and_not_fused_observe_the_same(lab):
    module = lab.module(TEXT)
    x = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)
    assert calibrate(module, {"x": x}) == calibrate(run_pipeline(module, "fuse"), {"x": x})


def test_samples_are_bounded_and_repeatable(lab):
    module = lab.module(TEXT)
    x = np.random.default_rng(0).standard_normal((2000, 3)).astype(np.float32)
    once, again = (calibrate(module, {"x": x}, samples=100, seed=3).by_name["3"] for _ in range(2))
    assert once.sample.size <= 2000 and (once.sample == again.sample).all()


def test_the_rest_of_a_batch_is_left_out(lab):
    x = np.array([[0, 0, 0], [1, 1, 1], [9, 9, 9]], np.float32)
    assert calibrate(lab.module(TEXT), {"x": x}).by_name["x"].high == 1


@pytest.mark.parametrize(
    "inputs, message",
    [
        ({}, r"calibration: input 'x' is missing, needed \[N, 3\] with N >= 2"),
        ({"x": np.zeros((1, 3))}, r"calibration: input 'x' is \[1, 3\], needed \[N, 3\] with N >= 2"),
        ({"x": np.zeros((4, 2))}, r"calibration: input 'x' is \[4, 2\], needed"),
        ({"x": np.full((2, 3), np.nan)}, "calibration: %x takes a value that is not finite"),
    ],
)
def test_refuses(lab, inputs, message):
    with pytest.raises(DataError, match=message):
        calibrate(lab.module(TEXT), {k: v.astype(np.float32) for k, v in inputs.items()})


def test_minmax_takes_everything_and_zero():
    assert Observed(1.0, 5.0, np.array([1, 5], np.float32)).range("minmax", 8, 99) == (0, 5)
    assert Observed(-3.0, -1.0).range("mse", 8, 99) == (-3, 0)


def test_percentile_cuts_both_tails():
    sample = np.linspace(-1, 1, 2001, dtype=np.float32)
    low, high = Observed(-50.0, 80.0, sample).range("percentile", 8, 90)
    assert (low, high) == (pytest.approx(-0.9), pytest.approx(0.9))


def test_mse_cuts_more_the_fewer_bits_there_are():
    sample = np.random.default_rng(0).laplace(size=20000).astype(np.float32)
    seen = Observed(float(sample.min()), float(sample.max()), sample)
    spans = [high - low for low, high in (seen.range("mse", bits, 99) for bits in (3, 4, 6, 8, 12))]
    assert spans == sorted(spans) and spans[0] < 0.7 * spans[-1]


def test_mse_beats_minmax_on_the_sample():
    sample = np.random.default_rng(1).laplace(size=20000).astype(np.float32)
    seen = Observed(float(sample.min()), float(sample.max()), sample)

    def error(method):
        low, high = seen.range(method, 4, 99)
        step = (high - low) / 15
        steps = np.clip(np.rint(sample / step), round(low / step), round(high / step))
        return float(((steps * step - sample) ** 2).mean())

    assert error("mse") < 0.8 * error("minmax")
