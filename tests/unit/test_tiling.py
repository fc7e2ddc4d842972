"""Tiles cover every pixel, and joining them leaves no seam."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.tiling import blend_weights, plan_tiles, stitch_bands

sides = st.integers(1, 150)
tile_sides = st.integers(1, 60)


def _stitched(tiles, size, answer):
    parts = []

    def finish(top, band):
        assert top == sum(len(part) for part in parts)
        parts.append(band)

    stitch_bands(tiles, size, answer, finish)
    return np.concatenate(parts)


@given(sides, sides, tile_sides, tile_sides)
@settings(max_examples=150, deadline=None)
def test_every_pixel_is_covered_with_a_weight_above_zero(height, width, tile_height, tile_width):
    total = np.zeros((height, width))
    for tile in plan_tiles((height, width), (tile_height, tile_width)):
        assert tile.top >= 0
        assert tile.left >= 0
        assert (tile.height, tile.width) == (min(height, tile_height), min(width, tile_width))
        part = total[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width]
        part += blend_weights(tile, (height, width))  # fails to broadcast when outside
    assert (total > 0).all()


@given(sides, sides, tile_sides, tile_sides, st.integers(0, 2**32 - 1))
@settings(max_examples=80, deadline=None)
def test_an_identity_network_gives_back_the_whole_image(height, width, th, tw, seed):
    image = np.random.default_rng(seed).random((height, width, 2), np.float32)

    result = _stitched(
        plan_tiles((height, width), (th, tw)),
        (height, width),
        lambda t: image[t.top : t.top + t.height, t.left : t.left + t.width],
    )

    np.testing.assert_allclose(result, image, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (479, 361), (64, 64), (65, 64)])
def test_awkward_sizes_include_the_last_row_and_column(size):
    tiles = plan_tiles(size, (64, 64))
    assert max(tile.top + tile.height for tile in tiles) == size[0]
    assert max(tile.left + tile.width for tile in tiles) == size[1]


def test_an_image_that_fits_is_one_tile():
    assert len(plan_tiles((64, 64), (64, 64))) == 1


def test_neighbours_overlap_by_a_quarter_at_least():
    tops = sorted({tile.top for tile in plan_tiles((1000, 64), (100, 64))})
    assert max(b - a for a, b in pairwise(tops)) <= 75


def test_two_disagreeing_tiles_blend_without_a_step():
    tiles = plan_tiles((1, 175), (1, 100))
    assert len(tiles) == 2

    row = _stitched(
        tiles, (1, 175), lambda t: np.full((t.height, t.width, 1), float(t.left > 0), np.float32)
    )[0, :, 0]

    assert row[0] == 0
    assert row[-1] == 1
    assert np.abs(np.diff(row)).max() < 0.1


def test_an_error_in_a_tile_stops_the_work():
    asked = []

    def answer(tile):
        asked.append(tile)
        raise KeyError("stop")

    with pytest.raises(KeyError):
        stitch_bands(plan_tiles((100, 100), (10, 10)), (100, 100), answer, lambda _t, _b: None)
    assert len(asked) == 1
