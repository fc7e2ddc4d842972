"""The brush covers exactly the pixels that its definition says, in exact arithmetic."""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seggui.core import brush
from seggui.core.brush import capsule, capsule_spans, dab_outline
from seggui.core.geometry import UNITS_PER_PIXEL
from seggui.core.records import EMPTY_RECT

HEIGHT, WIDTH = 11, 13

# Grid points in and around the image, often on borders and centres of pixels, where ties are.
ROUND_STEPS = [n * UNITS_PER_PIXEL // 4 for n in range(-12, 4 * (WIDTH + 3))]
UNITS = st.one_of(
    st.sampled_from(ROUND_STEPS),
    st.integers(-3 * UNITS_PER_PIXEL, (WIDTH + 3) * UNITS_PER_PIXEL),
)
POINTS = st.tuples(UNITS, UNITS).map(lambda p: (p[0] / UNITS_PER_PIXEL, p[1] / UNITS_PER_PIXEL))
RADII = st.one_of(
    st.sampled_from([0.5, 0.625, 0.75, 1.0, 1.5, 2.0, 2.5, 5.0, 20.0]),
    st.integers(UNITS_PER_PIXEL // 2, 8 * UNITS_PER_PIXEL).map(lambda r: r / UNITS_PER_PIXEL),
)


def painted(p, q, radius, height=HEIGHT, width=WIDTH):
    """(height, width) bool array of the whole image."""
    image = np.zeros((height, width), bool)
    rect, pixels = capsule(p, q, radius, height=height, width=width)
    assert pixels.shape == (rect.height, rect.width)
    if not rect.is_empty:
        assert pixels.any(axis=0)[[0, -1]].all(), "the rectangle is tight"
        assert pixels.any(axis=1)[[0, -1]].all(), "the rectangle is tight"
        image[rect.slices] = pixels
    return image


def is_within(centre, p, q, radius):
    """Whether a point is at most radius from the segment, in fractions."""
    (y, x), (py, px), (qy, qx) = centre, p, q
    dy, dx = qy - py, qx - px
    squared = dy * dy + dx * dx
    t = ((y - py) * dy + (x - px) * dx) / squared if squared else Fraction(0)
    t = min(max(t, Fraction(0)), Fraction(1))
    return (py + t * dy - y) ** 2 + (px + t * dx - x) ** 2 <= radius * radius


def runs_through(row, col, p, q):
    """Whether the segment has a point in [row, row+1) x [col, col+1), in fractions.

    The parameters that are in the rows and those in the columns are two intervals whose ends may be
    open; if they share a point, they share one of the candidates.
    """
    ts = [Fraction(0), Fraction(1)]
    for low, start, end in ((row, p[0], q[0]), (col, p[1], q[1])):
        if start != end:
            ts += [(low - start) / (end - start), (low + 1 - start) / (end - start)]
    ts = sorted(t for t in ts if 0 <= t <= 1)
    ts += [(a + b) / 2 for a, b in pairwise(ts)]
    return any(
        row <= p[0] + t * (q[0] - p[0]) < row + 1 and col <= p[1] + t * (q[1] - p[1]) < col + 1
        for t in ts
    )


def defined(p, q, radius):
    """The documented definition, pixel by pixel."""
    p, q = tuple(map(Fraction, p)), tuple(map(Fraction, q))
    radius = Fraction(radius)
    half = Fraction(1, 2)
    return np.array(
        [
            [
                (radius > half and is_within((r + half, c + half), p, q, radius))
                or runs_through(r, c, p, q)
                for c in range(WIDTH)
            ]
            for r in range(HEIGHT)
        ]
    )


@settings(max_examples=80, deadline=None)
@given(POINTS, POINTS, RADII)
def test_covers_exactly_the_defined_pixels(p, q, radius):
    assert np.array_equal(painted(p, q, radius), defined(p, q, radius))


@settings(max_examples=60, deadline=None)
@given(POINTS, RADII)
def test_a_dab_covers_exactly_the_defined_pixels(p, radius):
    assert np.array_equal(painted(p, p, radius), defined(p, p, radius))


TIES = [  # pixel centres at exactly the radius: beside the segment, and around its ends
    ((5.5, 2.5), (5.5, 9.5), 1.0),
    ((5.5, 2.5), (5.5, 9.5), 3.0),
    ((1.5, 6.5), (8.5, 6.5), 2.0),
    ((2.5, 2.5), (8.5, 10.5), 2.0),  # direction (3, 4): the strip's border runs through centres
    ((8.5, 2.5), (2.5, 10.5), 5.0),
    ((5.5, 6.5), (5.5, 6.5), 5.0),
]


@pytest.mark.parametrize(("p", "q", "radius"), TIES)
def test_a_centre_at_exactly_the_radius_is_covered(p, q, radius):
    smaller = radius - 1 / UNITS_PER_PIXEL
    assert np.array_equal(painted(p, q, radius), defined(p, q, radius))
    assert np.array_equal(painted(p, q, smaller), defined(p, q, smaller))
    assert painted(p, q, radius).sum() > painted(p, q, smaller).sum()


@pytest.mark.parametrize("radius_px", [65536.0, 65535.99609375, 46340.5, 1.00390625])
def test_the_square_root_is_exact_where_floating_point_could_round_up(radius_px):
    radius = int(radius_px * UNITS_PER_PIXEL)
    squares = np.array([radius**2 - 1, radius**2, (radius - 1) ** 2 - 1], np.int64)
    assert brush._square_root(squares).tolist() == [math.isqrt(int(n)) for n in squares]


def test_from_radius_071_on_the_distance_alone_decides():
    p, q, radius = (2.25, 1.5), (8.75, 11.0), Fraction(182, 256)  # the first above sqrt(1/2)
    exact = [tuple(map(Fraction, point)) for point in (p, q)]
    near = [
        [is_within((r + Fraction(1, 2), c + Fraction(1, 2)), *exact, radius) for c in range(WIDTH)]
        for r in range(HEIGHT)
    ]
    assert np.array_equal(painted(p, q, float(radius)), np.array(near))


@settings(max_examples=100, deadline=None)
@given(POINTS, POINTS, RADII)
def test_direction_does_not_matter(p, q, radius):
    assert np.array_equal(painted(p, q, radius), painted(q, p, radius))


@settings(max_examples=100, deadline=None)
@given(
    start=st.tuples(UNITS, UNITS),
    step=st.tuples(st.integers(-150, 150), st.integers(-150, 150)),
    num_steps=st.integers(2, 12),
    cut=st.integers(1, 11),
    radius=RADII,
)
def test_cutting_a_segment_changes_nothing(start, step, num_steps, cut, radius):
    assume(cut < num_steps)

    def at(n):
        return tuple((a + n * b) / UNITS_PER_PIXEL for a, b in zip(start, step, strict=True))

    whole = painted(at(0), at(num_steps), radius)
    pieces = painted(at(0), at(cut), radius) | painted(at(cut), at(num_steps), radius)
    assert np.array_equal(whole, pieces)


@settings(max_examples=100, deadline=None)
@given(POINTS, POINTS, RADII, st.integers(0, 12), st.integers(0, 12))
def test_clipping_is_cropping(p, q, radius, down, right):
    large = painted(
        (p[0] + down, p[1] + right), (q[0] + down, q[1] + right), radius, HEIGHT + 24, WIDTH + 24
    )
    crop = large[down : down + HEIGHT, right : right + WIDTH]
    assert np.array_equal(painted(p, q, radius), crop)


@settings(max_examples=100, deadline=None)
@given(POINTS, POINTS, RADII)
def test_flipping_the_axes_flips_the_pixels(p, q, radius):
    assert np.array_equal(painted(p[::-1], q[::-1], radius, WIDTH, HEIGHT), painted(p, q, radius).T)


@settings(max_examples=100, deadline=None)
@given(
    st.tuples(st.floats(0, 10.99), st.floats(0, 12.99)),
    st.tuples(st.floats(0, 10.99), st.floats(0, 12.99)),
)
def test_the_pencil_draws_a_line_without_gaps(p, q):
    image = painted(p, q, 0.5)
    pixels = {tuple(map(int, pixel)) for pixel in np.argwhere(image)}
    reached, front = set(), [min(pixels)]
    while front:
        r, c = front.pop()
        if (r, c) in pixels and (r, c) not in reached:
            reached.add((r, c))
            front += [(r + a, c + b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
    assert reached == pixels


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10), st.integers(0, 12), st.floats(0, 0.99), st.floats(0, 0.99))
def test_a_pencil_dab_is_the_one_pixel_under_it(row, col, down, right):
    image = painted((row + down, col + right), (row + down, col + right), 0.5)
    assert np.argwhere(image).tolist() == [[row, col]]


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.floats(-300, 700), st.floats(-300, 700)),
    st.tuples(st.floats(-300, 700), st.floats(-300, 700)),
    st.floats(0.5, 90),
)
def test_blocks_are_the_same_pixels_without_overlap(p, q, radius):
    spans = capsule_spans(p, q, radius, height=400, width=500)
    count = np.zeros((400, 500), int)
    for rect, pixels in spans.blocks():
        count[rect.slices] += pixels
    assert np.array_equal(count, painted(p, q, radius, 400, 500).astype(int))


