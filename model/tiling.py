"""Cutting a large image into overlapping tiles, and joining their answers without seams."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Tile:
    """One tile: rows [top, top + height), columns [left, left + width) of the image.

    A side is smaller than the tile size only where the whole image is.
    """

    top: int
    left: int
    height: int
    width: int


def plan_tiles(
    image_size: tuple[int, int], tile_size: tuple[int, int], *, overlap: float = 0.25
) -> tuple[Tile, ...]:
    """Covers an image with tiles of one size, evenly spread, row by row from the top left.

    Args:
        image_size: (height, width), at least 1 each.
        tile_size: (height, width), at least 1 each.
        overlap: share of a tile that neighbours have in common at least, in [0, 1).

    Returns:
        Tiles that cover every pixel; none reaches outside the image.
    """
    heights, widths = (
        _starts(length, tile, overlap) for length, tile in zip(image_size, tile_size, strict=True)
    )
    height, width = (min(a, b) for a, b in zip(image_size, tile_size, strict=True))
    return tuple(Tile(top, left, height, width) for top in heights for left in widths)


def _starts(length: int, tile: int, overlap: float) -> list[int]:
    """First pixels of the tiles along one side; the last tile ends with the image."""
    if length <= tile:
        return [0]
    step = max(1, int(tile * (1 - overlap)))
    count = -(-(length - tile) // step) + 1
    return [round(i * (length - tile) / (count - 1)) for i in range(count)]


def blend_weights(tile: Tile, image_size: tuple[int, int], *, overlap: float = 0.25) -> Floats:
    """How much each pixel of a tile counts: ramps towards its neighbours, flat at image borders.

    Returns:
        (tile.height, tile.width) float32 in (0, 1].
    """
    rows = _ramp(tile.top, tile.height, image_size[0], overlap)
    columns = _ramp(tile.left, tile.width, image_size[1], overlap)
    weights: Floats = rows[:, np.newaxis] * columns[np.newaxis, :]
    return weights


def _ramp(start: int, size: int, length: int, overlap: float) -> Floats:
    weights = np.ones(size, np.float32)
    width = min(size, max(1, int(size * overlap)))
    # Never zero: a pixel that only one tile covers must count, however near the edge it is.
    slope = ((np.arange(width) + 1) / (width + 1)).astype(np.float32)
    if start > 0:
        weights[:width] = np.minimum(weights[:width], slope)
    if start + size < length:
        weights[size - width :] = np.minimum(weights[size - width :], slope[::-1])
    return weights


def stitch_bands(
    tiles: Iterable[Tile],
    image_size: tuple[int, int],
    answer: Callable[[Tile], Floats],
    finish: Callable[[int, Floats], None],
) -> None:
    """Runs every tile and hands out blended rows as soon as no later tile touches them.

    Only the rows in work are in memory: a 100-megapixel image with 20 classes would need 8 GB.

    Args:
        tiles: from `plan_tiles`, in its order.
        image_size: (height, width) that was planned for.
        answer: gives a tile's probabilities, (tile.height, tile.width, C) float32; may raise.
        finish: receives the first row of a band and the band, (rows, width, C) float32, from top to
            bottom; together the bands are the whole image.
    """
    rows_of_tiles = [list(group) for _, group in groupby(tiles, key=lambda tile: tile.top)]
    total: Floats | None = None  # (rows, W, C) and (rows, W, 1) from row `first` on
    weight = np.zeros((0, image_size[1], 1), np.float32)
    first = 0
    for index, row in enumerate(rows_of_tiles):
        top, height = row[0].top, row[0].height
        for tile in row:
            values = answer(tile)
            if total is None:
                total = np.zeros((0, image_size[1], values.shape[-1]), np.float32)
            total = _grown(total, top + height - first)
            weight = _grown(weight, top + height - first)
            share = blend_weights(tile, image_size)[..., np.newaxis]
            where = (
                slice(top - first, top - first + height),
                slice(tile.left, tile.left + tile.width),
            )
            total[where] += values * share
            weight[where] += share
        end = rows_of_tiles[index + 1][0].top if index + 1 < len(rows_of_tiles) else image_size[0]
        assert total is not None
        finish(first, total[: end - first] / weight[: end - first])
        total, weight, first = total[end - first :], weight[end - first :], end


def _grown(array: Floats, num_rows: int) -> Floats:
    missing = num_rows - len(array)
    if missing <= 0:
        return array
    return np.concatenate([array, np.zeros((missing, *array.shape[1:]), np.float32)])
