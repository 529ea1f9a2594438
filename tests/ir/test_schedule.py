"""Schedules: what they refuse."""

import pytest

from gossamer.ir.errors import IRError
from gossamer.ir.schedule import Schedule, Tile


def test_tiles_are_found_by_axis():
    schedule = Schedule(tile=(Tile("oc", (64, 16)), Tile("ow", (14,))))
    assert schedule.tile_of("oc") == (64, 16) and schedule.tile_of("kh") == ()


@pytest.mark.parametrize(
    "fields", [{"algorithm": "winograd"}, {"winograd_m": 4}, {"algorithm": "im2col", "winograd_m": 2}]
)
def test_winograd_and_its_tile_go_together(fields: dict[str, object]):
    with pytest.raises(IRError, match="a schedule gives winograd_m exactly when its algorithm is winograd"):
        Schedule(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tile": (Tile("oc", (0,)),)}, "tile sizes must be >= 1"),
        ({"vectorize": Tile("oc", (-1,))}, "tile sizes must be >= 1"),
        ({"tile": (Tile("oc", (4,)), Tile("oc", (2,)))}, "the axis 'oc' is tiled twice, needed once: oc:4:2"),
        ({"algorithm": "winograd", "winograd_m": 0}, "winograd_m is 0, needed a whole number >= 1"),
    ],
)
def test_bad_sizes_are_refused(fields: dict[str, object], message: str):
    with pytest.raises(IRError, match=message):
        Schedule(**fields)  # type: ignore[arg-type]
