"""Where values lie in the arena, and which frames stay written."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gossamer.backends.cpu.memory import ALIGNMENT, Interval, place, rounded
from gossamer.backends.cpu.network import kept_frames
from gossamer.backends.cpu.tensors import Buffer
from gossamer.codegen.tvm.forms import Storage
from gossamer.codegen.tvm.layout import Layout

INTERVALS = st.builds(
    lambda size, first, length: Interval(size, first, first + length),
    st.integers(0, 5000), st.integers(0, 20), st.integers(0, 6),
)  # fmt: skip


@given(st.lists(INTERVALS, max_size=30))
def test_values_alive_together_share_no_byte(intervals):
    offsets, size = place(intervals)
    for i, (offset, own) in enumerate(zip(offsets, intervals)):
        assert offset % ALIGNMENT == 0 and offset + own.bytes <= size
        for other_offset, other in zip(offsets[:i], intervals):
            together = own.first <= other.last and other.first <= own.last
            apart = offset + own.bytes <= other_offset or other_offset + other.bytes <= offset
            assert apart or not together


@given(st.lists(INTERVALS, min_size=1, max_size=30))
def test_an_arena_holds_what_lives_at_once_and_never_more_than_everything(intervals):
    _, size = place(intervals)
    busiest = max(sum(rounded(x.bytes) for x in intervals if x.first <= t <= x.last) for t in range(30))
    assert busiest <= size <= sum(rounded(x.bytes) for x in intervals)


def test_a_chain_needs_its_two_largest_neighbours():
    sizes = [640, 1280, 64, 2560, 128]
    _, size = place([Interval(s, i, i + 1) for i, s in enumerate(sizes)])
    assert size == 2560 + 128


def test_the_smallest_gap_that_holds_a_value_is_taken():
    """Of 512 bytes at 640 and 256 at 1600, which are free again."""
    sizes = [(640, 9), (512, 1), (448, 9), (256, 1), (192, 9)]
    offsets, _ = place([*(Interval(size, 0, last) for size, last in sizes), Interval(128, 5, 6)])
    assert offsets == [0, 640, 1152, 1600, 1856, 1600]


def haloed(fill):
    layout = Layout.plain((1, 4, 4)).with_halo((0, 1, 1), (0, 1, 1), fill)
    return Buffer(Storage(layout, np.dtype(np.float32).name))


def test_a_frame_stays_where_only_its_like_lie():
    zero, inf = haloed(0.0), haloed(float("-inf"))
    plain = Buffer(Storage(Layout.plain((10,)), "float32"))
    assert kept_frames([zero, zero], [0, 0]) == {0, 1}
    assert kept_frames([zero, inf], [0, 0]) == set()  # another number in the frame
    assert kept_frames([zero, zero], [0, 64]) == set()  # like, but not in the same place
    assert kept_frames([zero, plain, zero], [0, 64, 192]) == {2}
    assert kept_frames([zero, Buffer(plain.storage, param=True)], [0, 0]) == {0}  # parameters are elsewhere
