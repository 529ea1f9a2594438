"""Boxes do what layouts say: replayed here with numpy, element by element."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossamer.backends.cpu.copies import Box, View, copy_boxes, frame_boxes
from gossamer.codegen.tvm.layout import Dim, Layout


def replay(box: Box):
    """(place in to, place in source) of every element of a box."""
    for digits in product(*(range(count) for count, _, _ in box.loops)):
        to = sum(d * step for d, (_, step, _) in zip(digits, box.loops))
        source = sum(d * step for d, (_, _, step) in zip(digits, box.loops))
        yield box.to + to, box.source + source


def copied(boxes, source, to):
    for box in boxes:
        for there, here in replay(box):
            to[there] = source[here]
    return to


def numbers(layout):
    return np.arange(1, np.prod(layout.logical) + 1).reshape(layout.logical)


SHAPE = (2, 20, 3, 5)
HALO = ((0, 0, 1, 2), (0, 0, 2, 0), 0.0)
LAYOUTS = {
    "plain": Layout.plain(SHAPE),
    "halo": Layout.plain(SHAPE).with_halo(*HALO),
    "blocked": Layout.blocked(SHAPE, 1, 16),
    "even": Layout.blocked(SHAPE, 1, 4),
    "blocked halo": Layout.blocked(SHAPE, 1, 16).with_halo(*HALO),
    "last": Layout(SHAPE, (Dim(0, 1, 2), Dim(2, 1, 3), Dim(3, 1, 5), Dim(1, 1, 20)), (0,) * 4, (0,) * 4),
    "two levels": Layout(
        SHAPE, (Dim(0, 1, 2), Dim(1, 16, 2), Dim(2, 1, 3), Dim(3, 1, 5), Dim(1, 4, 4), Dim(1, 1, 4)), (0,) * 4, (0,) * 4
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_into_a_layout_and_out_of_it(name):
    layout = LAYOUTS[name]
    logical, dense = numbers(layout), View.dense(SHAPE)
    physical = copied(copy_boxes(View.of(layout), dense), logical.ravel(), np.zeros(layout.elements, int))
    assert np.array_equal(physical.reshape(layout.shape), layout.pack(logical))
    back = copied(copy_boxes(dense, View.of(layout)), physical, np.zeros(logical.size, int))
    assert np.array_equal(back.reshape(SHAPE), logical)


@pytest.mark.parametrize("to", LAYOUTS)
@pytest.mark.parametrize("source", LAYOUTS)
def test_between_any_two_layouts(to, source):
    there, here = LAYOUTS[to], LAYOUTS[source]
    given = here.pack(numbers(here)).ravel()
    found = copied(copy_boxes(View.of(there), View.of(here)), given, np.zeros(there.elements, int))
    assert np.array_equal(found.reshape(there.shape), there.pack(numbers(there)))


@given(st.lists(st.integers(1, 6), max_size=5))
def test_dense_tensors_are_one_run(shape):
    (box,) = copy_boxes(View.dense(tuple(shape)), View.dense(tuple(shape)))
    assert box.loops == ((int(np.prod(shape, initial=1)), 1, 1),)


def test_a_slice_moves_along_the_first_axis():
    layout = LAYOUTS["halo"]
    view, step = View.of(layout).slices()
    given = layout.pack(numbers(layout)).ravel()
    for i in range(2):
        found = copied(copy_boxes(View.dense(SHAPE[1:]), view), given[i * step :], np.zeros(300, int))
        assert np.array_equal(found.reshape(SHAPE[1:]), numbers(layout)[i])


def test_nothing_is_copied_of_an_empty_tensor():
    view = View.dense((3, 0))
    assert copy_boxes(view, view) == ()


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_frame_is_all_that_is_not_the_tensor(name):
    layout = LAYOUTS[name]
    inside = layout.pack(np.ones(SHAPE, int)).ravel() == 1
    framed = np.zeros(layout.elements, bool)
    for box in frame_boxes(layout, surplus=True):
        for there, _ in replay(box):
            framed[there] = True
    assert np.array_equal(framed, ~inside)
    halo = {there for box in frame_boxes(layout, surplus=False) for there, _ in replay(box)}
    assert (not halo) is (not layout.has_halo) and not any(inside[list(halo)])
