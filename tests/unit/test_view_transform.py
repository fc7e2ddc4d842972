"""Where the image lies in the view: exact, invertible, and never out of sight."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seggui.canvas.view_transform import (
    KEPT_VISIBLE_PX,
    MAX_SCALE,
    MIN_SCALE,
    ViewTransform,
)
from seggui.core.records import Rect

untimed = settings(deadline=None)  # the machine may be busy
SCALES = st.floats(MIN_SCALE, MAX_SCALE)
OFFSETS = st.floats(-50_000, 50_000)
VIEWS = st.builds(ViewTransform, SCALES, OFFSETS, OFFSETS)
SIZES = st.tuples(st.integers(1, 9000), st.integers(1, 9000))


@untimed
@given(VIEWS, st.floats(-10_000, 10_000), st.floats(-10_000, 10_000))
def test_there_and_back_is_the_same_point(view, row, column):
    x, y = view.to_device((row, column))
    assert view.to_image(x, y) == pytest.approx((row, column), abs=1e-5)


@untimed
@given(st.integers(1, 40), st.integers(0, 5), st.integers(0, 5))
def test_pixel_r_c_covers_r_to_r_plus_1_and_c_to_c_plus_1(scale, row, column):
    view = ViewTransform(float(scale), 3.0, -2.0)
    top, left = 3 + row * scale, -2 + column * scale
    rect = view.covered(Rect(row, column, row + 1, column + 1))
    assert rect == Rect(top, left, top + scale, left + scale)


@untimed
@given(VIEWS, st.integers(0, 299), st.integers(1, 100))
def test_what_covers_a_rectangle_shows_exactly_its_pixels(view, first, count):
    side, last = 400, min(400, first + count)
    device = view.covered(Rect(first, first, last, last))
    around = Rect(device.top - 3, device.left - 3, device.bottom + 3, device.right + 3)
    assume(around.height < 5000)
    for shown, start, stop, offset in (
        (view.rows(around, side), device.top, device.bottom, view.top),
        (view.columns(around, side), device.left, device.right, view.left),
    ):
        centers = np.arange(start - 3, stop + 3) + 0.5
        exact = (centers - offset) / view.scale
        is_tie = np.abs(exact - np.round(exact)) < 1e-6
        is_covered = (centers > start) & (centers < stop)
        is_shown = (exact >= first) & (exact < last)
        assert np.array_equal(is_covered[~is_tie], is_shown[~is_tie])
        assert np.all((shown[is_covered & ~is_tie] >= first) & (shown[is_covered & ~is_tie] < last))


@untimed
@given(VIEWS, st.integers(-50, 50), st.integers(1, 60))
def test_a_part_shows_the_same_pixels_as_the_whole(view, start, length):
    whole = view.columns(Rect(0, -100, 1, 200), 333)
    part = view.columns(Rect(0, start, 1, start + length), 333)
    assert np.array_equal(part, whole[start + 100 : start + 100 + length])


@untimed
@given(OFFSETS, OFFSETS, st.integers(-300, 300), st.integers(-300, 300))
def test_at_full_size_the_pixels_are_those_of_rows_and_columns(top, left, row, column):
    view, side = ViewTransform(1.0, top, left), 200_000
    down, right = math.ceil(top), math.ceil(left)
    device = Rect(
        abs(row) + down, abs(column) + right, abs(row) + down + 9, abs(column) + right + 7
    )
    same = view.same_pixels(device)
    assert same is not None
    assert view.rows(device, side).tolist() == list(range(same.top, same.bottom))
    assert view.columns(device, side).tolist() == list(range(same.left, same.right))


def test_only_at_full_size_pixels_are_the_same():
    assert ViewTransform(2.0).same_pixels(Rect(0, 0, 4, 4)) is None
    assert ViewTransform(0.5).same_pixels(Rect(0, 0, 4, 4)) is None


def test_at_full_size_rounding_never_parts_two_pixels():
    view = ViewTransform(1.0, 0.5000000000000001, 0.0)
    assert set(np.diff(view.rows(Rect(1, 0, 5000, 1), 10_000)).tolist()) == {1}


@untimed
@given(VIEWS, SCALES, st.floats(0, 4000), st.floats(0, 2000))
def test_zooming_keeps_the_point_under_the_pointer(view, scale, x, y):
    before = view.to_device(view.to_image(x, y))
    point = view.to_image(x, y)
    assert before == pytest.approx((x, y), abs=1e-6)
    # Rounding in image pixels is magnified by the scale: a hundredth of a device pixel.
    assert view.zoomed(scale, x, y).to_device(point) == pytest.approx((x, y), abs=0.01)


def test_zoom_is_limited():
    assert ViewTransform().zoomed(1e9, 0, 0).scale == MAX_SCALE
    assert ViewTransform().zoomed(1e-9, 0, 0).scale == MIN_SCALE


@untimed
@given(SIZES, SIZES)
def test_fitted_shows_the_whole_image_in_the_middle(image, device):
    view = ViewTransform.fitted(image, device)
    assume(MIN_SCALE < view.scale < MAX_SCALE)
    height, width = image[0] * view.scale, image[1] * view.scale
    assert view.top >= -1e-6
    assert view.left >= -1e-6
    assert view.top + height / 2 == pytest.approx(device[0] / 2)
    assert view.left + width / 2 == pytest.approx(device[1] / 2)
    assert min(device[0] - height, device[1] - width) == pytest.approx(0, abs=1e-6)


@untimed
@given(VIEWS, SIZES, SIZES)
def test_a_part_of_the_image_is_always_kept_visible(view, image, device):
    kept = view.kept_visible(image, device)
    for offset, extent, side in (
        (kept.top, image[0] * view.scale, device[0]),
        (kept.left, image[1] * view.scale, device[1]),
    ):
        visible = min(offset + extent, side) - max(offset, 0)
        assert visible >= min(KEPT_VISIBLE_PX, extent, side) - 1e-6


@untimed
@given(VIEWS, st.integers(0, 300), st.integers(0, 300), SIZES)
def test_what_a_device_rectangle_shows_includes_all_its_pixels(view, top, left, image):
    device = Rect(top, left, top + 20, left + 30)
    shown = view.shown(device, image)
    rows = np.floor((np.arange(top, top + 20) + 0.5 - view.top) / view.scale)
    inside = rows[(rows >= 0) & (rows < image[0])]
    assert np.all((inside >= shown.top) & (inside < shown.bottom))
    assert Rect(0, 0, *image).union(shown) == Rect(0, 0, *image)
