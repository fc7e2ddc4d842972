"""The connected region under a pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as np_st

from seggui.core import fill
from seggui.core.fill import flood_fill


def filled(mask, row, col):
    image = np.zeros(mask.shape, bool)
    rect, region = flood_fill(mask, row, col)
    assert region.shape == (rect.height, rect.width)
    assert region.any(axis=0)[[0, -1]].all(), "the rectangle is tight"
    assert region.any(axis=1)[[0, -1]].all(), "the rectangle is tight"
    image[rect.slices] = region
    return image


def region_of(mask, row, col):
    """The same, one pixel after the other."""
    image = np.zeros(mask.shape, bool)
    front = [(row, col)]
    while front:
        r, c = front.pop()
        is_new = 0 <= r < mask.shape[0] and 0 <= c < mask.shape[1] and not image[r, c]
        if is_new and mask[r, c] == mask[row, col]:
            image[r, c] = True
            front += [(r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)]
    return image


SHAPES = st.tuples(st.integers(1, 14), st.integers(1, 14))
MASKS = np_st.arrays(np.uint8, SHAPES, elements=st.sampled_from([0, 1, 1, 255]))


@settings(max_examples=120, deadline=None)
@given(MASKS, st.integers(0, 1000), st.integers(0, 1000))
def test_finds_the_four_connected_region(mask, row, col):
    row, col = row % mask.shape[0], col % mask.shape[1]
    assert np.array_equal(filled(mask, row, col), region_of(mask, row, col))


@settings(max_examples=100, deadline=None)
@given(MASKS, st.integers(0, 1000), st.integers(0, 1000))
def test_growing_the_window_loses_nothing(mask, row, col):
    row, col = row % mask.shape[0], col % mask.shape[1]
    usual = fill._FIRST_WINDOW_PX, fill._WINDOW_GROWTH
    fill._FIRST_WINDOW_PX, fill._WINDOW_GROWTH = 1, 2
    try:
        result = filled(mask, row, col)
    finally:
        fill._FIRST_WINDOW_PX, fill._WINDOW_GROWTH = usual
    assert np.array_equal(result, region_of(mask, row, col))


def serpentine(size):
    mask = np.zeros((size, size), np.uint8)
    mask[:, 1::2] = 1
    mask[0, 1::4] = 0
    mask[-1, 3::4] = 0
    return mask


def spiral(size):
    """A path of zeros, one pixel wide, from the corner to the middle."""
    mask = np.ones((size, size), np.uint8)
    row, col, step = 0, 0, (0, 1)
    mask[0, 0] = 0
    turns = 0
    while turns < 2:
        ahead = row + 2 * step[0], col + 2 * step[1]
        if all(0 <= a < size for a in ahead) and mask[ahead] == 1:
            mask[row + step[0], col + step[1]] = mask[ahead] = 0
            row, col = ahead
            turns = 0
        else:
            step = step[1], -step[0]
            turns += 1
    return mask


@pytest.mark.parametrize("make", [serpentine, spiral])
def test_long_winding_regions_are_found_completely(make):
    mask = make(301)
    assert np.array_equal(filled(mask, 0, 0), mask == 0)


@pytest.mark.parametrize("make", [serpentine, spiral])
def test_a_winding_way_takes_few_rounds(make, monkeypatch):
    rounds = []
    original = fill._roots
    monkeypatch.setattr(fill, "_roots", lambda *a: rounds.append(1) or original(*a))
    flood_fill(make(501), 0, 0)
    assert len(rounds) < 60  # one per row or pixel of the way would be hundreds


def test_a_small_region_in_a_large_mask_is_found_without_reading_all_of_it():
    class Watched(np.ndarray):
        largest = 0

        def __getitem__(self, key):
            part = super().__getitem__(key)
            Watched.largest = max(Watched.largest, np.size(part))
            return part

    mask = np.zeros((3000, 3000), np.uint8)
    mask[1500:1510, 1500:1510] = 1
    rect, region = flood_fill(mask.view(Watched), 1505, 1503)
    assert (rect.top, rect.left, rect.bottom, rect.right) == (1500, 1500, 1510, 1510)
    assert region.all()
    assert Watched.largest <= 512 * 512


@pytest.mark.parametrize(("row", "col"), [(-1, 0), (0, -1), (5, 0), (0, 7)])
def test_a_pixel_outside_is_refused(row, col):
    with pytest.raises(ValueError, match="outside"):
        flood_fill(np.zeros((5, 7), np.uint8), row, col)