def test_a_long_thin_diagonal_costs_its_length_and_not_its_square():
    spans = capsule_spans((0.5, 0.5), (4095.5, 8191.5), 0.5, height=4096, width=8192)
    area = sum(pixels.size for _, pixels in spans.blocks())
    assert area < 4096 * 8192 / 50


@pytest.mark.parametrize("radius", [1.0, 300.0, 65536.0])
def test_the_largest_images_do_not_overflow(radius):
    size = 65536
    spans = capsule_spans((0.0, 0.0), (size, size), radius, height=size, width=size)
    for row in (0, 1, size // 2, size - 1):
        # On the diagonal, distance <= radius is |row - col| <= sqrt(2) radius; the start has a cap.
        offset = int(np.sqrt(2) * radius)
        start = int(spans.starts[row - spans.top])
        stop = int(spans.stops[row - spans.top])
        if offset < row < size - offset:
            assert (start, stop) == (row - offset, row + offset + 1)
        assert start <= row < stop


def test_far_outside_paints_nothing():
    assert capsule((-50.0, 3.0), (-9.0, 9.0), 4, height=10, width=10)[0] == EMPTY_RECT
    assert capsule((1e9, 3.0), (1e30, 9.0), 4, height=10, width=10)[0] == EMPTY_RECT


@pytest.mark.parametrize("radius", [0.0, -1.0, float("nan"), float("inf"), 1e6])
def test_a_senseless_radius_is_refused(radius):
    with pytest.raises(ValueError, match="radius"):
        capsule((1.0, 1.0), (2.0, 2.0), radius, height=10, width=10)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_senseless_point_is_refused(bad):
    with pytest.raises(ValueError, match="not finite"):
        capsule((1.0, bad), (2.0, 2.0), 3, height=10, width=10)


@settings(max_examples=60, deadline=None)
@given(POINTS, RADII)
def test_the_outline_encloses_the_pixels_of_a_dab(p, radius):
    outline = dab_outline(p, radius)
    following = np.roll(outline, -1, axis=0)
    assert ((outline == following).sum(axis=1) >= 1).all(), "every edge is straight"
    shift = 40
    image = np.zeros((100, 100), bool)
    for (r0, c0), (r1, c1) in zip(outline + shift, following + shift, strict=True):
        if c0 == c1:
            image[min(r0, r1) : max(r0, r1), c0:] ^= True
    moved = (p[0] + shift, p[1] + shift)
    assert np.array_equal(image, painted(moved, moved, radius, 100, 100))
