"""The inside of a polygon, by pixel centres and winding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seggui.core.polygon import polygon_pixels

HEIGHT, WIDTH = 12, 14
# Quarters of a pixel: many corners lie exactly on pixel borders and centres.
COORDINATES = st.integers(-12, 4 * 17).map(lambda n: n / 4)
POLYGONS = st.lists(st.tuples(COORDINATES, COORDINATES), min_size=3, max_size=9)


def filled(points, height=HEIGHT, width=WIDTH):
    image = np.zeros((height, width), bool)
    rect, inside = polygon_pixels(points, height=height, width=width)
    assert inside.shape == (rect.height, rect.width)
    if not rect.is_empty:
        assert inside.any(axis=0)[[0, -1]].all(), "the rectangle is tight"
        assert inside.any(axis=1)[[0, -1]].all(), "the rectangle is tight"
        image[rect.slices] = inside
    return image


def winding(row, col, points):
    """Turns around a pixel centre, counted on a ray to the left (coordinates are exact floats)."""
    y, x = row + 0.5, col + 0.5
    turns = 0
    for (y0, x0), (y1, x1) in zip(points, points[1:] + points[:1], strict=True):
        if y0 <= y < y1 and (x - x0) * (y1 - y0) >= (y - y0) * (x1 - x0):
            turns += 1
        if y1 <= y < y0 and (x - x1) * (y0 - y1) >= (y - y1) * (x0 - x1):
            turns -= 1
    return turns


@settings(max_examples=100, deadline=None)
@given(POLYGONS)
def test_a_pixel_is_inside_when_the_polygon_winds_around_its_centre(points):
    expected = [[winding(r, c, points) != 0 for c in range(WIDTH)] for r in range(HEIGHT)]
    assert np.array_equal(filled(points), np.array(expected))


@settings(max_examples=80, deadline=None)
@given(POLYGONS, st.integers(0, 8))
def test_direction_and_first_corner_do_not_matter(points, turn):
    turn %= len(points)
    assert np.array_equal(filled(points), filled((points[turn:] + points[:turn])[::-1]))


@settings(max_examples=80, deadline=None)
@given(st.tuples(COORDINATES, COORDINATES), st.tuples(COORDINATES, COORDINATES))
def test_polygons_on_both_sides_of_a_cut_share_no_pixel_and_leave_none(p, q):
    # A frame far outside, cut from its top left to its bottom right along p and q.
    first, last = (-50.0, -50.0), (90.0, 90.0)
    left = filled([first, p, q, last, (90.0, -50.0)]).astype(int)
    right = filled([first, (-50.0, 90.0), last, q, p]).astype(int)
    cut = [first, p, q, last]
    rows = [point[0] for point in cut]
    if rows == sorted(rows):  # otherwise the cut crosses itself and the halves overlap
        assert (left + right == 1).all()


def test_a_loop_that_crosses_itself_has_no_hole():
    twice_round = [(1.0, 1.0), (1.0, 9.0), (9.0, 9.0), (9.0, 1.0)] * 2
    assert np.array_equal(filled(twice_round), filled(twice_round[:4]))
    assert filled(twice_round).sum() == 64


@pytest.mark.parametrize("points", [[], [(3.0, 3.0)], [(1.0, 1.0), (9.0, 9.0)]])
def test_fewer_than_three_points_enclose_nothing(points):
    assert not filled(points).any()


def test_a_polygon_outside_the_image_is_empty():
    rect, inside = polygon_pixels(
        [(20.0, 20.0), (30.0, 20.0), (30.0, 40.0)], height=HEIGHT, width=WIDTH
    )
    assert rect.is_empty
    assert inside.size == 0


def test_a_senseless_corner_is_refused():
    with pytest.raises(ValueError, match="not finite"):
        polygon_pixels([(0.0, 0.0), (5.0, float("nan")), (5.0, 5.0)], height=9, width=9)
